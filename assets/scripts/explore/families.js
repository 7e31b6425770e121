/* What is peculiar to a kind of code: the cloud of a Gaussian one, the entries of a codebook, the classes of a choice, the
 * active numbers of a sparse one. `walk` shows it under the picture, `grip` draws the cloud on the map. */

import { tile, weightTile } from "./paint.js";
import { choice, make } from "./parts.js";

const MOST_WORDS = 64, MOST_ACTIVE = 12, LANES = 16, REACH = 3; // REACH: standard deviations at either end of a lane
const REST = 90; // ms without movement after which many pictures are made anew

/** The part of the walk that this kind of code has, in this element. */
export function family(K, box) {
  const { state } = K, own = { slot: 0, active: new Map(), item: null };
  let timer = 0;
  const slot = choice("slot", [], (value) => { own.slot = Number(value); show(); }, { testid: "explore-slot" });
  const title = make("h5"), hint = make("p", "ex-hint"), body = make("div", "", { testid: "explore-family" });
  box.append(title, hint, slot.box, body);

  function show() {
    const { network, items, z } = state.values, kind = network && kindOf(network);
    box.hidden = !kind || !items || !z || z.length !== network.width;
    if (box.hidden) return;
    title.textContent = K.say(`family_of_${kind}`);
    hint.textContent = K.say(`family_help_${kind}`);
    slot.box.hidden = true;
    SHOWN[kind](K, { own, slot, body, show });
    body.dataset.kind = kind;
  }

  const soon = () => { if (state.values.view !== "walk") return; clearTimeout(timer); timer = setTimeout(show, REST); };
  K.on(["z", "network", "items", "frame", "view", "as", "focus"], soon);
  K.ends.push(() => clearTimeout(timer));
  show();
}

/** The kind of code, as far as it has something of its own to show. */
export function kindOf({ code }) {
  if (code.kind === "point") return code.activation === "relu" ? "sparse" : "";
  return { variational: "cloud", quantised: "words", categorical: "classes", k_sparse: "sparse" }[code.kind] ?? "";
}

const SHOWN = { cloud, words, classes, sparse };

// ------------------------------------------------------------------------------------------------------- clouds

let known = {};

/** The cloud of the item in hand, or else of the item nearest to the grip: {item, row, mu, sigma}; null of other codes. */
export function posterior(K) {
  const { network, items, codes, focus, z } = K.state.values;
  if (!network || !items || !codes || !z || network.code.kind !== "variational") return null;
  const item = focus ?? nearest(codes, z), row = items.row(item);
  if (row === undefined) return null;
  if (known.network !== network || known.row !== row) {
    const { mu, logVar } = network.encode(items.x(row), items.labels[row]);
    known = { network, row, item, mu, sigma: logVar.map((value) => Math.exp(value / 2)) };
  }
  return known;
}

/** The item whose place on the map is nearest to z; of codes that the map does not show as they are, the one that was in
 *  hand last. */
function nearest({ header, arrays: { place, item } }, z) {
  const width = place.shape[1];
  if (header.axes !== "code" || width !== z.length) return known.item ?? item.data[0];
  let best = 0, least = Infinity;
  for (let at = 0; at < item.data.length; at++) {
    let far = 0;
    for (let i = 0; i < width; i++) far += (place.data[at * width + i] - z[i]) ** 2;
    if (far < least) { least = far; best = at; }
  }
  return item.data[best];
}

function cloud(K, { body }) {
  const found = posterior(K);
  if (!found) return body.replaceChildren();
  const { items } = K.state.values, { item, row, mu, sigma } = found;
  const order = Array.from(mu.keys()).sort((a, b) => sigma[a] - sigma[b]).slice(0, LANES); // those that are told most exactly
  const lanes = order.map((at) => {
    const bar = document.createElement("i"), left = share(mu[at] - sigma[at]), right = share(mu[at] + sigma[at]);
    Object.assign(bar.style, { left: `${100 * left}%`, width: `${100 * (right - left)}%` });
    return make("div", "ex-lane", { number: at }, make("span", "", {}, `z${at + 1}`), make("span", "ex-track", {}, bar), make("span", "", {}, `${K.num(mu[at], 2)} ± ${K.num(sigma[at], 2)}`));
  });
  body.replaceChildren(make("div", "ex-cloud-of", {}, tile(items, items.x(row)), make("div", "", {}, ...lanes)), ...prior(K));
  body.dataset.item = item;
}

