/* Two to six runs side by side: their latent maps turned alike, the same items lit in all of them, what each makes of
 * the same items, and one slider that takes all of them back to the same share of their training. */

import { sized, theme } from "./canvas.js";
import { decode } from "./frame.js";
import { watch } from "./live.js";

const LEAST_SHARED = 3; // items that two maps must have in common to be turned alike
const NEAR = 14; // pixels from the pointer within which an item is meant
const SHOWN = 12; // items whose reconstructions are shown
const PLAY = 90; // milliseconds a step of the slider
const MARGIN = 0.08;
const TICK = 60;

/** Builds the columns and opens the stream. Gives what ends it. */
export function mount(root, data) {
  const find = (name) => root.querySelector(`.sb-${name}`);
  const S = {
    root, data, runs: [], chosen: null, over: null, share: 100, dirty: true, ended: false, playing: null, colours: null,
    maps: find("maps"), rebuilt: find("rebuilt"), swipe: find("swipe"), note: find("note"), play: find("play"), scrub: root.querySelector(".sb-bar > input"), output: root.querySelector(".sb-bar output"), turn: root.querySelector(".sb-turn input"),
  };
  build(S);
  const stream = watch(data.runs.map(({ run }) => run), () => { S.dirty = true; });
  for (const one of S.runs) one.live = stream.runs.get(one.run);
  readTheme(S);
  const theme = setInterval(() => readTheme(S), 700), look = setInterval(() => { if (S.dirty && !document.hidden) { S.dirty = false; requestAnimationFrame(() => { if (!S.ended) draw(S); }); } }, TICK);
  const size = new ResizeObserver(() => { S.dirty = true; });
  size.observe(root);
  return {
    destroy() {
      S.ended = true;
      for (const timer of [theme, look, S.playing]) clearInterval(timer);
      size.disconnect();
      stream.end();
    },
  };
}

const say = (S, key, values = {}) => (S.data.copy[key] ?? key).replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");

function element(tag, text = "", className = "") {
  const made = document.createElement(tag);
  made.textContent = text;
  made.className = className;
  return made;
}

function build(S) {
  S.runs = S.data.runs.map(({ run, title }) => {
    const box = element("section", "", "sb-run"), canvas = element("canvas"), words = element("p");
    box.dataset.run = run;
    canvas.setAttribute("role", "img");
    box.append(element("h4", title), canvas, words);
    const one = { run, title, box, canvas, words, live: null, kept: new Map(), steps: null, past: null, placed: null };
    listen(S, one);
    return one;
  });
  S.maps.replaceChildren(...S.runs.map((one) => one.box));
  S.root.dataset.runs = S.runs.length;
  S.root.querySelector(".sb-turn span").textContent = say(S, "turn");
  for (const [part, key] of [[S.play, "play"], [S.scrub, "scrub"], [S.swipe.querySelector("input"), "swipe_label"]]) part.setAttribute("aria-label", say(S, key));
  const redraw = () => { S.dirty = true; };
  S.turn.oninput = redraw;
  S.swipe.querySelector("input").oninput = redraw;
  S.scrub.oninput = () => { stop(S); go(S, Number(S.scrub.value)); };
  S.play.onclick = () => (S.playing ? stop(S) : start(S));
}

// ---------------------------------------------------------------------------------------------------------- epochs

function start(S) {
  let at = S.share >= 100 ? 0 : S.share;
  S.play.dataset.playing = "true";
  S.playing = setInterval(() => {
    go(S, at);
    if (at >= 100) stop(S);
    at = Math.min(100, at + 1);
  }, PLAY);
}

function stop(S) {
  clearInterval(S.playing);
  S.playing = null;
  S.play.dataset.playing = "false";
}

/** All runs to the same share of their training; 100 is now. */
function go(S, share) {
  S.share = share;
  S.scrub.value = share;
  for (const one of S.runs) if (share < 100) goBack(S, one); else one.past = null;
  S.dirty = true;
}

async function goBack(S, one) {
  const api = (path) => fetch(new URL(`api/runs/${encodeURIComponent(one.run)}/${path}`, document.baseURI));
  if (!one.steps || !one.live.settled) {
    const answer = await api("snapshots");
    if (!answer.ok) return;
    one.steps = (await answer.json()).snapshots;
  }
  if (!one.steps.length || S.share >= 100 || S.ended) return;
  const goal = one.steps[one.steps.length - 1].step * (S.share / 100);
  const wanted = one.steps.reduce((near, kept) => (Math.abs(kept.step - goal) < Math.abs(near.step - goal) ? kept : near));
  if (!one.kept.has(wanted.serial)) {
    const answer = await api(`snapshots/${wanted.serial}`);
    if (!answer.ok) return;
    one.kept.set(wanted.serial, decode(await answer.arrayBuffer()));
  }
  if (S.share < 100) { one.past = one.kept.get(wanted.serial); S.dirty = true; }
}

