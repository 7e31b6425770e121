/* Rebuilt: how well items come back, from the worst to the best, and what noise does to them. */

import { errorTile, tile } from "./paint.js";
import { button, chance, choice, lever, make, normal, part } from "./parts.js";

const SHOWN = 18, BINS = 48, ORDERS = ["worst", "median", "best", "classes"];
const NOISES = {
  gaussian: (x, level, random) => x.map((value) => value + level * normal(random)),
  masking: (x, level, random) => x.map((value) => (random() < level ? 0 : value)),
  salt_and_pepper: (x, level, random) => x.map((value) => (random() < level ? (random() < 0.5 ? 0 : 1) : value)),
};

/** The view in this panel. */
export function rebuilt(K, panel) {
  const { state } = K, own = { order: "worst", threshold: null, noise: "gaussian", level: 0.3, swipe: 0.5 };
  const spread = part("errors_title", "errors_help"), chart = make("canvas", "ex-chart", { testid: "explore-errors" }), told = make("p", "ex-hint");
  chart.tabIndex = 0;
  chart.setAttribute("role", "slider");
  spread.append(chart, told, make("div", "ex-actions", {}, button("select_above", () => above(K, own), { testid: "explore-select-above" })));
  const sorted = part("sorted_title"), grid = make("div", "ex-grid", { testid: "explore-sorted" });
  const order = choice("order", ORDERS.map((name) => [name, K.say(`order_${name}`)]), (value) => { own.order = value; show(); }, { testid: "explore-order" });
  sorted.append(order.box, grid);
  const swipe = part("swipe_title", "swipe_help"), pair = make("div", "ex-swipe", { testid: "explore-swipe" });
  const slider = lever("swipe", { min: 0, max: 1, step: 0.01, value: 0.5 }, (value) => { own.swipe = value; draw(); }, {}, () => "");
  swipe.append(pair, slider.box);
  const noisy = part("noise_title", "noise_help"), trio = make("div", "ex-trio", { testid: "explore-noise" });
  const kind = choice("noise", Object.keys(NOISES).map((name) => [name, K.say(`noise_${name}`)]), (value) => { own.noise = value; draw(); }, { testid: "explore-noise-kind" });
  const level = lever("level", { min: 0, max: 1, step: 0.02, value: own.level }, (value) => { own.level = value; draw(); }, { testid: "explore-noise-level" }, (value) => value.toFixed(2));
  noisy.append(kind.box, level.box, trio);
  panel.append(spread, sorted, swipe, noisy);

  function show() {
    const { codes, items, network } = state.values;
    if (!codes || !items || !network) return;
    own.threshold ??= quantile(codes.arrays.error.data, 0.95);
    histogram(K, chart, told, codes, own);
    grid.replaceChildren(...pick(codes, items, own.order).map((at) => card(K, codes, items, network, at)));
    draw();
  }

  /** The item in hand: the focused one, or else the worst. */
  function draw() {
    const { codes, items, network, focus } = state.values;
    if (!codes || !items || !network) return;
    const row = (focus === null ? undefined : items.row(focus)) ?? items.row(codes.arrays.item.data[pick(codes, items, "worst")[0]]);
    const x = items.x(row), back = network.reconstruct(x, items.labels[row]);
    const upper = tile(items, back);
    upper.style.clipPath = `inset(0 0 0 ${100 * own.swipe}%)`;
    pair.replaceChildren(tile(items, x), upper);
    const damaged = NOISES[own.noise](Float32Array.from(x), own.level, chance(row + 1));
    const clean = network.reconstruct(damaged, items.labels[row]);
    trio.replaceChildren(...[["part_damaged", damaged], ["part_cleaned", clean], ["part_original", x]].map(([key, values]) => make("figure", "", {}, tile(items, values), make("figcaption", "", { t: key }))));
    for (const caption of trio.querySelectorAll("[data-t]")) caption.textContent = K.say(caption.dataset.t);
    trio.dataset.error = (values => values.reduce((sum, value, i) => sum + (value - x[i]) ** 2, 0) / values.length)(clean).toPrecision(6);
  }

  drag(K, chart, own, () => { const { codes } = state.values; if (codes) histogram(K, chart, told, codes, own); });
  K.on(["codes", "items", "network", "frame", "view"], () => { if (state.values.view === "rebuilt") show(); });
  K.on(["focus"], () => { if (state.values.view === "rebuilt") draw(); });
  show();
}

