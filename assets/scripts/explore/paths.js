/* Paths: from one item to another through the code, sums of class means, one number at a time, and random samples. */

import { tile } from "./paint.js";
import { apart, button, choice, make, nearestRows, part } from "./parts.js";
import { fullCodes } from "./rows.js";

const FRAMES = 9, DIMENSIONS = 10, SAMPLES = 24;

/** The view in this panel. */
export function paths(K, panel) {
  const { state } = K, own = { from: null, to: null, seed: 0, sampler: "", plus: 0, minus: 0, start: 0 };
  const between = part("between_title", "between_help"), ends = make("div", "ex-ends"), strips = make("div", "ex-strips", { testid: "explore-between" });
  between.append(ends, strips);
  const sums = part("sums_title", "sums_help"), terms = make("div", "ex-actions"), result = make("div", "ex-sum", { testid: "explore-sums" });
  sums.append(terms, result);
  const along = part("along_title", "along_help"), lanes = make("div", "ex-lanes", { testid: "explore-along" });
  along.append(lanes);
  const drawn = part("samples_title", "samples_help"), samples = make("div", "ex-grid ex-tight", { testid: "explore-samples" });
  const sampler = choice("sampler", [], (value) => { own.sampler = value; draw(); }, { testid: "explore-sampler" });
  drawn.append(make("div", "ex-actions", {}, sampler.box, button("draw_again", () => { own.seed++; draw(); }, { testid: "explore-draw-again" })), samples);
  panel.append(between, sums, along, drawn);
  const pickers = ["start", "minus", "plus"].map((name) => choice(`sum_${name}`, [], (value) => { own[name] = Number(value); add(); }, { testid: `explore-sum-${name}` }));
  terms.append(...pickers.map(({ box }) => box));

  const ready = () => state.values.view === "paths" && state.values.network && state.values.items && state.values.codes;

  function show() {
    if (!ready()) return;
    const { items } = state.values, labels = items.labels;
    if (own.from === null || items.row(own.from) === undefined) own.from = items.ids[0];
    own.to ??= items.ids[Math.max(Array.from(labels).findIndex((label) => label !== labels[0]), 1)];
    walk();
    classes();
    traverse();
    draw();
  }

  async function walk() {
    const { network, items } = state.values, codes = await fullCodes(K);
    if (!ready() || network !== state.values.network) return;
    const rows = [own.from, own.to].map((item) => items.row(item));
    const [a, b] = rows.map((row) => Float32Array.from(network.encode(items.x(row), items.labels[row]).z));
    const [x, y] = rows.map((row) => items.x(row)), near = reach(codes);
    const frames = Array.from({ length: FRAMES }, (_, at) => at / (FRAMES - 1));
    const straight = frames.map((share) => mix(a, b, share)), label = items.labels[rows[0]];
    const made = straight.map((z) => frame(K, items, network.decode(z, label), neighbours(codes, z, near)));
    const faded = frames.map((share) => { const middle = mix(x, y, share); return frame(K, items, middle, neighbours(codes, network.encode(middle, label).z, near)); });
    ends.replaceChildren(...["from", "to"].map((name, at) => {
      const card = make("span", "ex-end", {}, tile(items, items.x(rows[at])), make("span", "", {}, K.say(`end_${name}`, { item: own[name], label: K.name(items.labels[rows[at]]) })));
      card.append(Object.assign(button(`pick_${name}`, () => { if (state.values.focus !== null) { own[name] = state.values.focus; walk(); } }, { testid: `explore-pick-${name}` }), { textContent: K.say(`pick_${name}`), disabled: state.values.focus === null }));
      return card;
    }));
    strips.replaceChildren(strip(K, "strip_code", made), strip(K, "strip_pixels", faded));
  }

  function classes() {
    const { items } = state.values, names = [...new Set(items.labels)].filter((label) => label >= 0).sort((a, b) => a - b);
    sums.hidden = names.length < 3;
    if (sums.hidden) return;
    if (!names.includes(own.minus) || own.start === own.minus) [own.start, own.minus, own.plus] = names;
    for (const [at, name] of ["start", "minus", "plus"].entries()) {
      pickers[at].fill(names.map((label) => [label, K.name(label)]));
      pickers[at].select.value = own[name];
    }
    add();
  }

  async function add() {
    const { network, items } = state.values, codes = await fullCodes(K);
    if (!ready() || network !== state.values.network) return;
    const [start, minus, plus] = ["start", "minus", "plus"].map((name) => meanCode(codes, items, own[name], network.width));
    const z = start.map((value, at) => value - minus[at] + plus[at]), rows = Array.from({ length: codes.count }, (_, row) => row);
    const [nearest] = nearestRows(rows, codes.z, z, 1), told = (key) => make("figcaption", "", {}, K.say(key));
    const pictures = [[start, "sum_start"], [minus, "sum_minus"], [plus, "sum_plus"], [z, "sum_result"]].map(([code, key]) => make("figure", "", {}, tile(items, network.decode(code, own.start)), told(key)));
    pictures.push(make("figure", "", {}, tile(items, items.x(nearest[0])), told("sum_nearest")));
    result.replaceChildren(...pictures);
  }

  function traverse() {
    const { network, codes, items } = state.values, z = state.values.z ?? new Float32Array(network.width), spread = codes.arrays.range.data, width = network.width;
    const order = Array.from({ length: width }, (_, at) => at).sort((a, b) => spread[2 * width + b] - spread[b] - (spread[2 * width + a] - spread[a]));
    lanes.replaceChildren(...order.slice(0, DIMENSIONS).map((at) => {
      const low = spread[at], high = spread[2 * width + at];
      const frames = Array.from({ length: FRAMES }, (_, step) => { const moved = Float32Array.from(z); moved[at] = low + ((high - low) * step) / (FRAMES - 1); return make("figure", "", {}, tile(items, network.decode(moved)), make("figcaption", "", {}, K.num(moved[at], 2))); });
      return make("div", "ex-strip", { dimension: at }, make("span", "", {}, `z${at + 1}`), ...frames);
    }));
  }

  async function draw() {
    const { step, items } = state.values;
    try {
      const frame = await K.client.ask({ kind: "samples", count: SAMPLES, seed: own.seed, ...(own.sampler ? { sampler: own.sampler } : {}) }, step);
      if (!ready() || step !== state.values.step) return;
      sampler.fill(frame.header.samplers.map((name) => [name, K.say(`sampler_${name}`)]));
      sampler.select.value = own.sampler = frame.header.sampler;
      const { data, shape } = frame.arrays.x, width = shape[1];
      samples.replaceChildren(...Array.from({ length: shape[0] }, (_, at) => tile(items, data.subarray(at * width, (at + 1) * width))));
    } catch (error) {
      if (error.name !== "AbortError") samples.replaceChildren(make("p", "ex-hint", {}, error.message));
    }
  }

  K.on(["codes", "items", "network", "frame", "view"], show);
  K.on(["z"], () => { if (ready()) traverse(); });
  K.on(["focus"], () => { if (ready()) walk(); });
  show();
}

