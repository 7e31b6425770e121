/* The hourglass draws the network to scale and lets its reader shape it: layers and neurons (or blocks and feature maps) by +
 * and −, exact widths as numbers. The decoder mirrors the encoder and cannot be edited. It shows a change at once and tells Python a moment later:
 * state `hidden` (list of widths, input to code) and `latent` (width of the code). All words come in `data.copy`. */

const LADDER = [1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024, 1536, 2048];
const CODE_LADDER = [1, 2, 3, 4, 5, 6, 8, 10, 12, 16, 20, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024];
const DEBOUNCE = 250, PATIENCE = 4000, MOVE = 200;
const HEIGHT = window.innerHeight < 720 ? 104 : window.innerHeight < 900 ? 118 : 138; // less on a short screen, which is for what learns

/** The words for a key, with {name} replaced. */
function say(S, key, values = {}) {
  return (S.data.copy?.[key] ?? key).replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");
}

/** A whole or short number for people. */
function num(S, value, digits = 0) {
  return Number(value).toLocaleString(S.data.copy?.locale || undefined, digits ? { maximumSignificantDigits: digits } : { maximumFractionDigits: 0 });
}

/** The next rung up (+1) or down (−1) from a width. */
function rung(ladder, width, way, most) {
  const next = way > 0 ? ladder.find((v) => v > width) : ladder.findLast((v) => v < width);
  return Math.min(most, Math.max(1, next ?? width));
}

/** What a convolutional or recurrent layer gives: [height, width] of its feature maps, each block halving them, or the steps. */
function extents(S) {
  const { kind, input } = S.data, shape = input?.shape ?? [];
  if (kind === "sequence") return [null, ...S.hidden.map(() => [shape[0] ?? 1])];
  if (kind !== "conv") return [null, ...S.hidden.map(() => null)];
  return S.hidden.reduce((all) => [...all, all.at(-1).map((n) => Math.ceil(n / 2))], [shape.length === 3 ? shape.slice(0, 2) : [1, 1]]);
}

/** All columns from left to right: {size, kind, layer, extent, depth}. kinds: end, hidden, code, mirror. depth: sheets of a stack. */
function columns(S) {
  const { hidden, latent, data } = S, size = data.input?.size ?? 1, [first, ...rest] = extents(S);
  const layers = hidden.map((n, layer) => ({ size: n, layer, extent: rest[layer], depth: rest[layer] ? Math.min(6, Math.round(Math.log2(n + 1)) || 1) : 1 }));
  const end = { size, kind: "end", extent: first, depth: first ? Math.min(3, data.input.shape?.[2] ?? 1) : 1 };
  return [{ ...end, word: "input" }, ...layers.map((layer) => ({ ...layer, kind: "hidden" })), { size: latent, kind: "code", word: "code", depth: 1 },
    ...layers.map((layer) => ({ ...layer, kind: "mirror" })).reverse(), { ...end, word: "output" }];
}

/** How wide each column is: what can be edited needs room, what mirrors needs little; the rest is shared. */
function spread(list, room) {
  const least = { end: 38, hidden: 48, code: 50, mirror: 20 }, share = { end: 0.6, hidden: 1, code: 1.1, mirror: 0.8 };
  const needed = list.reduce((sum, c) => sum + least[c.kind], 0), shares = list.reduce((sum, c) => sum + share[c.kind], 0), spare = Math.max(0, Math.min(room, needed * 2.6) - needed);
  const widths = list.map((c) => least[c.kind] + (spare * share[c.kind]) / shares);
  const margin = Math.max(0, (room - widths.reduce((a, b) => a + b, 0)) / 2);
  return { widths, margin, total: Math.max(room, needed) };
}

/** Height of a layer: of feature maps in proportion to their side; else logarithmic, so that 2 and 784 are both seen. */
function tall({ size, extent }, most, side) {
  if (extent?.length === 2) return 12 + (HEIGHT - 66) * extent[0] / side;
  return 12 + (HEIGHT - 58) * (Math.log(size + 1) - Math.log(2)) / (Math.log(most + 1) - Math.log(2) || 1);
}

const element = (name, attributes, text) => {
  const e = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) e.setAttribute(key, value);
  if (text) e.textContent = text;
  return e;
};

/** Where every bar stands and ends, from the columns. */
function plan(S) {
  const list = columns(S), { widths, margin, total } = spread(list, S.width), most = Math.max(16, ...list.map((c) => c.size)), side = list[0].extent?.[0] ?? 1;
  let x = margin;
  const bars = list.map((c, i) => { const bar = { ...c, x: x + widths[i] / 2, h: Math.max(tall(c, most, side), c.kind === "code" ? 8 * Math.min(c.size, 4) + 6 : 0), w: c.kind === "code" ? 18 : c.kind === "mirror" ? 12 : 16 }; x += widths[i]; return bar; });
  return { bars, widths, margin, total };
}