/** The arrays of the moment that is shown: what never changes, and a snapshot's. */
const arraysOf = (one) => (one.past ? { ...one.live.arrays, ...one.past.arrays } : one.live.arrays);
const stepOf = (one) => (one.past ? one.past.header.step : one.live.head?.step ?? 0);

// ------------------------------------------------------------------------------------------------------------ maps

/** Where each item lies, centred and scaled, as {ids, x, y}; a code of one number in lanes by class. */
function placed(one) {
  const { latent, labels, item_ids: ids } = arraysOf(one);
  if (!latent) return null;
  const [count, wide] = latent.shape, x = new Float64Array(count), y = new Float64Array(count);
  for (let i = 0; i < count; i++) {
    x[i] = latent.data[i * wide];
    y[i] = wide > 1 ? latent.data[i * wide + 1] : (labels?.data[i] ?? 0) + 0.5 * (((i * 0.618034) % 1) - 0.5);
  }
  const row = new Map();
  for (let i = 0; i < count; i++) row.set(ids ? ids.data[i] : i, i);
  return { count, x: standard(x), y: standard(y), ids: ids?.data ?? Int32Array.from({ length: count }, (_, i) => i), row, labels: labels?.data, flat: wide < 2, known: Boolean(ids) };
}

/** Numbers with mean 0, in units of their own size. */
function standard(values) {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const size = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length) || 1;
  return values.map((value) => (value - mean) / size);
}

/** Turns, and if need be mirrors, a map so that shared items lie as near to those of the first as can be (orthogonal
 * Procrustes in the plane). */
export function turned(map, first) {
  let a = 0, b = 0, c = 0, d = 0, shared = 0;
  for (const [id, i] of map.row) {
    const j = first.row.get(id);
    if (j === undefined) continue;
    shared++;
    a += map.x[i] * first.x[j]; b += map.x[i] * first.y[j]; c += map.y[i] * first.x[j]; d += map.y[i] * first.y[j];
  }
  if (shared < LEAST_SHARED) return null;
  const plain = Math.hypot(a + d, b - c), mirrored = Math.hypot(a - d, b + c), flip = mirrored > plain ? -1 : 1;
  const angle = flip > 0 ? Math.atan2(b - c, a + d) : Math.atan2(b + c, a - d), cos = Math.cos(angle), sin = Math.sin(angle);
  return { ...map, x: map.x.map((x, i) => cos * x - sin * flip * map.y[i]), y: map.x.map((x, i) => sin * x + cos * flip * map.y[i]) };
}

function draw(S) {
  const maps = S.runs.map(placed), first = maps[0];
  let aligned = 0;
  S.runs.forEach((one, number) => {
    let map = maps[number];
    if (S.turn.checked && number > 0 && map && first && !map.flat && !first.flat && map.known && first.known && sameData(S.runs[0], one)) {
      const better = turned(map, first);
      if (better) { map = better; aligned++; }
    }
    one.placed = map;
    drawMap(S, one);
    tell(S, one);
  });
  drawRebuilt(S);
  drawSwipe(S);
  S.output.textContent = S.share >= 100 ? say(S, "now") : say(S, "share", { share: S.share });
  const note = S.chosen ? say(S, "chosen", { count: S.chosen.size }) : say(S, "hint");
  if (S.note.textContent !== note) S.note.textContent = note;
  Object.assign(S.root.dataset, { drawn: maps.filter(Boolean).length, selected: S.chosen?.size ?? 0, share: S.share, aligned, steps: S.runs.map(stepOf).join(",") });
}

const sameData = (one, other) => one.live.meta?.data === other.live.meta?.data;

