/* The grip: a point on the map that is dragged, and the picture that the decoder makes of it, right under the finger. */

import { show as paint } from "./paint.js";

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
  sheet.append(handle);
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

  function show() {
    sheet.hidden = !able() || state.values.mode !== "walk";
    const { z, items, network } = state.values;
    handle.hidden = !able() || !z;
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
  K.on(["z", "network", "items", "mode", "codes", "frame", "as"], show);
  K.on(["network", "codes"], () => { if (!state.values.z && state.values.network && state.values.codes) state.set({ z: start(K) }); });
}

/** Where the walk begins: at the code of the item that is reconstructed best. */
function start(K) {
  const { codes, network } = K.state.values, { place, error } = codes.arrays;
  const best = error.data.indexOf(Math.min(...error.data.slice(0, 2000)));
  if (place.shape[1] !== network.width || codes.header.axes !== "code") return new Float32Array(network.width);
  return place.data.slice(best * network.width, (best + 1) * network.width);
}
