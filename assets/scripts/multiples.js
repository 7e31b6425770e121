/* Small multiples: the runs of a sweep side by side, each with its latent map, some reconstructions and its curve. */

import { sized, theme } from "./canvas.js";
import { watch } from "./live.js";

const LEAST = 128; // pixels of a column
const MAP = 0.78; // height of a latent map, as a share of its width
const LARGE = 380; // width of the enlarged cell
const SAMPLES = 6; // reconstructions beside each other
const EASE = 0.4; // of the way to narrower bounds, each time that a cell is drawn
const TICK = 60; // milliseconds between two looks for what has news
const REST = 220; // milliseconds that a cell keeps its picture
const AT_ONCE = 8; // cells drawn in one tick: a machine that trains beside the browser has better things to do
const LOST = new Set(["diverged", "failed", "missing"]);

/** Builds the grid and opens the streams. Gives what ends it. */
export function mount(root, data) {
  const M = {
    root, data, cells: [], colours: null, hovered: null, dirty: true, ended: false,
    grid: root.querySelector(".mu-grid"), progress: root.querySelector(".mu-progress"), large: root.querySelector(".mu-large"),
  };
  build(M);
  const stream = watch(M.cells.map((cell) => cell.link.dataset.run), (run) => { M.byRun.get(run.id).fresh = true; M.dirty = true; });
  for (const cell of M.cells) cell.live = stream.runs.get(cell.link.dataset.run);
  M.byRun = new Map(M.cells.map((cell) => [cell.link.dataset.run, cell]));
  const size = new ResizeObserver(() => { M.dirty = true; });
  size.observe(root);
  const timer = setInterval(() => readTheme(M), 700);
  readTheme(M);
  const look = setInterval(() => { if (M.dirty && !document.hidden) requestAnimationFrame(() => { if (!M.ended) draw(M); }); }, TICK);
  return {
    destroy() {
      M.ended = true;
      clearInterval(timer);
      clearInterval(look);
      size.disconnect();
      stream.end();
      M.grid.replaceChildren();
      M.large.hidden = true;
    },
  };
}

const say = (M, key, values = {}) => (M.data.copy[key] ?? key).replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");

function element(tag, className, text = "") {
  const made = document.createElement(tag);
  made.className = className;
  made.textContent = text;
  return made;
}

/** Heads of columns and rows, and a link for each cell that opens its run. */
function build(M) {
  const { columns, rows, cells, column_name, row_name } = M.data, named = rows.length > 0;
  M.grid.style.gridTemplateColumns = `${named ? "auto " : ""}repeat(${columns.length}, minmax(${LEAST}px, 1fr))`;
  const parts = [];
  const head = element("div", "mu-axis", named ? `${row_name} ↓   ${column_name} →` : column_name);
  head.style.gridColumn = "1 / -1";
  parts.push(head);
  if (named) parts.push(element("div", "mu-row"));
  for (const name of columns) parts.push(element("div", "mu-column", name));
  for (let row = 0; row < Math.max(rows.length, 1); row++) {
    if (named) parts.push(element("div", "mu-row", rows[row]));
    for (let column = 0; column < columns.length; column++) {
      const found = cells.find((cell) => cell.row === row && cell.column === column);
      parts.push(found ? cellOf(M, found) : element("div", "mu-cell"));
    }
  }
  M.grid.replaceChildren(...parts);
  M.root.dataset.cells = M.cells.length;
}

function cellOf(M, { run, row, column }) {
  const { columns, rows } = M.data, link = element("a", "mu-cell");
  link.href = `./?run=${encodeURIComponent(run)}`;
  link.target = "_self";
  link.dataset.run = run;
  link.setAttribute("data-testid", "multiples-cell");
  const canvas = document.createElement("canvas"), foot = element("div", "mu-foot"), value = element("b", ""), word = element("span", "");
  foot.append(value, word);
  link.append(canvas, foot);
  const name = [columns[column], rows[row]].filter((part) => part !== undefined).join(" · ");
  const cell = { link, canvas, value, word, name, bounds: null, moving: false, fresh: true, drawn: -REST, width: 0, tiles: [], live: null };
  M.cells.push(cell);
  const show = () => { M.hovered = cell; M.dirty = true; }, hide = () => { if (M.hovered === cell) { M.hovered = null; M.large.hidden = true; } };
  link.addEventListener("pointermove", show); // not as it enters: a cell may appear under a pointer that rests
  link.addEventListener("focus", show);
  link.addEventListener("pointerleave", hide);
  link.addEventListener("blur", hide);
  return link;
}