/** The picture: funnels between layers, bars with their neurons, words. */
function drawPicture(S, bars, total) {
  const middle = HEIGHT / 2 + 2, svg = S.svg, parts = [], neck = bars.findIndex((b) => b.kind === "code");
  svg.setAttribute("viewBox", `0 0 ${total} ${HEIGHT}`);
  Object.assign(svg.style, { width: `${total}px`, height: `${HEIGHT}px` });
  const style = (b) => (b.kind === "code" ? "ll-hg-neck" : b.kind === "end" ? "ll-hg-end" : b.kind === "mirror" ? "ll-hg-mirror" : "");
  for (let i = 0; i + 1 < bars.length; i++) {
    const a = bars[i], b = bars[i + 1], ax = a.x, bx = b.x, m = (ax + bx) / 2, [at, bt] = [a.h / 2, b.h / 2];
    const d = `M${ax} ${middle - at} C${m} ${middle - at} ${m} ${middle - bt} ${bx} ${middle - bt} L${bx} ${middle + bt} C${m} ${middle + bt} ${m} ${middle + at} ${ax} ${middle + at}Z`;
    parts.push(element("path", { d, class: `ll-hg-funnel ${i >= neck ? "ll-hg-mirror" : ""}` }));
  }
  for (const b of bars) {
    if (b.kind === "code") parts.push(element("rect", { x: b.x - b.w / 2 - 6, y: middle - b.h / 2 - 6, width: b.w + 12, height: b.h + 12, rx: 15, class: "ll-hg-halo" }));
    for (let sheet = b.depth - 1; sheet >= 0; sheet--) {
      const shift = (sheet - (b.depth - 1) / 2) * (b.kind === "mirror" ? 2 : 3), w = b.depth > 1 ? b.w * 0.7 : b.w;
      parts.push(element("rect", { x: b.x - w / 2 + shift, y: middle - b.h / 2 - shift, width: w, height: b.h, rx: b.extent?.length === 2 ? 2 : Math.min(w, b.h) / 2.4, class: `ll-hg-bar ${style(b)}` }));
    }
    const count = b.extent ? 0 : Math.min(Math.round(b.size), Math.max(1, Math.floor((b.h - 3) / 8)));
    for (let k = 0; k < count; k++) parts.push(element("circle", { cx: b.x, cy: middle + (k - (count - 1) / 2) * Math.min(11, (b.h - 5) / count), r: b.kind === "mirror" ? 1.9 : 2.5, class: `ll-hg-dot ${style(b)}` }));
    const edge = b.word === "input" && b.x < 26 ? "start" : b.word === "output" && b.x > total - 26 ? "end" : "middle";
    if (b.word) parts.push(element("text", { x: edge === "middle" ? b.x : edge === "start" ? b.x - b.w / 2 : b.x + b.w / 2, y: b.kind === "code" ? middle - b.h / 2 - 13 : Math.min(18, middle - b.h / 2 - 8), "text-anchor": edge, class: `ll-hg-word ${style(b)}` }, say(S, b.word)));
  }
  const half = (from, to, word) => { if (to - from > 1 || S.hidden.length) parts.push(element("text", { x: (bars[from].x + bars[to].x) / 2, y: HEIGHT - 4, "text-anchor": "middle", class: "ll-hg-word" }, say(S, word))); };
  half(0, neck, "encoder");
  half(neck, bars.length - 1, "decoder");
  svg.replaceChildren(...parts);
  svg.closest(".ll-hg-scroll").classList.toggle("ll-hg-over", total > S.width + 1);
  svg.setAttribute("aria-label", say(S, "alt", { sizes: bars.map((b) => Math.round(b.size)).join(", ") }));
}

/** Move the bars from where they are to where they belong. */
function animate(S) {
  cancelAnimationFrame(S.frame);
  const { bars, total } = plan(S), before = S.shown, began = performance.now();
  const same = before?.length === bars.length && !matchMedia("(prefers-reduced-motion: reduce)").matches;
  const step = () => {
    const t = same ? Math.min(1, (performance.now() - began) / MOVE) : 1, ease = 1 - (1 - t) ** 3;
    S.shown = bars.map((b, i) => (same ? { ...b, x: before[i].x + (b.x - before[i].x) * ease, h: before[i].h + (b.h - before[i].h) * ease } : b));
    drawPicture(S, S.shown, total);
    if (t < 1) S.frame = requestAnimationFrame(step);
  };
  step();
}