function quantile(values, share) {
  const sorted = Float32Array.from(values).sort();
  return sorted[Math.min(Math.floor(share * sorted.length), sorted.length - 1)];
}

/** Positions among the codes of the items to show. */
function pick(codes, items, order) {
  const { error, label, item } = codes.arrays;
  const known = Array.from(item.data.keys()).filter((at) => items.row(item.data[at]) !== undefined).sort((a, b) => error.data[b] - error.data[a]);
  if (order === "best") return known.slice(-SHOWN).reverse();
  if (order === "median") { const middle = Math.max(0, Math.floor((known.length - SHOWN) / 2)); return known.slice(middle, middle + SHOWN); }
  if (order === "classes") { const names = [...new Set(label.data)].sort((a, b) => a - b); return names.flatMap((name) => known.filter((at) => label.data[at] === name).slice(0, 2)); }
  return known.slice(0, SHOWN);
}

function card(K, codes, items, network, at) {
  const { item, label, error } = codes.arrays, row = items.row(item.data[at]), x = items.x(row), back = network.reconstruct(x, items.labels[row]);
  const off = errorTile(items, x, back);
  const made = make("button", "ex-card ex-three", { item: item.data[at] }, tile(items, x), tile(items, back), off, make("small", "", {}, `${K.name(label.data[at])} · ${K.num(error.data[at], 2)}`));
  made.type = "button";
  made.title = K.say("tip", { item: item.data[at], label: K.name(label.data[at]), error: K.num(error.data[at]) });
  made.addEventListener("click", () => K.state.set({ focus: item.data[at] }));
  return made;
}

/** Every item whose error is above the threshold becomes the selection. */
function above(K, own) {
  const { item, error } = K.state.values.codes.arrays;
  K.state.set({ selected: new Set(Array.from(item.data).filter((_, at) => error.data[at] > own.threshold)), view: "chosen" });
}

function histogram(K, canvas, told, codes, own) {
  const errors = codes.arrays.error.data, most = quantile(errors, 0.995) || 1, counts = new Float32Array(BINS);
  for (const error of errors) counts[Math.min(Math.floor((error / most) * BINS), BINS - 1)]++;
  const ratio = window.devicePixelRatio || 1, width = canvas.clientWidth || 320, height = 110, tall = Math.max(...counts);
  Object.assign(canvas, { width: width * ratio, height: height * ratio });
  const ctx = canvas.getContext("2d");
  ctx.scale(ratio, ratio);
  counts.forEach((count, at) => {
    ctx.fillStyle = ((at + 0.5) / BINS) * most > own.threshold ? "#d55e00" : K.colours.accent;
    const size = (count / tall) * (height - 24);
    ctx.fillRect((at / BINS) * width, height - 18 - size, width / BINS - 1, Math.max(size, count ? 1.5 : 0));
  });
  ctx.fillStyle = K.colours.text;
  ctx.font = `11px ${K.colours.font}`;
  ctx.fillText("0", 0, height - 4);
  ctx.textAlign = "right";
  ctx.fillText(K.num(most, 2), width, height - 4);
  const place = Math.min(own.threshold / most, 1) * width;
  ctx.fillRect(place - 1, 2, 2, height - 18);
  own.most = most;
  const over = Array.from(errors).filter((error) => error > own.threshold).length;
  told.textContent = K.say("above", { threshold: K.num(own.threshold, 2), count: over, percent: K.num((100 * over) / errors.length, 2) });
  canvas.setAttribute("aria-valuemin", 0);
  canvas.setAttribute("aria-valuemax", most);
  canvas.setAttribute("aria-valuenow", own.threshold);
  canvas.setAttribute("aria-valuetext", told.textContent);
  canvas.setAttribute("aria-label", K.say("errors_title"));
}

/** The threshold follows the pointer and the arrow keys. */
function drag(K, canvas, own, draw) {
  const move = (event) => { const box = canvas.getBoundingClientRect(); own.threshold = Math.min(Math.max((event.clientX - box.left) / box.width, 0), 1) * own.most; draw(); };
  canvas.addEventListener("pointerdown", (event) => { canvas.setPointerCapture(event.pointerId); move(event); });
  canvas.addEventListener("pointermove", (event) => { if (canvas.hasPointerCapture(event.pointerId)) move(event); });
  canvas.addEventListener("keydown", (event) => {
    const way = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!way) return;
    own.threshold = Math.min(Math.max(own.threshold + (way * own.most) / BINS, 0), own.most);
    draw();
    event.preventDefault();
  });
}