/** Streamlit's colours; it tells nobody when they change. */
function readTheme(M) {
  const colours = theme(M.root, M.data.palette);
  if (M.colours?.key === colours.key) return;
  M.colours = colours;
  for (const cell of M.cells) cell.fresh = true;
  M.dirty = true;
}

// -------------------------------------------------------------------------------------------------------- drawing

/** Some of the cells that have news, those first that have waited longest. All curves share one scale. */
function draw(M) {
  const scale = errorScale(M), best = bestOf(M), now = performance.now();
  if (scale.key !== M.scale?.key) { M.scale = scale; for (const cell of M.cells) cell.fresh = true; }
  for (const cell of M.cells) if (cell.link.clientWidth !== cell.width) { cell.width = cell.link.clientWidth; cell.fresh = true; }
  const due = M.cells.filter((cell) => (cell.fresh || cell.moving) && now - cell.drawn >= REST).sort((a, b) => a.drawn - b.drawn).slice(0, AT_ONCE);
  for (const cell of due) { cell.fresh = false; cell.drawn = now; drawCell(M, cell, cell.canvas, cell.width); }
  M.dirty = M.cells.some((cell) => cell.fresh || cell.moving);
  let drawn = 0, settled = 0;
  for (const cell of M.cells) {
    tell(M, cell, cell === best);
    drawn += Boolean(cell.live.arrays.latent);
    settled += cell.live.settled;
  }
  Object.assign(M.root.dataset, { drawn, settled });
  const words = say(M, settled === M.cells.length ? "all_done" : "progress", { done: settled, all: M.cells.length });
  if (M.progress.textContent !== words) M.progress.textContent = words;
  if (M.hovered) enlarge(M, M.hovered);
}

/** The cell with the smallest error, once there are two that have learned something. */
function bestOf(M) {
  const known = M.cells.filter(({ live }) => !LOST.has(live.status) && live.head?.step > 0 && Number.isFinite(live.last("val.mse")));
  if (known.length < 2) return null;
  return known.reduce((best, cell) => (cell.live.last("val.mse") < best.live.last("val.mse") ? cell : best));
}

const short = (value) => (value >= 0.001 && value < 1000 ? value.toPrecision(3) : value.toExponential(1));

function tell(M, cell, best) {
  const { live } = cell, error = live.last("val.mse"), status = live.status;
  const share = live.head?.goal ? Math.round((100 * live.head.step) / live.head.goal) : 0;
  const value = error === null ? "–" : short(error);
  const word = status === "running" ? `${share} %` : (M.data.copy[`status_${status}`] ?? status);
  if (cell.value.textContent !== value) cell.value.textContent = value;
  if (cell.word.textContent !== word) cell.word.textContent = word;
  const said = say(M, "cell", { name: cell.name, error: value, status: M.data.copy[`status_${status}`] ?? status });
  if (cell.said !== said) { cell.said = said; cell.link.setAttribute("aria-label", said); }
  Object.assign(cell.link.dataset, { status, best: String(best), step: live.head?.step ?? 0 });
}

/** Bounds of all validation errors, as logarithms. */
function errorScale(M) {
  let low = Infinity, high = -Infinity;
  for (const { live } of M.cells)
    for (const name of ["val.mse", "train.mse"])
      for (const value of live.curve[name] ?? []) if (value > 0) { low = Math.min(low, value); high = Math.max(high, value); }
  if (!(high > 0)) return { low: 0, high: 1, key: "" };
  high = Math.min(high, low * 1e3); // what explodes leaves the others their room
  const bounds = { low: Math.log(low) - 0.05, high: Math.log(high) + 0.05 };
  return { ...bounds, key: `${bounds.low.toFixed(1)}|${bounds.high.toFixed(1)}` };
}

/** A cell of that width: map above, reconstructions, curve below. */
function drawCell(M, cell, canvas, width) {
  if (width < 20 || !M.colours) return;
  const map = Math.round(width * MAP), tile = Math.floor((width - 8) / SAMPLES), pictures = pictured(cell.live) ? tile + 6 : 0, curve = Math.round(width * 0.24) + 6;
  const ctx = sized(canvas, width, map + pictures + curve);
  cell.moving = drawMap(M, cell, ctx, { x: 0, y: 0, w: width, h: map });
  if (pictures) drawPictures(cell, ctx, { x: 4, y: map + 2, tile }, SAMPLES);
  drawCurve(M, cell.live, ctx, { x: 5, y: map + pictures + 2, w: width - 10, h: curve - 6 });
}