/** A number with − and + below it. */
function stepper(S, { value, most, ladder, label, more, fewer, id, change }) {
  const box = document.createElement("div"), input = document.createElement("input"), [down, up] = [-1, 1].map(() => document.createElement("button"));
  box.className = "ll-hg-set";
  Object.assign(input, { type: "number", min: 1, max: most, step: 1, value, disabled: !!S.data.locked });
  input.inputMode = "numeric";
  input.setAttribute("aria-label", label);
  input.dataset.testid = `hourglass-${id}`;
  input.addEventListener("change", () => { const n = Math.round(+input.value); if (Number.isFinite(n) && n >= 1) change(Math.min(most, n)); else input.value = value; });
  input.addEventListener("keydown", (event) => {
    event.stopPropagation();
    const way = { ArrowUp: 1, ArrowDown: -1 }[event.key];
    if (way) { event.preventDefault(); change(rung(ladder, value, way, most)); }
  });
  for (const [button, way, text, title] of [[down, -1, "−", fewer], [up, 1, "+", more]]) {
    Object.assign(button, { type: "button", textContent: text, title, disabled: S.data.locked || (way < 0 ? value <= 1 : value >= most) });
    button.setAttribute("aria-label", title);
    button.dataset.testid = `hourglass-${id}-${way < 0 ? "fewer" : "more"}`;
    button.addEventListener("click", () => change(rung(ladder, value, way, most)));
  }
  box.append(input, down, up);
  return box;
}

/** The controls below the picture, a column a layer. The one in use keeps the focus. */
function drawColumns(S) {
  const focus = S.root.querySelector(".ll-hg-columns :focus")?.dataset.testid, { bars, widths, margin } = plan(S), input = S.data.input ?? {};
  const shape = input.form === "image" && input.shape ? input.shape.slice(0, 2).join("×") + (input.shape[2] > 1 ? `×${input.shape[2]}` : "") : input.form === "series" && input.shape ? input.shape.join("×") : null;
  S.columns.style.paddingLeft = `${margin}px`;
  S.columns.replaceChildren(...bars.map((b, i) => {
    const column = document.createElement("div");
    column.className = `ll-hg-column ll-hg-${b.kind}`;
    column.style.width = `${widths[i]}px`;
    column.classList.toggle("ll-hg-slim", widths[i] < 27);
    if (b.kind === "hidden") {
      const n = b.layer + 1;
      const maps = S.data.kind === "conv" ? "_maps" : "", alike = S.data.kind === "sequence";
      column.append(stepper(S, { value: b.size, most: S.data.widths_max ?? 2048, ladder: LADDER, label: say(S, `neurons_of${maps}`, { n }), more: say(S, `more_of${maps}`, { n }), fewer: say(S, `fewer_of${maps}`, { n }), id: `hidden-${b.layer}`, change: (width) => reshape(S, { hidden: S.hidden.map((w, k) => (k === b.layer || alike ? width : w)) }) }));
      if (b.extent) column.append(Object.assign(document.createElement("span"), { textContent: `×${b.extent.join("×")}` }));
    } else if (b.kind === "code") {
      column.append(stepper(S, { value: b.size, most: S.data.latent_max ?? 1024, ladder: CODE_LADDER, label: say(S, "code_width"), more: say(S, "code_more"), fewer: say(S, "code_fewer"), id: "latent", change: (latent) => reshape(S, { latent }) }));
      if (S.data.code === "variational") column.append(Object.assign(document.createElement("span"), { textContent: say(S, "mean_spread") }));
    } else {
      column.append(Object.assign(document.createElement("span"), { textContent: b.word && shape ? shape : num(S, b.size), title: num(S, b.size) }));
    }
    return column;
  }));
  if (focus) S.root.querySelector(`[data-testid="${focus}"]`)?.focus({ preventScroll: true });
}

/** Layer count, parameters, compression, time. What only Python knows is dimmed until it answers. */
function drawFacts(S) {
  const { data, hidden, latent } = S, set = (name, text) => { const e = S.root.querySelector(`[data-hg=${name}]`); if (e.textContent !== text) e.textContent = text; return e; };
  const size = data.input?.size ?? 1, ratio = size / latent;
  set("count", say(S, "layers", { n: hidden.length }));
  set("parameters", num(S, data.parameters ?? 0)).classList.toggle("ll-hg-stale", stale(S));
  set("parameters_word", say(S, "parameters"));
  set("compression", say(S, "compression", { input: num(S, size), code: num(S, latent) }));
  set("ratio", ratio === 1 ? say(S, "same") : ratio > 1 ? say(S, "smaller", { ratio: num(S, ratio, 3) }) : say(S, "larger", { ratio: num(S, 1 / ratio, 3) }));
  const seconds = data.seconds_per_epoch;
  set("speed", seconds === null || seconds === undefined ? say(S, "per_epoch_unknown") : `≈ ${seconds < 1 ? say(S, "milliseconds", { ms: num(S, seconds * 1000, 2) }) : say(S, "seconds", { s: num(S, seconds, 2) })} ${say(S, "per_epoch")}`).style.opacity = stale(S) ? 0.4 : 1;
  const locked = set("locked", say(S, "locked"));
  locked.hidden = !data.locked;
  const [remove, add] = S.root.querySelectorAll(".ll-hg-pair button");
  for (const [button, key, off] of [[remove, "remove_layer", hidden.length <= (data.min_layers ?? 0)], [add, "add_layer", hidden.length >= (data.max_layers ?? 6)]]) { button.disabled = data.locked || off; button.title = say(S, key); button.setAttribute("aria-label", say(S, key)); }
  Object.assign(S.root.dataset, { hidden: JSON.stringify(hidden), latent });
}