function drawMap(S, one) {
  const width = one.canvas.clientWidth, ctx = sized(one.canvas, width, width);
  const map = one.placed;
  if (!map || !ctx) return;
  const [x0, x1] = ends(map.x), [y0, y1] = ends(map.y), scale = (width * (1 - 2 * MARGIN)) / Math.max(x1 - x0, y1 - y0);
  const px = (i) => width / 2 + (map.x[i] - (x0 + x1) / 2) * scale, py = (i) => width / 2 - (map.y[i] - (y0 + y1) / 2) * scale;
  one.at = { px, py };
  const order = [false, true];
  for (const chosen of order)
    for (let i = 0; i < map.count; i++) {
      const lit = !S.chosen || S.chosen.has(map.ids[i]);
      if (lit !== chosen) continue;
      const label = map.labels?.[i] ?? -1;
      ctx.globalAlpha = lit ? 0.85 : 0.22;
      ctx.fillStyle = lit && label >= 0 ? S.colours.classes[label % 10] : S.colours.faint;
      ctx.fillRect(px(i) - 1.7, py(i) - 1.7, 3.4, 3.4);
    }
  ctx.globalAlpha = 1;
  const over = S.over === null ? undefined : map.row.get(S.over);
  if (over !== undefined) {
    ctx.beginPath();
    ctx.arc(px(over), py(over), 8, 0, 7);
    Object.assign(ctx, { lineWidth: 2.5, strokeStyle: S.colours.text });
    ctx.stroke();
  }
  if (one.path?.length > 1) {
    ctx.beginPath();
    one.path.forEach(([x, y], i) => ctx[i ? "lineTo" : "moveTo"](x, y));
    ctx.setLineDash([4, 3]);
    Object.assign(ctx, { lineWidth: 1.5, strokeStyle: S.colours.text });
    ctx.stroke();
    ctx.setLineDash([]);
  }
}

function ends(values) {
  let low = Infinity, high = -Infinity;
  for (const value of values) { low = Math.min(low, value); high = Math.max(high, value); }
  return high - low < 1e-9 ? [low - 1, high + 1] : [low, high];
}

const short = (value) => (value === null || value === undefined ? "–" : value >= 0.001 && value < 1000 ? value.toPrecision(3) : value.toExponential(1));

/** The error of items kept aside at the moment that is shown. */
function errorAt({ live, past }) {
  if (!past) return live.last("val.mse");
  const { step = [], "val.mse": values = [] } = live.curve;
  for (let i = step.length - 1; i >= 0; i--) if (step[i] <= past.header.step && Number.isFinite(values[i])) return values[i];
  return null;
}

function tell(S, one) {
  const status = S.data.copy[`status_${one.live.status}`] ?? one.live.status;
  const words = say(S, "line", { status, step: stepOf(one).toLocaleString(), error: short(errorAt(one)) });
  if (one.words.textContent !== words) { one.words.textContent = words; one.canvas.setAttribute("aria-label", `${one.title}: ${words}`); }
}

// -------------------------------------------------------------------------------------------------- pointing, choosing

/** Hovering lights an item in all maps; drawing round some chooses them; a click on the ground lets them go. */
function listen(S, one) {
  const at = (event) => { const box = one.canvas.getBoundingClientRect(); return [event.clientX - box.left, event.clientY - box.top]; };
  one.canvas.onpointerdown = (event) => { one.path = [at(event)]; one.canvas.setPointerCapture(event.pointerId); };
  one.canvas.onpointermove = (event) => {
    if (one.path) one.path.push(at(event));
    else S.over = nearest(one, at(event));
    S.dirty = true;
  };
  one.canvas.onpointerleave = () => { S.over = null; S.dirty = true; };
  one.canvas.onpointerup = () => {
    const path = one.path ?? [];
    one.path = null;
    S.chosen = path.length > 4 ? within(one, path) : null;
    S.dirty = true;
  };
  one.canvas.onpointercancel = () => { one.path = null; S.dirty = true; };
}

function nearest(one, [x, y]) {
  const map = one.placed;
  let found = null, least = NEAR;
  for (let i = 0; map && i < map.count; i++) {
    const apart = Math.hypot(one.at.px(i) - x, one.at.py(i) - y);
    if (apart < least) { least = apart; found = map.ids[i]; }
  }
  return found;
}

/** Ids of the items inside a path; null where there is none. */
function within(one, path) {
  const found = new Set(), map = one.placed;
  for (let i = 0; map && i < map.count; i++) if (inside(path, one.at.px(i), one.at.py(i))) found.add(map.ids[i]);
  return found.size ? found : null;
}

function inside(path, x, y) {
  let odd = false;
  for (let i = 0, j = path.length - 1; i < path.length; j = i++) {
    const [ax, ay] = path[i], [bx, by] = path[j];
    if (ay > y !== by > y && x < ((bx - ax) * (y - ay)) / (by - ay) + ax) odd = !odd;
  }
  return odd;
}

// ------------------------------------------------------------------------------------------------------ reconstructions