const MARGIN = 0.07;

/** The codes of all items, or lanes by class where the code is one number. True while the bounds still ease. */
function drawMap(M, cell, ctx, box) {
  const { latent, labels } = cell.live.arrays;
  if (!latent) return false;
  const [count, wide] = latent.shape, codes = latent.data;
  const x = (i) => codes[i * wide], y = wide > 1 ? (i) => codes[i * wide + 1] : (i) => -(labels?.data[i] ?? 0) + 0.6 * (((i * 0.618034) % 1) - 0.5);
  const eases = ease(cell, count, x, y), [x0, x1, y0, y1] = cell.bounds;
  const px = (v) => box.x + box.w * (MARGIN + ((1 - 2 * MARGIN) * (v - x0)) / (x1 - x0)), py = (v) => box.y + box.h * (1 - MARGIN - ((1 - 2 * MARGIN) * (v - y0)) / (y1 - y0));
  ctx.save();
  ctx.beginPath();
  ctx.rect(box.x, box.y, box.w, box.h);
  ctx.clip();
  const size = Math.max(1.6, Math.min(4, box.w / 90)), every = Math.max(1, Math.floor(count / (box.w > 220 ? 2000 : 500)));
  ctx.globalAlpha = LOST.has(cell.live.status) ? 0.25 : 0.8;
  const classes = M.colours.classes, known = labels?.data;
  for (let label = -1; label < 10; label++) {
    ctx.fillStyle = label < 0 ? M.colours.faint : classes[label];
    for (let i = 0; i < count; i += every) {
      const own = known ? (known[i] < 0 ? -1 : known[i] % 10) : -1;
      if (own === label) ctx.fillRect(px(x(i)) - size / 2, py(y(i)) - size / 2, size, size);
    }
  }
  ctx.restore();
  if (cell.alike) {
    ctx.font = `11px ${M.colours.font}`;
    Object.assign(ctx, { fillStyle: M.colours.faint, textAlign: "center" });
    ctx.fillText(say(M, "alike"), box.x + box.w / 2, box.y + box.h / 2 + 20, box.w - 8);
  }
  return eases;
}

const POINT = 1e-6; // width of what is one place

/** Widens the cell's bounds to those of its codes at once, and narrows them little by little. True while they are apart.
 *  Notes whether all items have the same code. */
function ease(cell, count, x, y) {
  const wanted = [Infinity, -Infinity, Infinity, -Infinity];
  for (let i = 0; i < count; i++) {
    wanted[0] = Math.min(wanted[0], x(i)); wanted[1] = Math.max(wanted[1], x(i));
    wanted[2] = Math.min(wanted[2], y(i)); wanted[3] = Math.max(wanted[3], y(i));
  }
  cell.alike = wanted[1] - wanted[0] < POINT && (cell.live.arrays.latent.shape[1] < 2 || wanted[3] - wanted[2] < POINT);
  for (const at of [0, 2]) if (wanted[at + 1] - wanted[at] < POINT) { wanted[at] -= 0.5; wanted[at + 1] += 0.5; }
  const now = (cell.bounds ??= [...wanted]), room = Math.max(wanted[1] - wanted[0], wanted[3] - wanted[2]);
  let apart = 0;
  for (let i = 0; i < 4; i++) {
    const beyond = i % 2 ? wanted[i] > now[i] : wanted[i] < now[i];
    now[i] += (wanted[i] - now[i]) * (beyond ? 1 : EASE);
    apart = Math.max(apart, Math.abs(wanted[i] - now[i]) / room);
  }
  return apart > 0.004;
}

const pictured = (live) => live.meta?.form === "image" && live.arrays.reconstructions;