/** True while Python does not know what is drawn. */
const stale = (S) => JSON.stringify([S.hidden, S.latent]) !== JSON.stringify([S.data.hidden, S.data.latent]);

/** Everything anew. */
function draw(S) {
  animate(S);
  drawColumns(S);
  drawFacts(S);
}

/** The reader shaped the network: show it now, tell Python when the hand rests. */
function reshape(S, change) {
  Object.assign(S, change);
  draw(S);
  clearTimeout(S.timer);
  S.timer = setTimeout(() => {
    S.timer = 0;
    for (const name of ["hidden", "latent"]) {
      const key = JSON.stringify(S[name]);
      if (key === S.sent[name]) continue;
      S.sent[name] = key;
      S.waits = performance.now();
      S.emit(name, name === "hidden" ? [...S.hidden] : S.latent);
    }
  }, DEBOUNCE);
}

/** Take Python's values, unless they are older than what the reader has just shaped. */
function accept(S, data) {
  const news = { hidden: JSON.stringify(data.hidden), latent: JSON.stringify(data.latent) };
  const late = S.waits && performance.now() - S.waits < PATIENCE && (news.hidden !== S.sent.hidden || news.latent !== S.sent.latent);
  S.data = data;
  if (S.timer || late) return;
  S.waits = 0;
  Object.assign(S, { hidden: [...(data.hidden ?? [])], latent: data.latent ?? 2, sent: news });
}

/** A new layer goes next to the code, between its neighbours in width; feature maps double, recurrent layers are alike. */
function addLayer(S) {
  const next = { conv: 2, sequence: 1 }[S.data.kind];
  if (next) return reshape(S, { hidden: [...S.hidden, Math.min(next * (S.hidden.at(-1) ?? 8), S.data.widths_max)] });
  const last = S.hidden.at(-1) ?? S.data.input?.size ?? 64, between = Math.sqrt(last * Math.max(S.latent, 1));
  const width = LADDER.reduce((best, v) => (Math.abs(Math.log(v / between)) < Math.abs(Math.log(best / between)) ? v : best));
  reshape(S, { hidden: [...S.hidden, Math.max(S.latent, Math.min(width, S.data.widths_max ?? 2048))] });
}

/** State and listeners of a fresh mount. */
function build(root) {
  const S = { root, svg: root.querySelector("svg"), columns: root.querySelector(".ll-hg-columns"), width: 300, sent: {}, hidden: [], latent: 2 };
  const scroll = root.querySelector(".ll-hg-scroll");
  const click = (event) => { const act = event.target.closest("[data-act]")?.dataset.act; if (act === "add") addLayer(S); else if (act === "remove") reshape(S, { hidden: S.hidden.slice(0, -1) }); };
  root.addEventListener("click", click);
  const sizes = new ResizeObserver(() => { const width = scroll.clientWidth - 4; if (width > 40 && Math.abs(width - S.width) > 0.5) { S.width = width; S.shown = null; if (S.data) { animate(S); drawColumns(S); } } });
  sizes.observe(scroll);
  S.width = Math.max(200, scroll.clientWidth - 4);
  S.end = () => { clearTimeout(S.timer); cancelAnimationFrame(S.frame); sizes.disconnect(); root.removeEventListener("click", click); };
  return S;
}

const mounted = new WeakMap();

/** Streamlit calls this at mount and again whenever data or theme changed. */
export default function hourglass({ data, parentElement, setStateValue }) {
  const root = parentElement.querySelector(".ll-hourglass");
  let S = mounted.get(parentElement);
  if (S && S.root !== root) { S.end(); S = null; }
  if (!S) { S = build(root); mounted.set(parentElement, S); }
  const turn = (S.turn = (S.turn ?? 0) + 1);
  S.emit = setStateValue;
  accept(S, data ?? {});
  draw(S);
  // Streamlit also runs the clean-up of a call that was overtaken while its module loaded: only the newest may end it.
  return () => { if (S.turn === turn) { S.end(); if (mounted.get(parentElement) === S) mounted.delete(parentElement); } };
}
