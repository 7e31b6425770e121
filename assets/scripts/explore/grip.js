/* The grip: a point on the map that is dragged, and the picture that the decoder makes of it, right under the finger. */

import { posterior } from "./families.js";
import { show as paint } from "./paint.js";

const CLOUDS = [2, 1]; // standard deviations
const STEP = 0.02, LEAP = 0.1; // of the width of the map, by the arrow keys, and with Shift

/** Puts the grip over the map M. It moves only where the map shows the code itself, not a projection of it. */
export function grip(M, place) {
  const { K } = M, { state } = K;
  const sheet = Object.assign(document.createElement("div"), { className: "ex-sheet" });
  const handle = Object.assign(document.createElement("div"), { className: "ex-grip", tabIndex: 0, hidden: true });
  const canvas = Object.assign(document.createElement("canvas"), { className: "ex-small" });
  Object.assign(handle.dataset, { testid: "explore-grip" });
  Object.assign(sheet.dataset, { testid: "explore-sheet" });
  handle.setAttribute("role", "application"); // arrow keys move it in two directions, which no other role has
  handle.append(canvas, document.createElement("i"));
  const clouds = CLOUDS.map((reach) => Object.assign(document.createElement("div"), { className: "ex-cloud", hidden: true, reach }));
  sheet.append(...clouds, handle);
  place.append(sheet);

  const axes = () => (M.drawn && M.plot._fullLayout?.xaxis ? [M.plot._fullLayout.xaxis, M.plot._fullLayout.yaxis] : null);
  const width = () => state.values.network?.width ?? 0;
  const able = () => M.drawn && axes() && M.drawn.header.axes === "code" && !M.drawn.header.method && width() > 0 && width() <= 2;

  function move(clientX, clientY) {
    const [x, y] = axes(), box = M.plot.getBoundingClientRect(), z = Float32Array.from(state.values.z ?? new Float32Array(width()));
    z[0] = x.p2d(Math.min(Math.max(clientX - box.left - x._offset, 0), x._length));
    if (width() === 2) z[1] = y.p2d(Math.min(Math.max(clientY - box.top - y._offset, 0), y._length));
    state.set({ z, focus: null });
  }

  /** One and two standard deviations around the mean of the item in hand, or of the one nearest to the grip. */
  function drawCloud() {
    const cloud = handle.hidden || width() !== 2 ? null : posterior(K);
    for (const element of clouds) {
      element.hidden = !cloud;
      if (!cloud) continue;
      const [x, y] = axes(), [across, up] = [x, y].map((axis, at) => [axis._offset + axis.d2p(cloud.mu[at]), Math.abs(axis.d2p(cloud.sigma[at]) - axis.d2p(0)) * element.reach]);
      Object.assign(element.style, { left: `${across[0] - across[1]}px`, top: `${up[0] - up[1]}px`, width: `${2 * across[1]}px`, height: `${2 * up[1]}px` });
      element.dataset.item = cloud.item;
    }
  }

  function show() {
    sheet.hidden = !able() || state.values.mode !== "walk";
    const { z, items, network } = state.values;
    handle.hidden = !able() || !z;
    drawCloud();
    if (handle.hidden) return;
    const [x, y] = axes(), left = x._offset + x.d2p(z[0]), top = width() === 2 ? y._offset + y.d2p(z[1]) : y._offset + y._length / 2;
    handle.style.transform = `translate(${left}px, ${top}px)`;
    handle.classList.toggle("ex-low", top < 110);
    handle.setAttribute("aria-label", K.say("grip", { z: Array.from(z, (value) => K.num(value)).join(", ") }));
    if (items) paint(canvas, items, network.decode(z));
  }

  sheet.addEventListener("pointerdown", (event) => {
    if (!able() || event.button) return;
    sheet.setPointerCapture(event.pointerId);
    handle.focus({ preventScroll: true });
    move(event.clientX, event.clientY);
    event.preventDefault();
  });
  sheet.addEventListener("pointermove", (event) => { if (sheet.hasPointerCapture(event.pointerId)) move(event.clientX, event.clientY); });
  sheet.addEventListener("wheel", (event) => { // zoom goes through to the map below
    M.plot.querySelector(".nsewdrag")?.dispatchEvent(new WheelEvent("wheel", event));
    event.preventDefault();
  }, { passive: false });
  handle.addEventListener("keydown", (event) => {
    const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
    if (!way || !able()) return;
    const size = event.shiftKey ? LEAP : STEP, z = Float32Array.from(state.values.z);
    axes().forEach((axis, at) => { if (at < width()) z[at] += way[at] * size * Math.abs(axis.range[1] - axis.range[0]); });
    state.set({ z, focus: null });
    event.preventDefault();
    event.stopPropagation();
  });
  M.moved = show;
  K.on(["z", "network", "items", "mode", "codes", "frame", "as", "focus"], show);
  K.on(["network", "codes", "items"], () => { if (!state.values.z && state.values.network && state.values.codes) state.set(start(K)); });
}

/** Where the walk begins: at the item that is reconstructed best; nowhere while its code is not known. */
function start(K) {
  const { codes, network, items } = K.state.values, { place, error, item } = codes.arrays;
  const best = error.data.indexOf(Math.min(...error.data.slice(0, 2000)));
  if (place.shape[1] === network.width && codes.header.axes === "code") return { z: place.data.slice(best * network.width, (best + 1) * network.width) };
  const row = items?.row(item.data[best]);
  return row === undefined ? {} : { z: network.encode(items.x(row), items.labels[row]).z, focus: item.data[best] };
}