/** Items that every run shows, by id: those chosen first. */
function sharedItems(S) {
  const shown = S.runs.map((one) => {
    const { original_index: index, item_ids: ids } = one.live.arrays;
    return new Map(Array.from(index?.data ?? [], (row, place) => [ids ? ids.data[row] : row, place]));
  });
  const common = [...shown[0].keys()].filter((id) => shown.every((one) => one.has(id)));
  common.sort((a, b) => Number(S.chosen?.has(b) ?? 0) - Number(S.chosen?.has(a) ?? 0));
  return common.slice(0, SHOWN).map((id) => shown.map((one) => one.get(id)));
}

const pictured = (one) => one.live.meta?.form === "image" && arraysOf(one).reconstructions;

/** A row of originals, then what each run makes of them, and where it errs. */
function drawRebuilt(S) {
  const can = S.runs.every((one) => pictured(one) && sameData(S.runs[0], one)), items = can ? sharedItems(S) : [];
  if (!items.length) { if (S.rebuilt.childElementCount) S.rebuilt.replaceChildren(); S.rows = null; return; }
  const tile = Math.max(26, Math.min(52, Math.floor((S.root.clientWidth - 170) / SHOWN)));
  const rows = [["original", null], ...S.runs.flatMap((one, number) => [["rebuilt", number], ["error", number]])];
  if (S.rows !== rows.length) {
    S.rows = rows.length;
    S.rebuilt.replaceChildren(...rows.map(([kind, number]) => {
      const line = element("div");
      line.append(element("span", kind === "rebuilt" ? S.runs[number].title : say(S, kind)), element("canvas"));
      return line;
    }));
  }
  rows.forEach(([kind, number], place) => {
    const canvas = S.rebuilt.children[place].lastElementChild, high = kind === "error" ? Math.round(tile * 0.6) : tile;
    canvas.style.width = `${tile * items.length}px`;
    const ctx = sized(canvas, tile * items.length, high);
    items.forEach((places, at) => paint(ctx, S, kind, number ?? 0, places, at * tile, tile - 2, high - 2));
  });
}

function paint(ctx, S, kind, number, places, x, w, h) {
  const one = S.runs[number], { originals } = one.live.arrays, { reconstructions } = arraysOf(one);
  const source = kind === "original" ? originals : reconstructions, [, rows, columns, channels] = source.shape, size = rows * columns, start = places[number] * size * channels;
  const picture = new ImageData(columns, rows);
  for (let p = 0; p < size; p++) {
    for (let c = 0; c < 3; c++) {
      const from = start + p * channels + (channels > 1 ? c : 0);
      picture.data[4 * p + c] = kind === "error" ? 255 - Math.abs(originals.data[from] - reconstructions.data[from]) * (c === 0 ? 0.25 : 1) : source.data[from];
    }
    picture.data[4 * p + 3] = 255;
  }
  const small = Object.assign(document.createElement("canvas"), { width: columns, height: rows });
  small.getContext("2d").putImageData(picture, 0, 0);
  ctx.imageSmoothingEnabled = false;
  ctx.drawImage(small, x, 0, w, h);
}

/** The first two runs on top of each other, divided where the slider stands. */
function drawSwipe(S) {
  const [a, b] = S.runs, can = a && b && pictured(a) && pictured(b) && sameData(a, b), items = can ? sharedItems(S).slice(0, 6) : [];
  S.swipe.hidden = !items.length;
  if (!items.length) return;
  const canvas = S.swipe.querySelector("canvas"), slider = S.swipe.querySelector("input"), share = slider.value / 100;
  S.swipe.querySelector("p").textContent = say(S, "swipe", { left: a.title, right: b.title });
  const width = canvas.clientWidth, tile = width / items.length, ctx = sized(canvas, width, tile);
  if (!ctx) return;
  items.forEach((places, at) => {
    paint(ctx, S, "rebuilt", 0, places, at * tile, tile - 3, tile - 3);
    ctx.save();
    ctx.beginPath();
    ctx.rect(at * tile + share * (tile - 3), 0, tile, tile);
    ctx.clip();
    paint(ctx, S, "rebuilt", 1, places, at * tile, tile - 3, tile - 3);
    ctx.restore();
    ctx.fillStyle = "#d55e00";
    ctx.fillRect(at * tile + share * (tile - 3) - 1, 0, 2, tile - 3);
  });
}

/** Streamlit's colours; it tells nobody when they change. */
function readTheme(S) {
  const colours = theme(S.root, S.data.palette);
  if (S.colours?.key === colours.key) return;
  S.colours = colours;
  S.dirty = true;
}