/** The first reconstructions, or originals. The small canvases that they are painted on are kept. */
function drawPictures({ live, tiles }, ctx, { x, y, tile }, count, name = "reconstructions") {
  const { shape, data } = live.arrays[name], [items, h, w, channels] = shape;
  for (let i = 0; i < Math.min(count, items); i++) {
    const kept = (tiles[i] ??= { canvas: Object.assign(document.createElement("canvas"), { width: w, height: h }), picture: new ImageData(w, h) });
    for (let p = 0; p < w * h; p++) {
      for (let c = 0; c < 3; c++) kept.picture.data[4 * p + c] = data[(i * w * h + p) * channels + (channels > 1 ? c : 0)];
      kept.picture.data[4 * p + 3] = 255;
    }
    kept.canvas.getContext("2d").putImageData(kept.picture, 0, 0);
    ctx.imageSmoothingEnabled = w > tile;
    ctx.drawImage(kept.canvas, x + i * tile, y, tile - 2, tile - 2);
  }
}

/** Error of items learned from (dashed) and of those kept aside, on a scale that all cells share; PCA as a line. */
function drawCurve(M, live, ctx, box) {
  const { low, high } = M.scale, goal = live.head?.goal || 1;
  const px = (step) => box.x + (box.w * step) / goal, py = (value) => box.y + box.h * (1 - Math.min(1, Math.max(0, (Math.log(value) - low) / (high - low))));
  ctx.strokeStyle = M.colours.hair;
  ctx.lineWidth = 1;
  ctx.strokeRect(box.x + 0.5, box.y + 0.5, box.w - 1, box.h - 1);
  const rival = live.meta?.reference?.val_mse;
  if (rival > 0) line(ctx, M.colours.faint, 1, [2, 3], [[box.x, py(rival)], [box.x + box.w, py(rival)]]);
  for (const [name, colour, dash] of [["train.mse", M.colours.train, [4, 2]], ["val.mse", M.colours.val, []]]) {
    const steps = live.curve.step ?? [], values = live.curve[name] ?? [], every = Math.max(1, Math.floor(steps.length / (2 * box.w))), points = [];
    for (let i = 0; i < steps.length; i++) if (values[i] > 0 && (i % every === 0 || i === steps.length - 1)) points.push([px(steps[i]), py(values[i])]);
    line(ctx, colour, 1.4, dash, points);
  }
}

function line(ctx, colour, width, dash, points) {
  ctx.beginPath();
  points.forEach(([x, y], i) => ctx[i ? "lineTo" : "moveTo"](x, y));
  Object.assign(ctx, { strokeStyle: colour, lineWidth: width });
  ctx.setLineDash(dash);
  ctx.stroke();
  ctx.setLineDash([]);
}

/** The cell under the pointer, larger, beside it. */
function enlarge(M, cell) {
  const canvas = M.large.querySelector("canvas"), words = M.large.querySelector("p"), { live } = cell, tile = Math.floor(LARGE / 10);
  const map = Math.round(LARGE * MAP), rows = pictured(live) ? 2 : 0, curve = 84;
  canvas.style.width = `${LARGE}px`;
  const ctx = sized(canvas, LARGE, map + rows * tile + curve + 10);
  drawMap(M, { live, bounds: [...(cell.bounds ?? [0, 1, 0, 1])] }, ctx, { x: 0, y: 0, w: LARGE, h: map });
  if (rows) {
    M.pad = { live, tiles: [] };
    drawPictures(M.pad, ctx, { x: 0, y: map, tile }, 10, "originals");
    drawPictures(M.pad, ctx, { x: 0, y: map + tile, tile }, 10);
  }
  drawCurve(M, live, ctx, { x: 0, y: map + rows * tile + 6, w: LARGE, h: curve });
  const text = say(M, "large", { name: cell.name, error: cell.value.textContent, train: live.last("train.mse") === null ? "–" : short(live.last("train.mse")), epoch: (live.head?.epoch ?? 0).toFixed(0) });
  if (words.textContent !== text) words.textContent = text;
  M.large.hidden = false;
  const place = cell.link.getBoundingClientRect(), own = M.large.getBoundingClientRect(), edge = Math.max(4, M.root.getBoundingClientRect().left);
  const right = place.right + 10 + own.width < window.innerWidth, left = place.left - 10 - own.width >= edge;
  const across = right ? place.right + 10 : left ? place.left - own.width - 10 : Math.min(Math.max(edge, place.left), window.innerWidth - own.width - 4);
  const down = right || left ? Math.min(place.top, window.innerHeight - own.height - 4) : place.bottom + 8;
  Object.assign(M.large.style, { left: `${across}px`, top: `${Math.max(4, down)}px` });
}
