/* Walk: what the decoder makes of the code under the grip, with a slider for each number of a wider one. */

import { family, kindOf } from "./families.js";
import { cells } from "./cells.js";
import { difference, show as paint } from "./paint.js";
import { choice, make } from "./parts.js";

const MOST_SLIDERS = 64;

/** The view in this panel. */
export function walk(K, panel) {
  const { state } = K;
  const big = canvas("ex-big", "explore-decoded"), words = document.createElement("p"), lever = document.createElement("div");
  const trio = document.createElement("div"), hint = Object.assign(document.createElement("p"), { className: "ex-hint" });
  lever.className = "ex-levers";
  trio.className = "ex-trio";
  words.className = "ex-z";
  words.setAttribute("aria-live", "polite");
  const as = choice("as_class", [], (value) => state.set({ as: Number(value) }), { testid: "explore-as" });
  const own = make("section", "ex-part ex-family");
  as.box.hidden = trio.hidden = true; // until there is something to show
  const row = cells(K);
  panel.append(hint, as.box, big, words, trio, row.box, own, lever);
  family(K, own);
  const parts = ["original", "rebuilt", "off"].map((name) => {
    const figure = document.createElement("figure"), caption = document.createElement("figcaption"), picture = canvas("ex-item", `explore-${name}`);
    caption.dataset.t = `part_${name}`;
    figure.append(picture, caption);
    trio.append(figure);
    return picture;
  });
  let decodes = 0;

  function show() {
    const { network, items, z, focus } = state.values;
    if (!network || !items || !z || z.length !== network.width) return;
    const made = network.decode(z);
    decodes++;
    big.classList.toggle("ex-low", items.about.form === "table"); // its cells say more than its bars
    paint(big, items, made);
    big.dataset.decodes = decodes;
    big.dataset.z = Array.from(z).join(",");
    big.setAttribute("aria-label", K.say("decoded", { z: said(z) }));
    words.textContent = said(z);
    const at = focus === null ? undefined : items.row(focus);
    trio.hidden = at === undefined;
    if (at !== undefined) pieces(items, network, at);
    else row.show(items, made);
  }

  function pieces(items, network, at) {
    const x = items.x(at), rebuilt = network.reconstruct(x, items.labels[at]);
    paint(parts[0], items, x);
    paint(parts[1], items, rebuilt);
    difference(parts[2], items, x, rebuilt);
    row.show(items, rebuilt, x);
  }

  const said = (z) => (z.length <= 4 ? Array.from(z, (value, at) => `z${at + 1} = ${K.num(value)}`).join("   ") : K.say("wide", { width: z.length }));

  function levers() {
    const { network, codes } = state.values;
    if (!network || !codes) return;
    const spread = codes.arrays.range, drawn = network.width <= 2 && codes.header.axes === "code";
    as.box.hidden = !network.classes;
    as.fill(Array.from({ length: network.classes }, (_, label) => [label, K.name(label)]));
    as.select.value = state.values.as;
    const chosen = ["words", "classes"].includes(kindOf(network)); // its decoder knows no numbers in between
    hint.hidden = chosen && !drawn;
    hint.textContent = K.say(drawn ? "hint_walk" : network.width > MOST_SLIDERS ? "hint_many" : "hint_sliders", { most: MOST_SLIDERS });
    const count = drawn || chosen ? 0 : Math.min(network.width, MOST_SLIDERS);
    if (lever.children.length !== count) lever.replaceChildren(...Array.from({ length: count }, (_, at) => slider(at)));
    for (let at = 0; at < count; at++) {
      const input = lever.children[at].querySelector("input"), low = spread.data[at], high = spread.data[2 * network.width + at];
      const room = Math.max(high - low, 1e-3) * 0.25;
      Object.assign(input, { min: low - room, max: high + room, step: (high - low + 2 * room) / 200 });
    }
    follow();
  }

  function slider(at) {
    const label = document.createElement("label"), name = document.createElement("span"), input = document.createElement("input"), value = document.createElement("output");
    name.textContent = `z${at + 1}`;
    input.type = "range";
    input.dataset.testid = `explore-z${at + 1}`;
    input.addEventListener("input", () => {
      const z = Float32Array.from(state.values.z);
      z[at] = Number(input.value);
      state.set({ z, focus: null });
    });
    label.append(name, input, value);
    return label;
  }

  function follow() {
    const { z } = state.values;
    if (!z) return;
    [...lever.children].forEach((label, at) => {
      label.querySelector("input").value = z[at];
      label.querySelector("output").textContent = K.num(z[at]);
    });
  }

  K.on(["z", "network", "items", "focus", "frame", "view", "as"], () => { if (state.values.view === "walk") show(); });
  K.on(["network", "codes", "frame"], levers);
  K.on(["z"], follow);
  K.on(["focus", "network"], () => { // an item that is pointed at is where the walk goes on
    const { focus, items, network } = state.values, row = focus === null || !items ? undefined : items.row(focus);
    if (row !== undefined && network) state.set({ z: Float32Array.from(network.encode(items.x(row), items.labels[row]).z) });
  });
  levers();
  show();
}

function canvas(className, testid) {
  const made = Object.assign(document.createElement("canvas"), { className });
  made.setAttribute("role", "img");
  made.dataset.testid = testid;
  return made;
}