const mix = (a, b, share) => Float32Array.from(a, (value, at) => value + (b[at] - value) * share);

/** The usual distance of a code to its eighth neighbour: who is nearer than this to a place lives there. */
function reach(codes) {
  codes.reach ??= (() => {
    const step = Math.max(1, Math.floor(codes.count / 60)), rows = Array.from({ length: codes.count }, (_, row) => row);
    const found = rows.filter((row) => row % step === 0).map((row) => nearestRows(rows, codes.z, codes.z(row), 9).at(-1)[1]);
    return found.sort((a, b) => a - b)[Math.floor(found.length / 2)];
  })();
  return codes.reach;
}

function neighbours(codes, z, near) {
  let count = 0;
  for (let row = 0; row < codes.count; row++) if (apart(codes.z(row), z) <= near * near) count++;
  return count;
}

function frame(K, items, x, count) {
  const made = make("figure", count ? "" : "ex-lonely", { neighbours: count }, tile(items, x), make("figcaption", "", {}, K.num(count)));
  made.title = K.say("neighbours", { count });
  return made;
}

const strip = (K, key, frames) => make("div", "ex-strip", {}, make("span", "", {}, K.say(key)), ...frames);

function meanCode(codes, items, label, width) {
  const mean = new Float32Array(width);
  let count = 0;
  for (let row = 0; row < codes.count; row++) {
    if (items.labels[row] !== label) continue;
    codes.z(row).forEach((value, at) => { mean[at] += value; });
    count++;
  }
  return mean.map((value) => value / Math.max(count, 1));
}