/** The learned inputs whose clouds are the prior; a click goes to the middle of one's cloud. */
function prior(K) {
  const { network, items } = K.state.values;
  if (!network.pseudo) return [];
  const { data, shape: [count, features] } = network.pseudo;
  const cards = Array.from({ length: Math.min(count, MOST_WORDS) }, (_, at) => {
    const x = data.subarray(at * features, (at + 1) * features);
    const made = make("button", "ex-card ex-one", { pseudo: at }, tile(items, x));
    made.type = "button";
    made.setAttribute("aria-label", K.say("pseudo_input", { number: at + 1 }));
    made.addEventListener("click", () => K.state.set({ z: Float32Array.from(network.encode(x, -1).mu), focus: null }));
    return made;
  });
  return [make("p", "ex-hint", {}, K.say("pseudo_inputs", { count })), make("div", "ex-grid ex-tight", {}, ...cards)];
}

const share = (value) => Math.min(Math.max((value + REACH) / (2 * REACH), 0), 1);

// ------------------------------------------------------------------------------------------------ words and classes

/** One part of the code as a row of what it can be; a click chooses. */
function words(K, view) {
  const { network } = K.state.values, { data, shape: [entries, size] } = network.codebook;
  const entry = (at) => data.subarray(at * size, (at + 1) * size);
  const gap = (a, b) => a.reduce((sum, value, i) => sum + (value - b[i]) ** 2, 0);
  options(K, view, network.width / size, entries, size, entry, (part) => {
    let best = 0;
    for (let at = 1; at < entries; at++) if (gap(entry(at), part) < gap(entry(best), part)) best = at;
    return best;
  });
}

function classes(K, view) {
  const { network } = K.state.values, count = network.code.classes;
  const entry = (at) => Float32Array.from({ length: count }, (_, other) => (other === at ? 1 : 0));
  options(K, view, network.width / count, count, count, entry, (part) => part.indexOf(Math.max(...part)));
}

function options(K, { own, slot, body, show }, slots, entries, size, entry, chosen) {
  const { network, items, z } = K.state.values;
  own.slot = Math.min(own.slot, slots - 1);
  slot.box.hidden = slots < 2;
  slot.fill(Array.from({ length: slots }, (_, at) => [at, String(at + 1)]));
  slot.select.value = own.slot;
  const from = own.slot * size, now = chosen(z.subarray(from, from + size));
  const cards = Array.from({ length: Math.min(entries, MOST_WORDS) }, (_, at) => {
    const other = Float32Array.from(z);
    other.set(entry(at), from);
    const made = make("button", "ex-card ex-one", { entry: at }, tile(items, network.decode(other)), make("small", "", {}, String(at + 1)));
    made.type = "button";
    made.setAttribute("aria-pressed", at === now);
    made.addEventListener("click", () => { K.state.set({ z: other, focus: null }); show(); });
    return made;
  });
  body.replaceChildren(make("div", "ex-grid ex-tight", {}, ...cards));
}

// ---------------------------------------------------------------------------------------------- active numbers

/** What each active number adds to the picture; a click takes it away, and brings it back. */
function sparse(K, { own, body, show }) {
  const { network, items, z, focus } = K.state.values;
  if (focus !== null && focus !== own.item) Object.assign(own, { item: focus, active: new Map() });
  for (let at = 0; at < z.length; at++) if (z[at] !== 0) own.active.set(at, z[at]);
  const order = [...own.active.keys()].sort((a, b) => Math.abs(own.active.get(b)) - Math.abs(own.active.get(a))).slice(0, MOST_ACTIVE);
  const cards = order.map((at) => {
    const without = Float32Array.from(z), whole = Float32Array.from(z);
    without[at] = 0;
    whole[at] = own.active.get(at);
    const base = network.decode(without), added = network.decode(whole).map((value, i) => value - base[i]);
    const made = make("button", "ex-card ex-one", { number: at }, weightTile(items, added), make("small", "", {}, `z${at + 1} = ${K.num(own.active.get(at), 2)}`));
    made.type = "button";
    made.setAttribute("aria-pressed", z[at] !== 0);
    made.addEventListener("click", () => { K.state.set({ z: z[at] === 0 ? whole : without, focus: null }); show(); });
    return made;
  });
  body.replaceChildren(make("div", "ex-grid ex-tight", {}, ...cards), make("p", "ex-hint", {}, K.say("active_of", { active: z.filter((value) => value !== 0).length, width: z.length })));
}
