/* The stage draws one run while it trains. It opens the run's WebSocket itself, decodes binary frames (ae_core/frames.py)
 * and draws them on canvas; Streamlit mounts it once and never reruns for a frame. Sections: codec, words, colours, canvas,
 * curves, socket, header, panels (loss, latent, code, pairs, units, layers), tooltip, hands, mount. All words come in `data.copy`. */

// ---------------------------------------------------------------------------------------------------- codec

/** One frame: {header, arrays: {name: {data, shape}}}. Arrays are views of the buffer, except half floats. */
export function decode(buffer) {
  const length = new DataView(buffer).getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length)));
  const arrays = {};
  for (const { name, dtype, shape, offset } of header.arrays) {
    const count = shape.reduce((a, b) => a * b, 1);
    arrays[name] = { data: typed(dtype, buffer, 4 + length + offset, count), shape };
  }
  delete header.arrays;
  return { header, arrays };
}

/** The typed array of a NumPy dtype name. f2 becomes Float32Array: not every browser knows half floats. */
function typed(dtype, buffer, offset, count) {
  const kinds = { f4: Float32Array, f8: Float64Array, u1: Uint8Array, i1: Int8Array, i2: Int16Array, i4: Int32Array };
  if (dtype !== "f2") return new kinds[dtype](buffer, offset, count);
  return Float32Array.from(new Uint16Array(buffer, offset, count), (h) => {
    const sign = h & 0x8000 ? -1 : 1, exponent = (h >> 10) & 31, part = h & 1023;
    if (exponent === 31) return part ? NaN : sign * Infinity;
    return sign * (exponent ? 2 ** (exponent - 15) * (1 + part / 1024) : 2 ** -14 * (part / 1024));
  });
}

// ---------------------------------------------------------------------------------------------------- words

/** The words for a key, with {name} replaced. */
function say(S, key, values = {}) {
  return (S.copy[key] ?? key).replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");
}

/** A number for people: three or four digits, never NaN. */
function num(S, value, digits = 3) {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size < 1e-4 || size >= 1e7) return value.toExponential(digits - 2).replace("e+", "e");
  return value.toLocaleString(S.copy.locale || undefined, size >= 1000 ? { maximumFractionDigits: 0 } : { maximumSignificantDigits: digits });
}

/** A duration in seconds for people. */
function span(S, seconds) {
  if (!Number.isFinite(seconds) || seconds < 0) return "–";
  if (seconds < 60) return say(S, "time_seconds", { s: seconds < 10 ? seconds.toFixed(1) : Math.round(seconds) });
  const minutes = Math.floor(seconds / 60), rest = String(Math.floor(seconds % 60)).padStart(2, "0");
  if (minutes < 60) return say(S, "time_minutes", { m: minutes, s: rest });
  return say(S, "time_hours", { h: Math.floor(minutes / 60), m: String(minutes % 60).padStart(2, "0") });
}

/** Set text only where it changed. */
function write(element, text) {
  if (element && element.textContent !== text) element.textContent = text;
}

/** The name of a class; items without one have none. */
function className(S, label) {
  return label === undefined || label < 0 ? "" : localName(S, S.meta?.label_names?.[label] ?? String(label));
}

/** A class or feature in the reader's language; a number at its end is kept. */
function localName(S, name) {
  const [, stem, number] = /^(.*?)( \d+)?$/.exec(name);
  return S.names?.[name] ?? (S.names?.[stem] ? S.names[stem] + (number ?? "") : name);
}

/** The name of a feature. */
const featureName = (S, j) => (S.meta?.feature_names?.[j] === undefined ? `${j + 1}` : localName(S, S.meta.feature_names[j]));

// -------------------------------------------------------------------------------------------------- colours

// Okabe and Ito's eight (yellow and black bent to be seen on both grounds) and two more; then they begin again with another shape.
const CLASSES = {
  light: ["#0072b2", "#e69f00", "#009e73", "#d55e00", "#cc79a7", "#56b4e9", "#a89a00", "#882255", "#666673", "#4f3fb0"],
  dark: ["#3d9be0", "#f5b83d", "#1fc79a", "#f5762f", "#e79bc6", "#86d0fa", "#efe34a", "#cf4f8d", "#b3b3bf", "#9a8ef5"],
};
const SHAPES = ["circle", "square", "triangle", "diamond", "plus", "wedge", "hexagon", "star", "cross", "pentagon"];
const VIRIDIS = ["#440154", "#482878", "#3e4a89", "#31688e", "#26828e", "#1f9e89", "#35b779", "#6ece58", "#b5de2b", "#fde725"];
const RAMP = 48;

const scratch = Object.assign(document.createElement("canvas"), { width: 1, height: 1 }).getContext("2d", { willReadFrequently: true });

/** Any CSS colour over a ground, as [r, g, b]. */
function rgb(colour, ground = "#fff") {
  for (const layer of [ground, colour]) { scratch.fillStyle = "#000"; scratch.fillStyle = layer; scratch.fillRect(0, 0, 1, 1); }
  return [...scratch.getImageData(0, 0, 1, 1).data.slice(0, 3)];
}

const mix = (a, b, share) => a.map((v, i) => v + (b[i] - v) * share);
const css = (c, alpha = 1) => `rgba(${c.map(Math.round).join(",")},${alpha})`;

/** The colour at 0..1 along a list of colours. */
function along(stops, at) {
  const place = Math.min(Math.max(at, 0), 1) * (stops.length - 1), low = Math.min(Math.floor(place), stops.length - 2);
  return mix(stops[low], stops[low + 1], place - low);
}

/** Streamlit's theme as numbers; true if it changed since the last look. */
function readTheme(S) {
  const style = getComputedStyle(S.root);
  const get = (name, otherwise) => style.getPropertyValue(`--st-${name}`).trim() || otherwise;
  const key = ["background-color", "text-color", "primary-color", "font"].map((name) => get(name, "")).join("|") + S.width;
  if (S.theme?.key === key) return false;
  const bg = rgb(get("background-color", "#ffffff")), text = rgb(get("text-color", "#1d2433"));
  const dark = bg[0] * 0.3 + bg[1] * 0.59 + bg[2] * 0.11 < 128;
  const size = S.width >= 1300 ? 14 : 12;
  S.theme = {
    key, bg, text, dark, size, accent: rgb(get("primary-color", "#2563eb")), bg2: rgb(get("secondary-background-color", "#f3f5f9")),
    faint: css(mix(text, bg, 0.36)), hair: css(mix(text, bg, 0.88)), line: css(mix(text, bg, 0.72)), ink: css(text), ground: css(bg),
    font: (weight = 400, scale = 1) => `${weight} ${(size * scale).toFixed(1)}px ${get("font", "system-ui, sans-serif").replace(/"/g, "'")}`,
    classes: CLASSES[dark ? "dark" : "light"].map((c) => rgb(c)), // viridis, without the end that is lost on this ground
    ramp: Array.from({ length: RAMP }, (_, i) => along(VIRIDIS.map((c) => rgb(c)), (dark ? 0.2 : 0) + (i / (RAMP - 1)) * (dark ? 0.8 : 0.95))),
    train: rgb(dark ? "#3d9be0" : "#0072b2"), val: rgb(dark ? "#f58a3c" : "#d55e00"), cold: rgb(dark ? "#4aa8ec" : "#0072b2"), warm: rgb(dark ? "#f58a3c" : "#d55e00"),
  };
  S.root.classList.toggle("ll-dark", dark);
  S.sprites.clear();
  return true;
}

/** Negative to positive, -1..1, with the panel's own ground in the middle. */
function diverging(T, value) {
  const share = Math.min(1, Math.abs(value));
  return mix(T.bg2, value < 0 ? T.cold : T.warm, share ** 0.85);
}

// --------------------------------------------------------------------------------------------------- canvas

/** Clear a panel's canvas, sharp at the device's pixels. Returns {ctx, w, h} in CSS pixels, or null if it has no room. */
function surface(panel) {
  const w = panel.width, h = panel.height, ratio = Math.min(window.devicePixelRatio || 1, 3);
  if (w < 20 || h < 20) return null;
  const W = Math.round(w * ratio), H = Math.round(h * ratio);
  if (panel.canvas.width !== W || panel.canvas.height !== H) Object.assign(panel.canvas, { width: W, height: H });
  const ctx = panel.canvas.getContext("2d");
  ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
  ctx.clearRect(0, 0, w, h);
  return { ctx, w, h, ratio };
}

/** Text with a halo of the ground, so that it can be read over lines. */
function label(ctx, T, text, x, y, { colour = T.faint, align = "left", base = "alphabetic", weight = 400, scale = 1, halo = 3 } = {}) {
  ctx.font = T.font(weight, scale);
  ctx.textAlign = align;
  ctx.textBaseline = base;
  if (halo) { ctx.lineWidth = halo; ctx.lineJoin = "round"; ctx.strokeStyle = T.ground; ctx.strokeText(text, x, y); }
  ctx.fillStyle = colour;
  ctx.fillText(text, x, y);
}

/** Round tick values between two numbers. */
function ticks(low, high, count) {
  const rough = (high - low) / Math.max(1, count), power = 10 ** Math.floor(Math.log10(rough));
  const step = power * [1, 2, 2.5, 5, 10].find((m) => m * power >= rough * 0.999);
  const values = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + step * 1e-9 && values.length < 50; i++) values.push(+(i * step).toPrecision(12));
  return values;
}

/** Powers of ten (and 2 and 5 of them if there are few) between two positive numbers. */
function logTicks(low, high, count) {
  const decades = Math.log10(high / low);
  if (decades < 0.7) return ticks(low, high, count);
  const factors = decades < 2.2 ? [1, 2, 5] : [1], stride = Math.max(1, Math.ceil(decades / count)), values = [];
  for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); power++)
    if (power % stride === 0) for (const f of factors) { const v = +(f * 10 ** power).toPrecision(6); if (v >= low && v <= high) values.push(v); }
  return values;
}

/** A marker's outline around 0, 0. */
function outline(ctx, shape, r) {
  const polygon = (corners, turn, inner = 1) => {
    const n = inner < 1 ? corners * 2 : corners;
    for (let i = 0; i < n; i++) {
      const a = turn + (i * 2 * Math.PI) / n, q = i % 2 && inner < 1 ? r * inner : r;
      ctx[i ? "lineTo" : "moveTo"](Math.cos(a) * q, Math.sin(a) * q);
    }
    ctx.closePath();
  };
  const up = -Math.PI / 2;
  ctx.beginPath();
  if (shape === "square") ctx.rect(-r * 0.85, -r * 0.85, r * 1.7, r * 1.7);
  else if (shape === "triangle") { r *= 1.2; polygon(3, up); }
  else if (shape === "wedge") { r *= 1.2; polygon(3, -up); }
  else if (shape === "diamond") { r *= 1.2; polygon(4, up); }
  else if (shape === "hexagon") polygon(6, 0);
  else if (shape === "pentagon") polygon(5, up);
  else if (shape === "star") { r *= 1.35; polygon(5, up, 0.45); }
  else if (shape === "plus" || shape === "cross") {
    r *= 1.25;
    if (shape === "cross") ctx.rotate(Math.PI / 4);
    const a = r * 0.42;
    [[-a, -r], [a, -r], [a, -a], [r, -a], [r, a], [a, a], [a, r], [-a, r], [-a, a], [-r, a], [-r, -a], [-a, -a]].forEach(([x, y], i) => ctx[i ? "lineTo" : "moveTo"](x, y));
    ctx.closePath();
  }
  else ctx.arc(0, 0, r, 0, 7);
}

/** A marker drawn once and stamped often: stamping is several times faster than paths. */
function sprite(S, colour, shape, r, filled, ratio) {
  const key = `${colour}|${shape}|${r.toFixed(1)}|${filled}|${ratio}`;
  let made = S.sprites.get(key);
  if (!made) {
    const half = Math.ceil(r * 1.5 + 2), size = Math.ceil(half * 2 * ratio);
    made = Object.assign(document.createElement("canvas"), { width: size, height: size });
    const ctx = made.getContext("2d");
    ctx.setTransform(ratio, 0, 0, ratio, half * ratio, half * ratio);
    outline(ctx, shape, r);
    ctx.globalAlpha = filled ? 0.92 : 0.22;
    ctx.fillStyle = css(colour);
    ctx.fill();
    ctx.globalAlpha = filled ? 1 : 0.75;
    ctx.lineWidth = filled ? 0.8 : 1;
    ctx.strokeStyle = filled ? S.theme.ground : css(colour);
    ctx.stroke();
    made.half = half;
    if (S.sprites.size > 900) S.sprites.clear();
    S.sprites.set(key, made);
  }
  return made;
}

/** A message in the middle of a panel that has nothing to draw. */
function vacant(S, box, key) {
  label(box.ctx, S.theme, say(S, key), box.w / 2, box.h / 2, { align: "center", base: "middle", halo: 0 });
}

// --------------------------------------------------------------------------------------------------- curves

/** Progress rows as growing columns. The server counts rows from the run's start, `skipped` are those it thinned out. */
export class Curves {
  constructor() { this.length = 0; this.skipped = 0; this.columns = {}; }

  /** Truncate to row `from` and append. Returns false if nothing came. */
  take(from, arrays, full) {
    const came = arrays["curve.step"]?.data.length ?? 0;
    if (full) { this.length = 0; this.skipped = 0; }
    if (came || from < this.length + this.skipped) {
      if (from > this.length + this.skipped) this.skipped = from - this.length;
      this.length = Math.min(this.length, Math.max(0, from - this.skipped));
    }
    if (!came) return false;
    const names = new Set([...Object.keys(this.columns), ...Object.keys(arrays).filter((n) => n.startsWith("curve.")).map((n) => n.slice(6))]);
    for (const name of names) {
      const column = this.#room(name, this.length + came), rows = arrays[`curve.${name}`]?.data;
      if (rows) column.set(rows, this.length); else column.fill(NaN, this.length, this.length + came);
    }
    this.length += came;
    return true;
  }

  #room(name, size) {
    const old = this.columns[name];
    if (old && old.length >= size) return old;
    const grown = new Float64Array(Math.max(1024, size * 2)).fill(NaN);
    if (old) grown.set(old.subarray(0, this.length));
    return (this.columns[name] = grown);
  }

  /** The newest finite value of a column, or null. */
  last(name) {
    const column = this.columns[name];
    for (let i = this.length - 1; column && i >= 0; i--) if (Number.isFinite(column[i])) return column[i];
    return null;
  }
}

/** True if every number is finite. */
function finite(values) {
  for (let i = 0; i < values.length; i++) if (!Number.isFinite(values[i])) return false;
  return true;
}

/** Take one frame into the state. Pictures with a number that is not finite are left out: the last good one stays. */
function take(S, { header, arrays }) {
  if (header.run !== undefined && S.run !== null && header.run !== S.run) return;
  const before = S.head?.status;
  S.head = header;
  if (header.full && header.meta !== undefined) {
    S.meta = header.meta ?? S.meta;
    for (const name of Object.keys(arrays)) if (!name.startsWith("curve.")) S.arrays[name] = arrays[name];
    prepareItems(S);
    showChoices(S);
  }
  if (S.curves.take(header.curve_from ?? S.curves.length + S.curves.skipped, arrays, header.full)) S.dirty.add("loss");
  if (header.marks) { S.marks = header.marks; S.dirty.add("loss"); }
  if (arrays.latent) takeSnapshot(S, header, arrays);
  measureSpeed(S, header);
  if (header.full) for (const panel of S.panels) S.dirty.add(panel.name);
  S.fresh = true;
  if (header.status !== before) tellStatus(S, header.status);
}

/** Take a snapshot's arrays, whole or not at all. */
function takeSnapshot(S, header, arrays) {
  for (const [name, { data }] of Object.entries(arrays))
    if (data instanceof Float32Array && !name.startsWith("curve.") && !name.startsWith("layers.") && name !== "colour" && !finite(data)) return;
  for (const [name, value] of Object.entries(arrays)) if (!name.startsWith("curve.")) S.arrays[name] = value;
  S.pictureStep = header.snapshot_step ?? header.step;
  placeCodes(S);
  for (const name of ["latent", "code", "pairs", "units", "layers"]) S.dirty.add(name);
}

/** Steps and samples per second, smoothed: training time for samples, the clock on the wall for the time left. */
function measureSpeed(S, header) {
  const now = performance.now(), mark = S.speed;
  const samples = header.epoch * (S.meta?.train_items ?? 0);
  if (!mark || header.step < mark.step || header.full) { S.speed = { now, step: header.step, samples, seconds: header.seconds }; S.rate ??= header.seconds > 0 ? samples / header.seconds : null; return; }
  if (now - mark.now < 900 || header.step === mark.step) return;
  const blend = (old, fresh) => (old ? old * 0.6 + fresh * 0.4 : fresh);
  if (header.seconds > mark.seconds) S.rate = blend(S.rate, (samples - mark.samples) / (header.seconds - mark.seconds));
  S.pace = blend(S.pace, ((header.step - mark.step) * 1000) / (now - mark.now));
  S.speed = { now, step: header.step, samples, seconds: header.seconds };
}

// --------------------------------------------------------------------------------------------------- socket

const SETTLED = new Set(["finished", "stopped", "failed", "diverged", "interrupted"]);
const UNKNOWN_RUN = 4404;

/** The WebSocket's address, below the path that Streamlit is served from (its own script tells). */
function address(path) {
  if (/^wss?:/.test(path)) return path;
  const script = document.querySelector('script[src*="static/js/"]');
  const base = script ? new URL(script.src).pathname.split("/static/js/")[0] : "";
  const url = new URL(path.startsWith(`${base}/`) ? path : base + path, location.href);
  url.protocol = url.protocol.replace("http", "ws");
  return url.href;
}

/** Open the socket, and again after it was lost, each time a little later (at most 8 s). What is drawn stays. */
function connect(S) {
  clearTimeout(S.retry);
  if (S.closed || !S.run) return;
  const socket = (S.socket = new WebSocket(address(S.path)));
  socket.binaryType = "arraybuffer";
  socket.onmessage = ({ data }) => {
    if (S.socket !== socket) return;
    S.attempt = 0;
    clearTimeout(S.warn);
    S.link.hidden = true;
    take(S, decode(data));
    schedule(S);
  };
  socket.onclose = ({ code }) => {
    if (S.socket !== socket || S.closed) return;
    S.missing = code === UNKNOWN_RUN;
    write(S.link, say(S, S.missing ? "cover_missing" : "reconnecting"));
    if (S.missing && S.head) { // deleted while it was watched: nothing goes on telling of a run that trains
      forget(S);
      S.missing = true;
      for (const panel of S.panels) S.dirty.add(panel.name);
    }
    if (S.missing) S.link.hidden = false;
    const wait = S.missing ? 30_000 : Math.min(8000, 250 * 2 ** S.attempt++) * (0.8 + Math.random() * 0.4);
    S.retry = setTimeout(() => connect(S), wait);
    clearTimeout(S.warn);
    S.warn = setTimeout(() => { if (!S.missing && !(S.head && SETTLED.has(S.head.status) && S.attempt < 3)) S.link.hidden = false; }, 400);
    S.fresh = true;
    schedule(S);
  };
}

/** Close for good. */
function disconnect(S) {
  clearTimeout(S.retry);
  clearTimeout(S.warn);
  const socket = S.socket;
  S.socket = null;
  if (socket) { socket.onmessage = socket.onclose = null; socket.close(1000); }
}

/** Tell Python a status once, and the people who listen. */
function tellStatus(S, status) {
  if (S.told !== status) { S.told = status; S.emit?.("status", status); }
  S.spoken = 0;
}

// --------------------------------------------------------------------------------------------------- header

const ICONS = {
  empty: "M8 2a6 6 0 1 0 0 12A6 6 0 0 0 8 2Zm0 2a4 4 0 1 1 0 8 4 4 0 0 1 0-8Z", queued: "M3 1h10v3L9 8l4 4v3H3v-3l4-4-4-4Z", running: "M3 1.5 14 8 3 14.5Z",
  paused: "M3 2h3.6v12H3ZM9.4 2H13v12H9.4Z", finished: "M6.3 13.6 1 8.3l2-2 3.3 3.3L13 2.8l2 2Z", stopped: "M2.5 2.5h11v11h-11Z",
  failed: "M3.5 1.4 8 5.9l4.5-4.5 2.1 2.1L10.1 8l4.5 4.5-2.1 2.1L8 10.1l-4.5 4.5-2.1-2.1L5.9 8 1.4 3.5Z", diverged: "M8 .8 15.8 15H.2ZM7 5.5v5h2v-5Zm0 6v2h2v-2Z",
  interrupted: "M1 6.6h5v2.8H1Zm9 0h5v2.8h-5ZM7.2 1h1.6v4H7.2Zm0 10h1.6v4H7.2Z",
};

const status = (S) => (S.run && !S.missing ? (S.head?.status ?? "queued") : "empty");

/** Status, clock, progress, figures, banner and cover: plain elements. */
function drawHeader(S) {
  const now = status(S), head = S.head ?? { step: 0, epoch: 0, seconds: 0, goal: 0 }, meta = S.meta ?? {};
  Object.assign(S.root.dataset, { run: S.run ?? "", status: now, step: head.step, epoch: +head.epoch.toFixed(3), frames: S.frames });
  S.root.querySelector(".ll-chip path").setAttribute("d", ICONS[now] ?? ICONS.empty);
  write(S.root.querySelector(".ll-chip b"), say(S, `status_${now}`));
  const share = head.goal > 0 ? Math.min(1, head.step / head.goal) : 0;
  const bar = S.root.querySelector(".ll-bar");
  bar.firstElementChild.style.transform = `scaleX(${share})`;
  bar.setAttribute("aria-valuenow", Math.round(share * 100));
  const clock = say(S, meta.epochs ? "clock" : "clock_short", { epoch: `\u0001${num(S, head.epoch, 4)}\u0002`, epochs: num(S, meta.epochs), step: num(S, head.step), goal: num(S, head.goal) });
  if (S.clock !== clock) { S.clock = clock; const [a, b, c = ""] = clock.split(/[\u0001\u0002]/); const strong = document.createElement("b"); strong.textContent = b ?? ""; S.fields.clock.replaceChildren(a, strong, c); }
  const left = S.pace > 0 ? (head.goal - head.step) / S.pace : head.step > 0 ? ((head.goal - head.step) * head.seconds) / head.step : NaN;
  write(S.fields.left, now === "running" && Number.isFinite(left) && left > 0 ? say(S, "time_left", { time: span(S, left) }) : "");
  write(S.fields.note, now !== "diverged" ? head.note || "" : "");
  drawFacts(S, head, meta);
  drawBanner(S, now, head);
  drawCover(S, now, head);
}

/** The six figures. */
function drawFacts(S, head, meta) {
  const train = S.curves.last("train.mse") ?? head.terms?.train?.mse, val = S.curves.last("val.mse") ?? head.terms?.val?.mse, pca = meta.reference?.val_mse;
  write(S.fields.train, num(S, train));
  write(S.fields.val, num(S, val));
  write(S.fields.pca, num(S, pca));
  write(S.fields.pca_note, meta.latent_dim ? say(S, meta.latent_dim === 1 ? "pca_one" : "pca_note", { n: meta.latent_dim }) : "");
  const gain = pca > 0 && Number.isFinite(val) ? val / pca - 1 : NaN;
  write(S.fields.versus, Number.isFinite(gain) && gain < 20 ? say(S, gain < 0 ? "below_pca" : "above_pca", { percent: Math.abs(gain * 100).toFixed(0) }) : "");
  write(S.fields.speed, num(S, S.rate ? +S.rate.toPrecision(3) : null));
  write(S.fields.speed_note, [say(S, "speed_unit"), S.copy[`gradients_${meta.gradients}`]].filter(Boolean).join(" · "));
  write(S.fields.rate, num(S, head.learning_rate));
  write(S.fields.seconds, span(S, head.seconds));
}

/** What went wrong and how to go on. */
function drawBanner(S, now, head) {
  const banner = S.root.querySelector(".ll-banner"), loud = ["diverged", "failed", "interrupted"].includes(now);
  banner.hidden = !loud;
  if (!loud) return;
  banner.classList.toggle("ll-mild", now === "interrupted");
  banner.querySelector("path").setAttribute("d", ICONS[now]);
  write(banner.querySelector("b"), say(S, `banner_${now}`));
  write(banner.querySelector("p"), (now === "diverged" && S.copy[`reason_${head.note}`]) || head.error || say(S, `banner_${now}_help`));
}

/** What stands here before there is a picture. */
function drawCover(S, now, head) {
  const bare = !S.run || (!S.curves.length && !S.arrays.latent);
  if (S.root.classList.toggle("ll-bare", bare) !== S.wasBare) { S.wasBare = bare; for (const panel of S.panels) S.dirty.add(panel.name); }
  if (!bare) return;
  const key = S.missing ? "missing" : !S.run ? "empty" : !S.head ? "connecting" : now === "queued" || now === "running" ? "queued" : "nothing";
  S.root.classList.toggle("ll-blank", !S.head);
  const cover = S.root.querySelector(".ll-cover");
  write(cover.querySelector("b"), say(S, `cover_${key}`));
  write(cover.querySelector("p"), say(S, `cover_${key}_help`));
}

/** The sentence for assistive tools: at a change of status, else every ten seconds. */
function speak(S, time) {
  if (!S.head || (S.spoken && time - S.spoken < 10_000)) return;
  S.spoken = time;
  write(S.root.querySelector(".ll-live"), say(S, "spoken", { status: say(S, `status_${status(S)}`), epoch: num(S, S.head.epoch), epochs: num(S, S.meta?.epochs), train: num(S, S.curves.last("train.mse")), val: num(S, S.curves.last("val.mse")) }));
}

// --------------------------------------------------------------------------------------------------- panel: loss

const TERM_ORDER = ["loss", "reconstruction", "kl", "weight_decay", "weight_l1", "code_l1"];

/** A term or reading in the reader's words. */
const termName = (S, term) => S.copy[`term_${term}`] ?? term.replaceAll("_", " ");

/** What is drawn: a view that this run has. */
const viewOf = (S) => (S.ui.view === "readings" && !S.meta?.readings?.length ? "mse" : S.ui.view);

/** The lines to draw: {column, name, colour, dash, side}. Readings are watched beside the loss, in units of their own. */
function lossLines(S) {
  const T = S.theme, names = Object.keys(S.curves.columns), watched = S.meta?.readings ?? [], view = viewOf(S);
  if (view === "mse") return ["train", "val"].filter((side) => names.includes(`${side}.mse`)).map((side) => ({ column: `${side}.mse`, name: say(S, side), colour: T[side], side }));
  const all = [...new Set(names.filter((n) => /^(train|val)\./.test(n)).map((n) => n.slice(n.indexOf(".") + 1)))].filter((t) => t !== "mse");
  const terms = all.filter((t) => watched.includes(t) === (view === "readings"));
  const place = (term) => (TERM_ORDER.indexOf(term) + 99) % 99;
  terms.sort((a, b) => place(a) - place(b));
  const shown = terms.length === 2 && terms.includes("loss") ? ["reconstruction"].filter((t) => terms.includes(t)).concat(terms.includes("reconstruction") ? [] : ["loss"]) : terms;
  return shown.flatMap((term, i) => ["train", "val"].filter((side) => names.includes(`${side}.${term}`)).map((side) => ({
    column: `${side}.${term}`, name: side === "train" ? termName(S, term) : say(S, "val_of", { term: termName(S, term) }), bare: side !== "train", colour: term === "loss" ? T.text : T.classes[[0, 3, 2, 4, 1, 9, 7][i % 7]], side })));
}

/** Where everything in the loss panel lies: extents, scales, margins. Null while there is nothing. */
function lossPlan(S, box) {
  const { curves, ui } = S, xs = curves.columns[ui.x], lines = lossLines(S), n = curves.length;
  if (!xs || !n || !lines.length) return null;
  let low = Infinity, high = -Infinity, positive = Infinity;
  for (const { column } of lines) { const ys = curves.columns[column]; for (let i = 0; i < n; i++) { const y = ys[i]; if (Number.isFinite(y)) { if (y < low) low = y; if (y > high) high = y; if (y > 0 && y < positive) positive = y; } } }
  const pca = viewOf(S) === "mse" ? S.meta?.reference?.val_mse : null;
  if (!Number.isFinite(low)) return null;
  const near = pca > 0 && pca > low / 300; // where PCA is next to exact its line would press the curves flat
  if (near) { low = Math.min(low, pca); high = Math.max(high, pca); positive = Math.min(positive, pca); }
  const zeros = low <= 0, refused = ui.y === "log" && (low < 0 || !Number.isFinite(positive));
  const log = ui.y === "log" && !refused;
  if (log) { low = zeros ? Math.max(positive, high * 1e-7) : low; low = Math.max(low, high * 1e-9); const pad = Math.max(1.04, (high / low) ** 0.06); low /= pad; high *= pad; }
  else { const top = high - low || Math.abs(high) || 1; if (low > 0 && low < top) low = 0; else if (low !== 0) low -= top * 0.06; high += top * 0.06; }
  const mark = S.marks.findLast((one) => one.kind === "diverged"), broke = mark && ui.x !== "seconds" ? mark[ui.x] : 0; // a run that diverged at once has one row, and still an end
  const T = S.theme, ctx = box.ctx, left = xs[0], right = Math.max(xs[n - 1], broke, left + 1e-9);
  const yTicks = (log ? logTicks : ticks)(low, high, Math.max(3, Math.floor(box.h / 56)));
  ctx.font = T.font();
  const gutter = Math.max(28, ...yTicks.map((v) => ctx.measureText(num(S, v)).width)) + 8;
  ctx.font = T.font(600);
  const tail = Math.min(box.w * 0.3, Math.max(...lines.map((l) => (l.bare ? 0 : ctx.measureText(l.name).width))) + 12);
  const frame = { x: gutter, y: 22, w: box.w - gutter - tail, h: box.h - 22 - T.size * 2.1 };
  const X = (v) => frame.x + ((v - left) / (right - left)) * frame.w;
  const scale = log ? Math.log : (v) => v, a = scale(low), b = scale(high);
  const Y = (v) => frame.y + frame.h * (1 - (scale(Math.max(v, log ? low * 0.5 : -Infinity)) - a) / (b - a));
  return { xs, n, lines, pca: near ? pca : null, log, refused, low, high, left, right, yTicks, frame, X, Y };
}

/** One line, at most two points a pixel. Rows without a value are passed over. */
function polyline(ctx, plan, ys) {
  const { xs, n, X, Y } = plan;
  const dense = n > plan.frame.w * 3;
  let column = -1, least = 0, most = 0, begun = false, lastX = 0, lastY = 0, count = 0;
  ctx.beginPath();
  const point = (x, y) => { if (begun) ctx.lineTo(x, y); else ctx.moveTo(x, y); begun = true; };
  for (let i = 0; i < n; i++) {
    if (!Number.isFinite(ys[i]) || !Number.isFinite(xs[i])) continue;
    const x = X(xs[i]), y = Y(ys[i]);
    count++;
    if (!dense) point(x, y);
    else if (Math.round(x) !== column) { if (column >= 0) { point(column, least); point(column, most); } column = Math.round(x); least = most = y; }
    else { if (y < least) least = y; if (y > most) most = y; }
    lastX = x; lastY = y;
  }
  if (dense && column >= 0) { point(column, least); point(column, most); point(lastX, lastY); }
  ctx.stroke();
  return count ? { x: lastX, y: lastY, count } : null;
}

/** Grid, ticks and units of the loss panel. */
function lossAxes(S, box, plan) {
  const { ctx } = box, T = S.theme, { frame } = plan;
  ctx.strokeStyle = T.hair;
  for (const v of plan.yTicks) { const y = Math.round(plan.Y(v)) + 0.5; ctx.lineWidth = 1; ctx.beginPath(); ctx.moveTo(frame.x, y); ctx.lineTo(frame.x + frame.w, y); ctx.stroke(); label(ctx, T, num(S, v), frame.x - 6, y, { align: "right", base: "middle", halo: 0 }); }
  const xTicks = plan.n > 1 ? ticks(plan.left, plan.right, Math.max(2, Math.floor(frame.w / 62))) : [plan.left];
  const name = say(S, `axis_${S.ui.x}`);
  ctx.font = T.font(600);
  const clear = box.w - ctx.measureText(name).width - 14;
  for (const v of xTicks) if (plan.X(v) < clear) label(ctx, T, num(S, v, 4), plan.X(v), frame.y + frame.h + 6, { align: "center", base: "top", halo: 0 });
  label(ctx, T, name, box.w - 2, frame.y + frame.h + 6, { align: "right", base: "top", halo: 0, weight: 600 });
  label(ctx, T, fit(ctx, T, say(S, `axis_${viewOf(S)}`), box.w * 0.93), 2, 4, { base: "top", halo: 0, weight: 600 });
}

/** The loss panel. */
function drawLoss(S, panel) {
  const box = surface(panel);
  if (!box) return;
  const { ctx } = box, T = S.theme, plan = (panel.plan = lossPlan(S, box));
  write(S.fields.loss_note, plan?.refused ? say(S, "log_refused") : plan && viewOf(S) !== "mse" ? say(S, "dashes") : "");
  if (!plan) return vacant(S, box, "waiting");
  lossAxes(S, box, plan);
  const { frame, X, Y } = plan;
  if (plan.pca > 0) drawPca(S, box, plan);
  ctx.save();
  ctx.beginPath(); ctx.rect(frame.x - 1, frame.y - 4, frame.w + 4, frame.h + 8); ctx.clip();
  const ends = [];
  for (const line of [...plan.lines].reverse()) {
    ctx.strokeStyle = ctx.fillStyle = css(line.colour);
    ctx.lineWidth = line.side === "train" ? 2 : 2.2;
    ctx.lineJoin = "round";
    ctx.setLineDash(line.side === "train" ? [] : [6, 4]);
    const end = polyline(ctx, plan, S.curves.columns[line.column]);
    ctx.setLineDash([]);
    if (end) { ctx.beginPath(); ctx.arc(end.x, end.y, 3.2, 0, 7); ctx.fill(); if (!line.bare) ends.push({ ...line, y: end.y, x: end.x }); }
  }
  ctx.restore();
  drawMarks(S, box, plan);
  drawBreak(S, box, plan);
  ends.sort((a, b) => a.y - b.y);
  const gap = T.size * 1.2;
  ends.forEach((end, i) => { end.at = Math.max(end.y, i ? ends[i - 1].at + gap : frame.y + 4); });
  for (let i = ends.length - 1; i >= 0; i--) ends[i].at = Math.min(ends[i].at, i < ends.length - 1 ? ends[i + 1].at - gap : frame.y + frame.h - 2);
  for (const end of ends) label(ctx, T, end.name, frame.x + frame.w + 8, end.at, { colour: css(end.colour), base: "middle", weight: 600 });
  drawCross(S, panel, box, plan);
}

/** PCA with the same bottleneck: the honest rival, as a line with its name. */
function drawPca(S, { ctx }, plan) {
  const { frame, pca, Y } = plan;
  const T = S.theme, y = Math.round(Y(pca)) + 0.5;
  ctx.strokeStyle = T.faint; ctx.lineWidth = 1.4; ctx.setLineDash([2, 4]);
  ctx.beginPath(); ctx.moveTo(frame.x, y); ctx.lineTo(frame.x + frame.w, y); ctx.stroke();
  ctx.setLineDash([]);
  const text = say(S, S.meta.latent_dim === 1 ? "pca_line_one" : "pca_line", { n: S.meta.latent_dim, value: num(S, pca) });
  ctx.font = T.font();
  const width = ctx.measureText(text).width, up = y - 6, down = y + T.size + 4, left = frame.x + 6, right = frame.x + frame.w - width - 6;
  const free = [[right, up], [left, down], [right, down], [left, up]].find(([x, at]) => at > frame.y + T.size && at < frame.y + frame.h - 2 && !crosses(S, plan, x, x + width, at - T.size, at + 2));
  const [x, at] = free ?? [right, y < frame.y + 20 ? down : up];
  label(ctx, T, text, x, at, { colour: T.faint });
}

/** True if a line of the plan runs through this rectangle. */
function crosses(S, plan, left, right, top, bottom) {
  const { xs, n, lines, frame } = plan, value = (x) => plan.left + ((x - frame.x) / frame.w) * (plan.right - plan.left);
  const from = nearestRow(xs, n, value(left)), to = nearestRow(xs, n, value(right)), stride = Math.max(1, Math.floor((to - from) / 60));
  return lines.some(({ column }) => { for (let i = from; i <= to; i += stride) { const y = plan.Y(S.curves.columns[column][i]); if (y > top && y < bottom) return true; } return false; });
}

/** Where a run diverged: each curve leaves the picture upwards, at a line that says so. */
function drawBreak(S, { ctx }, plan) {
  const mark = S.marks.findLast((one) => one.kind === "diverged"), T = S.theme, { frame } = plan;
  if (!mark || status(S) !== "diverged") return;
  const at = S.ui.x === "seconds" ? secondsAt(S, mark.step) : mark[S.ui.x], x = plan.X(Math.min(Math.max(at, plan.left), plan.right));
  ctx.strokeStyle = css(T.warm); ctx.lineWidth = 1.6; ctx.setLineDash([5, 4]);
  ctx.beginPath(); ctx.moveTo(x, frame.y); ctx.lineTo(x, frame.y + frame.h); ctx.stroke();
  for (const line of plan.lines) {
    const ys = S.curves.columns[line.column];
    let row = plan.n - 1;
    while (row >= 0 && !Number.isFinite(ys[row])) row--;
    if (row < 0) continue;
    ctx.strokeStyle = css(line.colour, 0.55);
    ctx.beginPath(); ctx.moveTo(plan.X(plan.xs[row]), plan.Y(ys[row])); ctx.lineTo(x, frame.y); ctx.stroke();
  }
  ctx.setLineDash([]);
  const left = x > frame.x + frame.w / 2;
  label(ctx, T, say(S, "diverged_at", { step: num(S, mark.step, 9) }), x + (left ? -8 : 8), frame.y + T.size * 1.6, { align: left ? "right" : "left", weight: 650, colour: css(T.warm) });
}

/** Changes of the learning rate and accidents, as small flags above the axis. */
function drawMarks(S, { ctx }, plan) {
  const T = S.theme, { frame } = plan;
  panelOf(S, "loss").marks = S.marks.map((mark) => {
    const at = S.ui.x === "seconds" ? secondsAt(S, mark.step) : mark[S.ui.x];
    const x = plan.X(Math.min(Math.max(at, plan.left), plan.right)), bottom = frame.y + frame.h;
    ctx.strokeStyle = ctx.fillStyle = mark.kind === "diverged" ? css(T.warm) : T.faint;
    ctx.lineWidth = 1.2;
    ctx.beginPath(); ctx.moveTo(x, bottom); ctx.lineTo(x, bottom - 16); ctx.stroke();
    ctx.beginPath(); ctx.moveTo(x - 4, bottom - 23); ctx.lineTo(x + 4, bottom - 23); ctx.lineTo(x, bottom - 15); ctx.fill();
    return { ...mark, x };
  });
}

const secondsAt = (S, step) => S.curves.columns.seconds?.[nearestRow(S.curves.columns.step, S.curves.length, step)] ?? 0;

/** The row whose value is nearest; the column grows. */
function nearestRow(column, n, value) {
  let low = 0, high = n - 1;
  while (high - low > 1) { const middle = (low + high) >> 1; if (column[middle] < value) low = middle; else high = middle; }
  return Math.abs(column[low] - value) <= Math.abs(column[high] - value) ? low : high;
}

/** Crosshair and its values. panel.cross is the pointer's x, or a row chosen with the arrow keys. */
function drawCross(S, panel, box, plan) {
  if (panel.cross === null && panel.row === null) return;
  const { ctx } = box, T = S.theme, { frame } = plan;
  const at = plan.left + ((panel.cross - frame.x) / frame.w) * (plan.right - plan.left);
  const row = panel.row ?? nearestRow(plan.xs, plan.n, at), x = plan.X(plan.xs[Math.min(row, plan.n - 1)]);
  ctx.strokeStyle = T.line; ctx.lineWidth = 1;
  ctx.beginPath(); ctx.moveTo(Math.round(x) + 0.5, frame.y); ctx.lineTo(Math.round(x) + 0.5, frame.y + frame.h); ctx.stroke();
  const c = S.curves.columns, rows = [[say(S, "step"), num(S, c.step[row], 9)], [say(S, "second"), span(S, c.seconds?.[row])]];
  for (const line of plan.lines) {
    let i = row;
    while (i > 0 && !Number.isFinite(c[line.column][i])) i--;
    const y = c[line.column][i];
    rows.push([line.name, num(S, y, 4)]);
    if (Number.isFinite(y)) { ctx.beginPath(); ctx.arc(x, plan.Y(y), 4, 0, 7); ctx.fillStyle = css(line.colour); ctx.fill(); ctx.lineWidth = 1.5; ctx.strokeStyle = T.ground; ctx.stroke(); }
  }
  if (c.learning_rate) rows.push([say(S, "learning_rate"), num(S, c.learning_rate[row])]);
  const mark = panel.marks?.find((m) => Math.abs(m.x - x) < 8 || Math.abs(m.x - panel.cross) < 8);
  if (mark) rows.push([say(S, `mark_${mark.kind}`), mark.value === undefined ? "" : num(S, mark.value)]);
  showTip(S, panel, x, frame.y + frame.h * 0.25, `${say(S, "epoch")} ${num(S, c.epoch?.[row], 4)}`, rows);
}

// --------------------------------------------------------------------------------------------------- panel: latent

/** Once a run is introduced: which items are validation, their classes, the picture that shows an item. */
function prepareItems(S) {
  const { labels, colour, is_val: val, original_index: shown } = S.arrays;
  S.items = { labels: labels?.data, colour: colour?.data, val: val?.data, shown: new Map([...(shown?.data ?? [])].map((row, i) => [row, i])) };
  if (colour) { const known = colour.data.filter(Number.isFinite); S.items.low = known.reduce((a, b) => Math.min(a, b), Infinity); S.items.high = known.reduce((a, b) => Math.max(a, b), -Infinity); }
  S.items.classes = labels && !colour ? [...new Set(labels.data)].filter((c) => c >= 0).sort((a, b) => a - b) : [];
  buildLegend(S);
}

/** The orthogonal matrix nearest to M (d × d, rows): Newton's iteration for the polar factor. Null if M has no rank. */
function nearestRotation(M, d) {
  let X = M.slice();
  for (let round = 0; round < 40; round++) {
    const inverse = inverted(X, d);
    if (!inverse) return null;
    let change = 0;
    const next = X.map((v, k) => { const i = Math.floor(k / d), j = k % d, u = (v + inverse[j * d + i]) / 2; change = Math.max(change, Math.abs(u - v)); return u; });
    X = next;
    if (change < 1e-7) return X;
  }
  return finite(X) ? X : null;
}

/** The inverse of a small matrix, by elimination; null if it has none. */
function inverted(M, d) {
  const A = Array.from({ length: d }, (_, i) => [...M.slice(i * d, i * d + d), ...Array.from({ length: d }, (_, j) => +(i === j))]);
  for (let i = 0; i < d; i++) {
    let pivot = i;
    for (let r = i + 1; r < d; r++) if (Math.abs(A[r][i]) > Math.abs(A[pivot][i])) pivot = r;
    if (Math.abs(A[pivot][i]) < 1e-12) return null;
    [A[i], A[pivot]] = [A[pivot], A[i]];
    const lead = A[i][i];
    for (let j = 0; j < 2 * d; j++) A[i][j] /= lead;
    for (let r = 0; r < d; r++) if (r !== i) { const f = A[r][i]; for (let j = 0; j < 2 * d; j++) A[r][j] -= f * A[i][j]; }
  }
  return A.flatMap((row) => row.slice(d));
}

/** How the new codes (n × d) must be turned to lie as near as possible to those on screen: orthogonal Procrustes. */
function steadyTurn(codes, shown, n, d, before) {
  const a = new Float64Array(d), b = new Float64Array(d), M = new Array(d * d).fill(0);
  for (let i = 0; i < n; i++) for (let j = 0; j < d; j++) { a[j] += codes[i * d + j] / n; b[j] += shown[i * d + j] / n; }
  for (let i = 0; i < n; i++) for (let j = 0; j < d; j++) for (let k = 0; k < d; k++) M[j * d + k] += (codes[i * d + j] - a[j]) * (shown[i * d + k] - b[k]);
  const size = Math.sqrt(M.reduce((s, v) => s + v * v, 0));
  if (!(size > 1e-12)) return before;
  return nearestRotation(M.map((v, k) => v / size + before[k] * 1e-3), d) ?? before;
}

const MOST_CLOUDS = 20; // rings that are drawn; more of them would hide the points

const identity = (d) => Array.from({ length: d * d }, (_, k) => +(k % (d + 1) === 0));

/** New codes have come: turn them steady, and set out from where the points are now. */
function placeCodes(S) {
  const { data: codes, shape: [n, d] } = S.arrays.latent, L = S.latent;
  const same = L.n === n && L.d === d;
  if (!same) { Object.assign(L, { n, d, turn: identity(d), now: null, box: null, hover: -1 }); buildLegend(S); }
  if (same && L.goal && S.ui.steady) L.turn = steadyTurn(codes, L.goal, n, d, L.turn);
  else if (!S.ui.steady) L.turn = identity(d);
  const goal = new Float32Array(n * d);
  for (let i = 0; i < n; i++) for (let k = 0; k < d; k++) { let sum = 0; for (let j = 0; j < d; j++) sum += codes[i * d + j] * L.turn[j * d + k]; goal[i * d + k] = sum; }
  L.goal = goal;
  L.turned = S.ui.steady && L.turn.some((v, k) => Math.abs(v - +(k % (d + 1) === 0)) > 0.02);
  setOut(S);
}

/** Begin the short way from the points on screen to L.goal. */
function setOut(S) {
  const L = S.latent, still = !L.now || S.still.matches || document.hidden;
  L.target = extent(...withClouds(S, L), L.d);
  if (still) { L.now = L.goal.slice(); L.from = null; L.box = L.target; return; }
  L.from = L.now.slice();
  L.begun = L.ticked = performance.now();
}

/** The points, and the ends of the clouds about them along each axis: a view that shows the points must show the rings. */
function withClouds(S, L) {
  const spread = S.arrays["latent.spread"], rows = S.arrays.original_index?.data, { goal, n, d } = L;
  if (!spread || !rows || spread.shape[1] !== d) return [goal, n];
  const count = Math.min(rows.length, MOST_CLOUDS), all = new Float32Array((n + 2 * count) * d);
  all.set(goal);
  for (let r = 0; r < count; r++) for (let k = 0; k < d; k++) {
    let square = 0;
    for (let j = 0; j < d; j++) square += (spread.data[r * d + j] * L.turn[j * d + k]) ** 2;
    for (const side of [0, 1]) all[(n + 2 * r + side) * d + k] = goal[rows[r] * d + k] + (side ? 1 : -1) * Math.sqrt(square);
  }
  return [all, n + 2 * count];
}

/** Middle and half width of each axis. */
function extent(points, n, d) {
  const low = Array(d).fill(Infinity), high = Array(d).fill(-Infinity);
  for (let i = 0; i < n * d; i++) { const k = i % d, v = points[i]; if (v < low[k]) low[k] = v; if (v > high[k]) high[k] = v; }
  return { middle: low.map((v, k) => (v + high[k]) / 2), half: low.map((v, k) => Math.max((high[k] - v) / 2, 1e-6)) };
}

/** Move points and axes on; true where they moved, so also for the last bit of the way. Zoomed views keep their axes. */
function advance(S, time) {
  const L = S.latent, held = L.zoom !== 1 || L.pan.some((v) => v !== 0);
  if (!L.now || (!L.from && (held || L.box === L.target))) return false;
  if (L.from) {
    const share = Math.min(1, Math.max(0, (time - L.begun) / 80));
    for (let i = 0; i < L.now.length; i++) L.now[i] = L.from[i] + (L.goal[i] - L.from[i]) * share;
    if (share >= 1) L.from = null;
  }
  if (!held) followAxes(L, Math.max(0, time - L.ticked));
  L.ticked = time;
  return true;
}

/** Whether every point lies between the ends of the axes. */
function within({ now, d, box }) {
  return !now || !box || now.every((v, i) => Math.abs(v - box.middle[i % d]) <= 1.02 * box.half[i % d]);
}

/** Axes on their way to L.target: they widen within a tenth of a second, so that no point is cut off, and close in more slowly. */
function followAxes(L, passed) {
  const near = (a, b, slowness) => b + (a - b) * Math.exp(-passed / slowness), { middle, half } = L.target;
  const box = { middle: L.box.middle.map((v, k) => near(v, middle[k], 90)), half: L.box.half.map((v, k) => near(v, half[k], half[k] > v ? 40 : 350)) };
  const there = half.every((h, k) => Math.abs(box.half[k] - h) < 0.004 * h && Math.abs(box.middle[k] - middle[k]) < 0.004 * h);
  L.box = there ? L.target : box;
}

/** Matrix of the 3-D view. */
function viewMatrix({ yaw, pitch }) {
  const [a, b, c, e] = [Math.cos(yaw), Math.sin(yaw), Math.cos(pitch), Math.sin(pitch)];
  return [a, 0, b, b * e, c, -a * e, -b * c, e, a * c];
}

/** Project points (n × d) to the screen: fills sx, sy, depth (1 near … 0 far). Returns pixels per unit. */
function project(points, n, d, view, box, w, h, out) {
  const m = view.box.middle, half = view.box.half, inset = 0.9;
  const reach = d === 3 ? Math.hypot(...half) : 0;
  const unit = (d === 3 ? (Math.min(w, h) / 2 / reach) * 1.12 : Math.min((w / 2) / half[0], (h / 2) / half[1])) * inset * view.zoom;
  const cx = box.x + w / 2, cy = box.y + h / 2, R = d === 3 ? viewMatrix(view) : null;
  for (let i = 0; i < n; i++) {
    let x = points[i * d] - m[0], y = points[i * d + 1] - m[1];
    if (R) {
      const z = points[i * d + 2] - m[2], depth = (R[6] * x + R[7] * y + R[8] * z) / reach;
      const px = R[0] * x + R[1] * y + R[2] * z, py = R[3] * x + R[4] * y + R[5] * z, near = 1 / (1 - depth * 0.18);
      x = px * near; y = py * near; out.depth[i] = depth;
    }
    out.sx[i] = cx + (x - view.pan[0]) * unit;
    out.sy[i] = cy - (y - view.pan[1]) * unit;
  }
  return unit;
}

const NONE = -1, FROM_RAMP = 10_000;

/** What item i is drawn as: a class, no class, or a place on the ramp of a continuous colour. */
function kindOf(labels, colour, low, high, i) {
  if (!colour) return labels?.[i] ?? NONE;
  return Number.isFinite(colour[i]) ? FROM_RAMP + Math.min(RAMP - 1, Math.max(0, Math.floor(((colour[i] - low) / (high - low || 1)) * RAMP))) : NONE;
}

/** Colour and shape of a kind: [rgb, shape]. */
function inkOf(T, kind) {
  if (kind >= FROM_RAMP) return [T.ramp[kind - FROM_RAMP], "circle"];
  return kind === NONE ? [T.cold, "circle"] : classInk(T, kind);
}

const classInk = (T, c) => [T.classes[c % T.classes.length], SHAPES[(c + Math.floor(c / 10) * 3) % SHAPES.length]];

/** Grid with round numbers, and the names of the axes, inside the plane. */
function latentAxes(S, box, unit) {
  const { ctx, w, h } = box, T = S.theme, L = S.latent;
  const to = [(v) => w / 2 + (v - L.box.middle[0] - L.pan[0]) * unit, (v) => h / 2 - (v - L.box.middle[1] - L.pan[1]) * unit];
  const at = [(x) => (x - w / 2) / unit + L.box.middle[0] + L.pan[0], (y) => (h / 2 - y) / unit + L.box.middle[1] + L.pan[1]];
  ctx.lineWidth = 1;
  for (const axis of [0, 1]) {
    const [a, b] = axis ? [at[1](h), at[1](0)] : [at[0](0), at[0](w)];
    for (const v of ticks(a, b, Math.max(2, Math.floor((axis ? h : w) / 90)))) {
      const p = Math.round(to[axis](v)) + 0.5;
      ctx.strokeStyle = v === 0 ? T.line : T.hair;
      ctx.lineWidth = 1;
      ctx.beginPath();
      if (axis) { ctx.moveTo(0, p); ctx.lineTo(w, p); } else { ctx.moveTo(p, 0); ctx.lineTo(p, h); }
      ctx.stroke();
      if (axis ? p > 30 && p < h - 22 : p > 34 && p < w - 40) label(ctx, T, num(S, v), axis ? 4 : p, axis ? p - 3 : h - 5, { align: axis ? "left" : "center", scale: 0.92 });
    }
  }
  label(ctx, T, axisName(S, 0), w - 6, h - 6, { align: "right", weight: 600 });
  label(ctx, T, axisName(S, 1), 5, 5, { base: "top", weight: 600 });
}

/** z₁ or PC 1; with a dash while the steady view has turned it. */
const axisName = (S, k) => say(S, S.meta?.projection === "pca" ? "axis_pc" : "axis_z", { n: k + 1 }) + (S.latent.turned ? "′" : "");

/** The box around a 3-D cloud, and its axes' names. */
function drawCage(S, box, view, area, names) {
  const corners = new Float32Array(24), { middle: m, half } = view.box, T = S.theme, { ctx } = box;
  for (let i = 0; i < 8; i++) for (let k = 0; k < 3; k++) corners[i * 3 + k] = m[k] + half[k] * (i & (1 << k) ? 1 : -1);
  const out = { sx: new Float32Array(8), sy: new Float32Array(8), depth: new Float32Array(8) };
  project(corners, 8, 3, view, area, area.w, area.h, out);
  const far = [...out.depth].indexOf(Math.min(...out.depth));
  for (let i = 0; i < 8; i++) for (let k = 0; k < 3; k++) {
    const j = i | (1 << k);
    if (j === i) continue;
    ctx.strokeStyle = i === far || j === far ? T.line : T.hair;
    ctx.lineWidth = 1;
    ctx.beginPath(); ctx.moveTo(out.sx[i], out.sy[i]); ctx.lineTo(out.sx[j], out.sy[j]); ctx.stroke();
  }
  if (names) for (let k = 0; k < 3; k++) { const j = far ^ (1 << k); label(ctx, T, names(k), out.sx[j], out.sy[j] - 4, { align: "center", weight: 600 }); }
}

/** Stamp the points: far to near in 3-D, training before validation else, greyed ones first. kind(i) as in `kindOf`. */
function stamp(S, box, points, kind, radius, { n, greyed = null, filled = () => true, depth = null, order = null }) {
  const { ctx, ratio, w, h } = box, T = S.theme, made = new Map(), dull = greyed && sprite(S, mix(T.text, T.bg, 0.72), "circle", radius * 0.7, false, ratio);
  ctx.setTransform(1, 0, 0, 1, 0, 0);
  for (const grey of greyed ? [true, false] : [false])
    for (let k = 0; k < n; k++) {
      const i = order ? order[k] : n - 1 - k, x = points.sx[i], y = points.sy[i];
      if (x < -9 || y < -9 || x > w + 9 || y > h + 9 || (greyed && greyed(i) !== grey)) continue;
      let mark = dull;
      if (!grey) {
        const solid = filled(i), near = depth ? Math.round(depth[i] * 3) : 0, what = kind(i), key = what * 32 + (near + 7) * 2 + solid;
        mark = made.get(key);
        if (!mark) made.set(key, (mark = sprite(S, ...inkOf(T, what), radius * (1 + near * 0.11), solid, ratio)));
      }
      ctx.drawImage(mark, Math.round((x - mark.half) * ratio), Math.round((y - mark.half) * ratio));
    }
  ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
}

/** The names of the classes where their points lie. */
function drawCentroids(S, { ctx }, L) {
  const T = S.theme, { classes, labels } = S.items;
  if (!classes?.length || classes.length > 12) return;
  const sums = new Map(classes.map((c) => [c, [0, 0, 0]]));
  for (let i = 0; i < L.n; i++) { const s = sums.get(labels[i]); if (s) { s[0] += L.sx[i]; s[1] += L.sy[i]; s[2]++; } }
  const taken = [];
  for (const [c, [x, y, count]] of sums) {
    if (!count || (S.filter.size && !S.filter.has(c))) continue;
    const text = className(S, c), dark = css(mix(classInk(T, c)[0], T.text, T.dark ? 0.35 : 0.4)), scale = text.length > 3 ? 1.05 : 1.35;
    ctx.font = T.font(750, scale);
    const place = roomFor(taken, x / count, y / count, ctx.measureText(text).width, T.size * scale * 1.25);
    if (place) label(ctx, T, text, x / count, place, { align: "center", base: "middle", weight: 750, scale, colour: dark, halo: 4.5 });
  }
}

/** The height nearest to y at which a text of this size meets none that is there already, up to four lines away; null where there is none. */
function roomFor(taken, x, y, width, height) {
  for (const lines of [0, 1, -1, 2, -2, 3, -3, 4, -4]) {
    const at = y + lines * height;
    if (taken.some((other) => Math.abs(other.x - x) < (other.width + width) / 2 && Math.abs(other.y - at) < height)) continue;
    taken.push({ x, y: at, width });
    return at;
  }
  return null;
}

/** What is drawn among the points, in words. */
function latentNote(S) {
  const has = (name) => S.arrays[name]?.shape[1] === S.latent.d && S.latent.d > 1;
  return has("latent.spread") ? ` · ${say(S, "latent_rings")}` : has("code.entries") ? ` · ${say(S, "latent_entries")}` : "";
}

/** The latent panel. */
function drawLatent(S, panel) {
  const box = surface(panel), L = S.latent, meta = S.meta;
  if (!box) return;
  const pca = meta?.projection === "pca";
  write(S.fields.latent_title, say(S, pca ? "latent_pca_title" : "latent_title"));
  write(S.fields.latent_sub, meta ? say(S, pca ? "latent_pca_sub" : meta.latent_dim === 1 ? "latent_one" : "latent_sub", { n: meta.latent_dim, k: L.d ?? 2 }) + latentNote(S) : "");
  if (!L.now || !L.box) return vacant(S, box, "waiting");
  Object.assign(panel.canvas.dataset, { zoom: L.zoom.toFixed(3), points: L.n, dimensions: L.d, panX: L.pan[0].toFixed(4), hover: L.hover, inside: +within(L), settled: +(L.box === L.target && !L.from) });
  if (L.sx?.length !== L.n) Object.assign(L, { sx: new Float32Array(L.n), sy: new Float32Array(L.n), depth: new Float32Array(L.n), order: null });
  if (L.d === 1) drawLanes(S, panel, box);
  else drawPlane(S, box);
  if (L.hover >= 0 && L.hover < L.n) drawHovered(S, panel, box);
}

/** kind(i) of the evaluation items. */
function kinds(S) {
  const { labels, colour, low, high } = S.items ?? {};
  return (i) => kindOf(labels, colour, low, high, i);
}

/** Two or three dimensions. */
function drawPlane(S, box) {
  const L = S.latent, crowd = L.n > 1200 ? 2.9 : L.n > 400 ? 3.5 : 4.4;
  const area = { x: 0, y: 0, w: box.w, h: box.h };
  const unit = (L.unit = project(L.now, L.n, L.d, L, area, box.w, box.h, L));
  if (L.d === 3) { drawCage(S, box, L, area, (k) => axisName(S, k)); L.order = Uint32Array.from(L.now.slice(0, L.n), (_, i) => i).sort((a, b) => L.depth[a] - L.depth[b]); }
  else latentAxes(S, box, unit);
  const { labels, val } = S.items ?? {};
  stamp(S, box, L, kinds(S), crowd * (S.theme.size / 12) * Math.min(1.7, L.zoom ** 0.25), {
    n: L.n, depth: L.d === 3 ? L.depth : null, order: L.d === 3 ? L.order : null, filled: (i) => !val || val[i] === 1,
    greyed: S.filter.size ? (i) => !S.filter.has(labels?.[i]) : null });
  drawClouds(S, box, L);
  drawEntries(S, box, L);
  drawCentroids(S, box, L);
}

/** The rows of the view: how a code's directions, turned steady, lie on the screen. (2 × d), in pixels per unit. */
function screenRows(L) {
  const rows = L.d === 3 ? [viewMatrix(L).slice(0, 3), viewMatrix(L).slice(3, 6)] : [[1, 0], [0, 1]];
  return rows.map((row, r) => Array.from({ length: L.d }, (_, j) => row.reduce((s, v, k) => s + v * L.turn[j * L.d + k], 0) * L.unit * (r ? -1 : 1)));
}

/** Rings of one standard deviation about the codes of the items shown: where each item's cloud lies. */
function drawClouds(S, { ctx }, L) {
  const spread = S.arrays["latent.spread"], rows = S.arrays.original_index?.data, T = S.theme;
  if (!spread || !rows || spread.shape[1] !== L.d || L.d < 2) return;
  const [across, up] = screenRows(L), { labels } = S.items, kind = kinds(S);
  for (let k = 0; k < Math.min(rows.length, MOST_CLOUDS); k++) {
    const i = rows[k], sigma = spread.data.subarray(k * L.d, (k + 1) * L.d);
    if (S.filter.size && !S.filter.has(labels?.[i])) continue;
    let xx = 0, xy = 0, yy = 0;
    for (let j = 0; j < L.d; j++) { const a = across[j] * sigma[j], b = up[j] * sigma[j]; xx += a * a; xy += a * b; yy += b * b; }
    const half = (xx + yy) / 2, off = Math.hypot((xx - yy) / 2, xy), ink = inkOf(T, kind(i))[0];
    ctx.beginPath();
    ctx.ellipse(L.sx[i], L.sy[i], Math.sqrt(half + off), Math.sqrt(Math.max(0, half - off)), Math.atan2(2 * xy, xx - yy) / 2, 0, 7);
    ctx.lineWidth = 1.6; ctx.strokeStyle = css(mix(ink, T.text, 0.45), 0.85); ctx.stroke();
  }
}

/** The entries of a codebook, where they lie among the codes; unused ones are dashed. */
function drawEntries(S, box, L) {
  const entries = S.arrays["code.entries"], use = S.arrays["code.use"]?.data, T = S.theme, { ctx } = box;
  if (!entries || entries.shape[1] !== L.d || L.d < 2) return;
  const [n, d] = entries.shape, turned = new Float32Array(n * d), at = { sx: new Float32Array(n), sy: new Float32Array(n), depth: new Float32Array(n) };
  for (let i = 0; i < n; i++) for (let k = 0; k < d; k++) for (let j = 0; j < d; j++) turned[i * d + k] += entries.data[i * d + j] * L.turn[j * d + k];
  project(turned, n, d, L, { x: 0, y: 0 }, box.w, box.h, at);
  for (let i = 0; i < n; i++) {
    ctx.save(); ctx.translate(at.sx[i], at.sy[i]); outline(ctx, "diamond", 8);
    ctx.setLineDash(use?.[i] > 0 ? [] : [2, 2.5]); ctx.lineWidth = 1.6; ctx.strokeStyle = T.ink; ctx.stroke(); ctx.restore();
  }
}

/** One dimension: a lane for each class (or the position along the shape as height), with a ridge of density. */
function drawLanes(S, panel, box) {
  const L = S.latent, T = S.theme, { ctx, w, h } = box, { labels, colour, val, classes, low, high } = S.items;
  ctx.font = T.font(650);
  const widest = Math.max(0, ...classes.map((c) => ctx.measureText(className(S, c)).width));
  const left = classes.length ? Math.min(w * 0.3, widest + 18) : 14, right = 12, bottom = T.size * 2.1, top = 14;
  const unit = (L.unit = ((w - left - right) / 2 / L.box.half[0]) * 0.95 * L.zoom), middle = left + (w - left - right) / 2;
  const X = (v) => middle + (v - L.box.middle[0] - L.pan[0]) * unit;
  for (const v of ticks((left - middle) / unit + L.box.middle[0] + L.pan[0], (w - right - middle) / unit + L.box.middle[0] + L.pan[0], Math.floor(w / 90))) {
    ctx.strokeStyle = v === 0 ? T.line : T.hair; ctx.lineWidth = 1;
    ctx.beginPath(); ctx.moveTo(Math.round(X(v)) + 0.5, top); ctx.lineTo(Math.round(X(v)) + 0.5, h - bottom); ctx.stroke();
    label(ctx, T, num(S, v), X(v), h - bottom + 5, { align: "center", base: "top", halo: 0 });
  }
  label(ctx, T, axisName(S, 0), w - 4, h - 3, { align: "right", weight: 600 });
  const lanes = classes.length ? classes : [-1], height = (h - bottom - top) / lanes.length, floor = (k) => top + height * (k + 1) - Math.min(7, height * 0.16);
  const lane = new Map(lanes.map((c, k) => [c, k]));
  for (let i = 0; i < L.n; i++) {
    L.sx[i] = X(L.now[i]);
    L.sy[i] = colour ? top + (h - bottom - top) * (0.96 - 0.92 * ((colour[i] - low) / (high - low || 1))) : floor(lane.get(labels?.[i] ?? -1) ?? 0);
  }
  if (colour) return stamp(S, box, L, kinds(S), 2.8, { n: L.n, filled: (i) => !val || val[i] === 1 });
  ctx.save();
  ctx.beginPath(); ctx.rect(left - 4, 0, w - left, h - bottom + 2); ctx.clip();
  const bins = Math.max(24, Math.floor((w - left - right) / 5));
  const shapes = lanes.map((c) => density(L, (i) => c < 0 || labels[i] === c, left, w - right, bins));
  const peak = Math.max(...shapes.flat()) || 1;
  lanes.forEach((c, k) => {
    const grey = S.filter.size && !S.filter.has(c), colour = grey ? mix(T.text, T.bg, 0.75) : c < 0 ? T.cold : classInk(T, c)[0];
    const y = (v) => floor(k) - 2 - (v / peak) * (lanes.length > 1 ? Math.min(height * 1.15, floor(k) - 4) : height * 0.9);
    ctx.beginPath(); ctx.moveTo(left, floor(k) - 2);
    shapes[k].forEach((v, b) => ctx.lineTo(left + ((b + 0.5) * (w - left - right)) / bins, y(v)));
    ctx.lineTo(w - right, floor(k) - 2);
    ctx.fillStyle = css(colour, 0.3); ctx.fill();
    ctx.strokeStyle = css(colour); ctx.lineWidth = 1.6; ctx.stroke();
    ctx.globalAlpha = 0.5; ctx.fillStyle = css(colour);
    for (let i = 0; i < L.n; i++) if (c < 0 || labels[i] === c) ctx.fillRect(L.sx[i] - 0.5, floor(k) - 1, 1, val?.[i] ? 5 : 3);
    ctx.globalAlpha = 1;
  });
  ctx.restore();
  if (classes.length) lanes.forEach((c, k) => label(ctx, T, fit(ctx, T, className(S, c), left - 10), left - 8, floor(k), { align: "right", weight: 650, colour: css(mix(classInk(T, c)[0], T.text, 0.35)) }));
}

/** A smooth histogram of screen positions. */
function density(L, wanted, left, right, bins) {
  const counts = new Array(bins).fill(0);
  for (let i = 0; i < L.n; i++) if (wanted(i)) { const b = Math.floor(((L.sx[i] - left) / (right - left)) * bins); if (b >= 0 && b < bins) counts[b]++; }
  return counts.map((_, b) => { let s = 0; for (let k = -4; k <= 4; k++) s += (counts[b + k] ?? 0) * Math.exp(-(k * k) / 5); return s; });
}

/** A text cut to a width. */
function fit(ctx, T, text, width) {
  ctx.font = T.font();
  while (text.length > 2 && ctx.measureText(text).width > width) text = text.slice(0, text.endsWith("…") ? -2 : -1) + "…";
  return text;
}

/** Ring and tooltip of the point under the pointer; they follow it. */
function drawHovered(S, panel, box) {
  const L = S.latent, i = L.hover, T = S.theme, { ctx } = box;
  ctx.lineWidth = 2; ctx.strokeStyle = T.ink;
  ctx.beginPath(); ctx.arc(L.sx[i], L.sy[i], 7, 0, 7); ctx.stroke();
  const { labels, colour, val, shown } = S.items ?? {};
  const rows = [[say(S, "item"), String(i)], [say(S, "part"), say(S, val?.[i] ? "val" : "train")]];
  if (colour && Number.isFinite(colour[i])) rows.push([say(S, "position"), num(S, colour[i])]);
  for (let k = 0; k < L.d; k++) rows.push([axisName(S, k), num(S, L.now[i * L.d + k])]);
  const picture = S.meta?.form === "image" && shown?.has(i) ? { draw: (c, w, h) => zoomedPair(S, c, shown.get(i), w, h), w: 150, h: 72 } : null;
  const name = className(S, labels?.[i]);
  showTip(S, panel, L.sx[i], L.sy[i], name && say(S, "class_is", { name }), rows, picture);
}

/** The legend: a button for each class, or the ramp of a continuous colour; and what hollow points mean. */
function buildLegend(S) {
  const box = S.root.querySelector(".ll-legend"), { classes, colour, low, high, val } = S.items ?? {};
  box.replaceChildren();
  if (!S.items) return;
  if (colour) {
    const ramp = Object.assign(document.createElement("i"), { className: "ll-ramp" });
    ramp.style.background = `linear-gradient(90deg, ${S.theme.ramp.map((c) => css(c)).join(",")})`;
    const text = (words) => Object.assign(document.createElement("span"), { textContent: words });
    box.append(text(say(S, "position")), text(num(S, low)), ramp, text(num(S, high)));
  }
  for (const c of classes ?? []) {
    const button = Object.assign(document.createElement("button"), { type: "button", value: c });
    button.append(swatch(S, ...classInk(S.theme, c), true), className(S, c));
    button.setAttribute("aria-pressed", S.filter.has(c));
    box.append(button);
  }
  if (val && S.latent?.d !== 1 && new Set(val).size > 1)
    for (const [key, filled] of [["val", true], ["train", false]]) { const how = Object.assign(document.createElement("span"), { className: "ll-how" }); how.append(swatch(S, mix(S.theme.text, S.theme.bg, 0.3), "circle", filled), say(S, key)); if (key === "train") how.style.marginLeft = 0; box.append(how); }
}

/** A marker as a tiny canvas, for the legend. */
function swatch(S, colour, shape, filled) {
  const canvas = Object.assign(document.createElement("canvas"), { width: 28, height: 28 }), mark = sprite(S, colour, shape, 4.6, filled, 2);
  canvas.getContext("2d").drawImage(mark, 14 - mark.width / 2, 14 - mark.height / 2);
  canvas.setAttribute("aria-hidden", "true");
  return canvas;
}

// --------------------------------------------------------------------------------------------------- panel: code

const SILENT_KL = 0.01; // nats: a number of the code that carries less says nothing

/** What is peculiar to this kind of code: {title, sub, values or table, ...}; null for one that has nothing to tell. */
function codeFacts(S) {
  const { "code.use": use, "code.activity": activity, "kl.dimensions": kl } = S.arrays;
  if (use?.shape.length === 2) return { title: "code_choices", sub: say(S, "code_choices_sub"), table: use };
  if (use) {
    const p = [...use.data], used = p.filter((v) => v > 0).length, entropy = -p.reduce((s, v) => s + (v > 0 ? v * Math.log(v) : 0), 0);
    return { title: "code_use", sub: say(S, "code_use_sub", { used, n: p.length, perplexity: num(S, Math.exp(entropy)) }), values: p, silent: (v) => v === 0, percent: true };
  }
  if (activity) {
    const a = [...activity.data], dead = a.filter((v) => v === 0).length, mean = a.reduce((s, v) => s + v, 0) / a.length;
    return { title: "code_activity", sub: say(S, S.meta?.activity_target ? "code_mean_sub" : "code_activity_sub", { active: Math.round(mean * 100), dead, n: a.length }), values: a, silent: (v) => v === 0, percent: true, line: S.meta?.activity_target };
  }
  if (kl) {
    const values = [...kl.data], active = values.filter((v) => v >= SILENT_KL).length;
    return { title: "kl_title", sub: say(S, "kl_sub", { active, n: values.length, sum: num(S, values.reduce((s, v) => s + v, 0)) }), values, silent: (v) => v < SILENT_KL };
  }
  return null;
}

/** The panel of the code; it is there only for codes that have something to tell. */
function drawCode(S, panel) {
  const facts = codeFacts(S);
  if (panel.el.hidden !== !facts) panel.el.hidden = !facts;
  if (!facts) return;
  write(S.fields.code_title, say(S, facts.title));
  write(S.fields.code_sub, facts.sub);
  if (resized(panel, facts.table ? Math.min(220, Math.max(76, facts.table.shape[0] * 22 + 22)) : 128)) return;
  const box = surface(panel);
  if (!box) return;
  panel.places = [];
  if (facts.table) drawChoices(S, panel, box, facts.table);
  else drawBars(S, panel, box, facts);
}

/** A bar for each number or entry, in their own order; silent ones are hollow, so that they are seen without colour too. */
function drawBars(S, panel, { ctx, w, h }, { values, silent, percent, line, title }) {
  const T = S.theme, n = values.length, top = T.size * 1.5, foot = T.size * 1.5, base = h - foot, step = Math.min(56, w / n), gap = step > 6 ? Math.min(5, step * 0.22) : 0;
  const most = Math.max(1e-9, line ?? 0, ...values), Y = (v) => base - (base - top) * (v / most), text = (v) => (percent ? `${num(S, v * 100, 2)} %` : num(S, v, 2));
  ctx.strokeStyle = T.line; ctx.lineWidth = 1;
  ctx.beginPath(); ctx.moveTo(0, base + 0.5); ctx.lineTo(step * n, base + 0.5); ctx.stroke();
  values.forEach((v, i) => {
    const x = i * step, quiet = silent(v), y = Math.min(Y(v), base - 2);
    if (quiet) { ctx.strokeStyle = css(T.val); ctx.lineWidth = 1.2; ctx.strokeRect(x + 0.6, base - 4, Math.max(1, step - gap - 1.2), 4); }
    else { ctx.fillStyle = css(T.train, panel.over === i ? 1 : 0.85); ctx.beginPath(); ctx.roundRect(x, y, step - gap, base - y, step > 6 ? [3, 3, 0, 0] : 0); ctx.fill(); }
    if (step > 36) label(ctx, T, text(v), x + (step - gap) / 2, (quiet ? base - 4 : y) - 3, { align: "center", halo: 0, scale: 0.9 });
    if (step > 15 || i % 10 === 9) label(ctx, T, String(i + 1), x + (step - gap) / 2, base + 4, { align: "center", base: "top", halo: 0, scale: 0.9 });
    panel.places.push({ k: i, x, y: 0, w: step, h });
  });
  if (line) {
    ctx.strokeStyle = T.faint; ctx.setLineDash([2, 4]); ctx.beginPath(); ctx.moveTo(0, Y(line)); ctx.lineTo(step * n, Y(line)); ctx.stroke(); ctx.setLineDash([]);
    label(ctx, T, say(S, "code_target", { value: text(line) }), step * n, Y(line) - 4, { align: "right" });
  }
  const place = panel.places[panel.over];
  if (place) showTip(S, panel, place.x + step / 2, h / 2, say(S, title === "code_use" ? "entry_is" : "number_is", { n: place.k + 1 }), [[say(S, `${title}_value`), text(values[place.k])]]);
}

/** A row for each choice, a column for each class: how often it is taken. */
function drawChoices(S, panel, { ctx, w, h }, { data, shape: [rows, columns] }) {
  const T = S.theme, left = 26, tall = (h - T.size * 1.5) / rows, wide = Math.min(110, (w - left) / columns), most = Math.max(1e-9, ...data);
  for (let i = 0; i < rows; i++) {
    label(ctx, T, String(i + 1), left - 8, (i + 0.5) * tall, { align: "right", base: "middle", halo: 0 });
    for (let j = 0; j < columns; j++) {
      const v = data[i * columns + j], x = left + j * wide, y = i * tall;
      ctx.fillStyle = css(mix(T.bg2, T.train, v / most));
      ctx.fillRect(x, y, wide - 1.5, tall - 1.5);
      if (v === 0) { ctx.strokeStyle = css(T.val); ctx.lineWidth = 1.2; ctx.strokeRect(x + 0.6, y + 0.6, wide - 2.7, tall - 2.7); }
      if (wide > 38 && tall > 14) label(ctx, T, `${num(S, v * 100, 2)} %`, x + wide / 2, y + tall / 2, { align: "center", base: "middle", scale: 0.88, colour: v / most > 0.55 ? T.ground : T.ink, halo: 0 });
      panel.places.push({ k: i * columns + j, x, y, w: wide, h: tall });
    }
  }
  for (let j = 0; j < columns; j++) if (wide > 15 || j % 5 === 4) label(ctx, T, String(j + 1), left + (j + 0.5) * wide, h - T.size * 1.2, { align: "center", base: "top", halo: 0, scale: 0.9 });
  const place = panel.places[panel.over];
  if (place) showTip(S, panel, place.x + wide / 2, place.y + tall / 2, say(S, "choice_is", { n: Math.floor(place.k / columns) + 1, m: (place.k % columns) + 1 }), [[say(S, "code_use_value"), `${num(S, data[place.k] * 100, 3)} %`]]);
}

// --------------------------------------------------------------------------------------------------- panel: pairs

/** Originals against reconstructions: pictures, a cloud, series, or a table's profiles. */
function drawPairs(S, panel) {
  const form = S.meta?.form ?? "image", { originals, reconstructions, corrupted } = S.arrays;
  write(S.fields.pairs_title, say(S, `pairs_${form}_title`));
  write(S.fields.pairs_sub, say(S, form === "image" && corrupted ? "pairs_image_noisy" : `pairs_${form}_sub`));
  const cloud = form === "points" && S.arrays.cloud?.shape[1] <= 3 && S.arrays.cloud.shape[1] >= 2;
  panel.drag = cloud && S.arrays.cloud.shape[1] === 3;
  panel.canvas.style.cursor = panel.drag ? "grab" : "default";
  const ready = originals && reconstructions;
  const grid = form === "image" && ready ? pairGrid(S, panel) : null;
  const wanted = grid ? grid.height : cloud ? Math.round(Math.min(520, Math.max(280, panel.width * 0.36))) : form === "table" ? tableHeight(S, panel) : form === "series" ? 330 : 240;
  if (resized(panel, wanted)) return;
  const box = surface(panel);
  if (!box) return;
  if (cloud) return drawCloud(S, panel, box);
  if (!ready) return vacant(S, box, "waiting");
  if (grid) drawPictures(S, panel, box, grid);
  else if (form === "series") drawSeries(S, panel, box);
  else drawTable(S, panel, box);
}

/** Give a panel's picture another height; true if it will be drawn again for that. */
function resized(panel, height) {
  if (Math.abs(panel.height - height) < 1 || panel.width < 20) return false;
  panel.pic.style.height = `${height}px`;
  return true;
}

/** How many pairs fit, and how large: whole multiples of the pictures' own pixels where possible. */
function pairGrid(S, panel) {
  const [m, h, w] = S.arrays.originals.shape, rows = S.arrays.corrupted ? 3 : 2, narrow = panel.width < 560;
  const most = narrow ? 400 : Math.min(600, Math.max(370, panel.width * 0.3)), gap = narrow ? 5 : 7, bar = 6;
  let best = null;
  for (let size = 120; size >= 26; size--) {
    const whole = size % w === 0 || (size * (window.devicePixelRatio || 1)) % w === 0;
    const tall = Math.round((size * h) / w), columns = Math.floor((panel.width + gap) / (size + gap)), pair = rows * (tall + 2) - 2 + bar;
    const lines = Math.max(1, Math.floor((most + gap) / (pair + gap))), fits = Math.min(m, columns * lines);
    if (columns < 1) continue;
    const last = fits % columns || columns, used = Math.min(columns, m) * (size + gap) / panel.width;
    const score = (fits / m) * 2.4 + Math.min(size, 68) / 68 + (whole ? (size < w * 4 ? 0.25 : 0.06) : 0) + (last / columns) * 0.7 + Math.min(1, used) * 0.4;
    if (!best || score > best.score) best = { score, size, tall, columns: Math.min(columns, m), fits, pair, gap, rows, whole };
  }
  best ??= { size: 26, tall: 26, columns: 1, fits: 1, pair: 60, gap, rows, whole: false };
  const lines = Math.ceil(best.fits / best.columns);
  return Object.assign(best, { height: lines * (best.pair + gap) - gap, step: (panel.width - best.size) / Math.max(1, best.columns - 1), lines });
}

/** Pictures of an array (m, h, w, c) side by side in one canvas, kept until the array changes. */
function atlas(S, name) {
  const array = S.arrays[name], kept = S.atlases[name];
  if (kept?.array === array && kept.theme === S.theme.key) return kept.canvas;
  const [m, h, w, c] = array.shape, across = Math.min(m, 16), canvas = kept?.canvas ?? document.createElement("canvas");
  Object.assign(canvas, { width: across * w, height: Math.ceil(m / across) * h });
  const ctx = canvas.getContext("2d"), image = ctx.createImageData(canvas.width, canvas.height), pixels = new Uint32Array(image.data.buffer);
  const weights = name.startsWith("units."), table = weights && c === 1 ? Array.from({ length: 256 }, (_, v) => pack(diverging(S.theme, (v - 128) / 127))) : Array.from({ length: 256 }, (_, v) => pack([v, v, v]));
  for (let k = 0, at = 0; k < m; k++)
    for (let y = 0; y < h; y++) {
      let to = (Math.floor(k / across) * h + y) * canvas.width + (k % across) * w;
      for (let x = 0; x < w; x++, at += c) pixels[to++] = c === 1 ? table[array.data[at]] : pack([array.data[at], array.data[at + 1], array.data[at + 2]]);
    }
  ctx.putImageData(image, 0, 0);
  S.atlases[name] = { array, canvas, theme: S.theme.key };
  return canvas;
}

const pack = ([r, g, b]) => (255 << 24) | (Math.round(b) << 16) | (Math.round(g) << 8) | Math.round(r);

/** One picture of an atlas. */
function blit(S, ctx, name, k, x, y, w, h) {
  const [, ph, pw] = S.arrays[name].shape, canvas = atlas(S, name), across = canvas.width / pw;
  ctx.imageSmoothingEnabled = w < pw * 2 && w % pw !== 0;
  ctx.drawImage(canvas, (k % across) * pw, Math.floor(k / across) * ph, pw, ph, x, y, w, h);
}

const layersOf = (S) => ["originals", "corrupted", "reconstructions"].filter((name) => S.arrays[name]);

/** The grid of pairs, each with a bar of its error. */
function drawPictures(S, panel, box, grid) {
  const { ctx } = box, T = S.theme, errors = S.arrays.item_error?.data;
  const worst = errors ? Math.max(1e-12, ...errors) : 1;
  panel.places = [];
  for (let k = 0; k < grid.fits; k++) {
    const x = Math.round((k % grid.columns) * grid.step), top = Math.floor(k / grid.columns) * (grid.pair + grid.gap);
    layersOf(S).forEach((name, i) => blit(S, ctx, name, k, x, top + i * (grid.tall + 2), grid.size, grid.tall));
    if (errors) {
      const y = top + grid.pair - 3;
      ctx.fillStyle = T.hair; ctx.fillRect(x, y, grid.size, 3);
      ctx.fillStyle = css(T.val); ctx.fillRect(x, y, Math.max(1, (grid.size * errors[k]) / worst), 3);
    }
    panel.places.push({ k, x, y: top, w: grid.size, h: grid.pair });
    if (panel.over === k) { ctx.lineWidth = 2; ctx.strokeStyle = css(T.accent); ctx.strokeRect(x - 2, top - 2 < 0 ? 1 : top - 2, grid.size + 4, grid.pair + 4); tipOfPair(S, panel, panel.places[k]); }
  }
}

/** Original and reconstruction of shown item k, large and side by side. */
function zoomedPair(S, ctx, k, w, h) {
  const names = layersOf(S), [, ph, pw] = S.arrays.originals.shape, size = Math.min(h * (pw / ph), (w - (names.length - 1) * 6) / names.length);
  names.forEach((name, i) => blit(S, ctx, name, k, i * (size + 6), 0, size, (size * ph) / pw));
}

/** Error, class and a closer look. */
function tipOfPair(S, panel, place) {
  const k = place.k, error = S.arrays.item_error?.data[k], count = layersOf(S).length, [, ph, pw] = S.arrays.originals.shape;
  const name = className(S, S.arrays.original_labels?.data[k]);
  showTip(S, panel, place.x + place.w / 2, place.y + place.h / 2, name && say(S, "class_is", { name }), [[say(S, "item"), String(S.arrays.original_index?.data[k] ?? k)], [say(S, "error"), num(S, error)]],
    { w: 88 * count + 6 * (count - 1), h: (88 * ph) / pw, draw: (ctx, w, h) => zoomedPair(S, ctx, k, w, h) });
}

/** Points: the data beside what comes out (over the data in grey), turned together. */
function drawCloud(S, panel, box) {
  const { cloud, cloud_out: out, cloud_labels: labels, cloud_colour: colour } = S.arrays, [n, d] = cloud.shape, T = S.theme, view = S.cloud;
  if (view.array !== cloud) { const target = extent(cloud.data, n, d); view.array = cloud; view.box = target; view.low = colour ? Math.min(...colour.data) : 0; view.high = colour ? Math.max(...colour.data) : 1; }
  const kind = (i) => kindOf(labels?.data, colour?.data, view.low, view.high, i);
  const wide = box.w > 620, parts = wide ? 2 : 1, w = (box.w - (parts - 1) * 12) / parts, seat = () => ({ sx: new Float32Array(n), sy: new Float32Array(n), depth: new Float32Array(n) });
  const radius = (n > 900 ? 2.5 : 3) * (T.size / 12);
  for (let part = 0; part < parts; part++) {
    const area = { x: part * (w + 12), y: 10, w, h: box.h - 14 }, before = part === 0 && parts === 2;
    const data = before || !out ? cloud.data : out.data, a = seat(), b = seat();
    project(cloud.data, n, d, view, area, area.w, area.h, a);
    project(data, n, d, view, area, area.w, area.h, b);
    if (d === 3) drawCage(S, box, view, area, (k) => featureName(S, k));
    const order = d === 3 ? (p) => Uint32Array.from(p.sx, (_, i) => i).sort((i, j) => p.depth[i] - p.depth[j]) : () => null;
    ctx_clip(box.ctx, area, () => {
      if (!before) stamp(S, box, a, kind, radius, { n, order: order(a), greyed: () => true });
      stamp(S, box, b, kind, radius, { n, depth: d === 3 ? b.depth : null, order: order(b) });
    });
    label(box.ctx, T, say(S, before ? "cloud_in" : "cloud_out"), area.x + 2, 4, { base: "top", weight: 600 });
  }
}

/** Draw inside a rectangle only. */
function ctx_clip(ctx, { x, y, w, h }, draw) {
  ctx.save(); ctx.beginPath(); ctx.rect(x, y - 10, w, h + 14); ctx.clip(); draw(); ctx.restore();
}

/** Rows of profiles and the bars of all features decide how high the table's panel is. */
function tableHeight(S, panel) {
  const features = S.arrays.originals?.shape[1] ?? 10;
  return panel.width < 620 ? 260 + Math.min(features, 30) * 17 + 34 : Math.max(290, Math.min(features, 30) * 17 + 34);
}

/** Series: each item's channels over time, data grey, reconstruction coloured. */
function drawSeries(S, panel, box) {
  const { originals, reconstructions, original_labels: labels } = S.arrays, m = originals.shape[0], [steps, channels] = S.meta.shape, T = S.theme, { ctx } = box;
  const columns = Math.max(2, Math.min(8, Math.floor(box.w / 150))), rows = Math.max(1, Math.min(Math.ceil(m / columns), Math.floor(box.h / 76)));
  const w = box.w / columns, h = box.h / rows, reach = robustReach(originals.data);
  panel.places = [];
  for (let k = 0; k < Math.min(m, columns * rows); k++) {
    const x0 = (k % columns) * w, y0 = Math.floor(k / columns) * h, X = (t) => x0 + 4 + (t / Math.max(1, steps - 1)) * (w - 16), Y = (v) => y0 + 18 + (h - 26) * (0.5 - Math.max(-1.1, Math.min(1.1, v / reach)) / 2.2);
    const c = labels?.data[k] ?? -1, ink = c >= 0 ? classInk(T, c)[0] : T.cold;
    if (panel.over === k) { ctx.fillStyle = css(T.bg2); ctx.beginPath(); ctx.roundRect(x0, y0, w - 4, h - 4, 6); ctx.fill(); }
    ctx.strokeStyle = T.hair; ctx.lineWidth = 1; ctx.beginPath(); ctx.moveTo(X(0), Y(0)); ctx.lineTo(X(steps - 1), Y(0)); ctx.stroke();
    const trace = (data, channel) => { ctx.beginPath(); for (let t = 0; t < steps; t++) ctx.lineTo(X(t), Y(data[(k * steps + t) * channels + channel])); ctx.stroke(); };
    ctx.lineJoin = "round";
    for (let channel = 0; channel < channels; channel++) {
      ctx.strokeStyle = css(T.text, 0.36); ctx.lineWidth = 3.4; trace(originals.data, channel);
      ctx.strokeStyle = css(ink); ctx.lineWidth = 1.8; trace(reconstructions.data, channel);
    }
    label(ctx, T, fit(ctx, T, className(S, c), w * 0.55), x0 + 4, y0 + 3, { base: "top", halo: 2, scale: 0.9, weight: 600, colour: css(mix(ink, T.text, 0.3)) });
    label(ctx, T, num(S, S.arrays.item_error?.data[k], 2), x0 + w - 10, y0 + 3, { base: "top", align: "right", halo: 2, scale: 0.9 });
    panel.places.push({ k, x: x0, y: y0, w: w - 4, h: h - 4 });
  }
  const place = panel.places[panel.over];
  if (place) showTip(S, panel, place.x + place.w / 2, place.y + place.h / 2, className(S, labels?.data[panel.over]), [[say(S, "item"), String(S.arrays.original_index?.data[panel.over] ?? panel.over)], [say(S, "error"), num(S, S.arrays.item_error?.data[panel.over])]]);
}

/** Tables: each item as a profile over its features (data grey, reconstruction coloured), and each feature's mean error. */
function drawTable(S, panel, box) {
  const { originals, reconstructions, original_labels: labels } = S.arrays, [m, D] = originals.shape, T = S.theme, { ctx } = box;
  const narrow = box.w < 620, left = narrow ? box.w : Math.round(box.w * 0.6), height = narrow ? 250 : box.h - 4;
  const columns = Math.max(2, Math.min(6, Math.floor(left / 118))), rows = Math.max(1, Math.min(Math.ceil(m / columns), Math.floor(height / 62)));
  const w = left / columns, h = height / rows, reach = robustReach(originals.data);
  panel.places = [];
  for (let k = 0; k < Math.min(m, columns * rows); k++) {
    const x0 = (k % columns) * w, y0 = Math.floor(k / columns) * h, X = (j) => x0 + 4 + (j / Math.max(1, D - 1)) * (w - 14), Y = (v) => y0 + 14 + (h - 22) * (0.5 - Math.max(-1, Math.min(1, v / reach)) / 2);
    const c = labels?.data[k] ?? -1, ink = c >= 0 ? classInk(T, c)[0] : T.cold;
    if (panel.over === k) { ctx.fillStyle = css(T.bg2); ctx.beginPath(); ctx.roundRect(x0, y0, w - 4, h - 4, 6); ctx.fill(); }
    const trace = (data) => { ctx.beginPath(); for (let j = 0; j < D; j++) ctx.lineTo(X(j), Y(data[k * D + j])); };
    trace(originals.data); ctx.lineTo(X(D - 1), Y(0)); ctx.lineTo(X(0), Y(0)); ctx.fillStyle = css(T.text, 0.13); ctx.fill();
    trace(originals.data); ctx.strokeStyle = T.line; ctx.lineWidth = 1.2; ctx.stroke();
    trace(reconstructions.data); ctx.strokeStyle = css(ink); ctx.lineWidth = 1.9; ctx.lineJoin = "round"; ctx.stroke();
    label(ctx, T, fit(ctx, T, className(S, c), w * 0.55), x0 + 4, y0 + 3, { base: "top", halo: 2, scale: 0.9, weight: 600, colour: css(mix(ink, T.text, 0.3)) });
    label(ctx, T, num(S, S.arrays.item_error?.data[k], 2), x0 + w - 10, y0 + 3, { base: "top", align: "right", halo: 2, scale: 0.9 });
    panel.places.push({ k, x: x0, y: y0, w: w - 4, h: h - 4 });
  }
  featureBars(S, panel, box, narrow ? { x: 0, y: height + 8, w: box.w, h: box.h - height - 8 } : { x: left + 18, y: 0, w: box.w - left - 18, h: box.h });
  const place = panel.places[panel.over];
  if (place) {
    const far = [...Array(D).keys()].sort((a, b) => miss(S, panel.over, b, D) - miss(S, panel.over, a, D)).slice(0, 6);
    showTip(S, panel, place.x + place.w / 2, place.y + place.h / 2, className(S, labels?.data[panel.over]), [[say(S, "error"), num(S, S.arrays.item_error?.data[panel.over])], [say(S, "feature"), say(S, "in_out")], ...far.map((j) => [featureName(S, j), `${num(S, originals.data[panel.over * D + j], 2)} → ${num(S, reconstructions.data[panel.over * D + j], 2)}`])]);
  }
}

const miss = (S, k, j, D) => Math.abs(S.arrays.originals.data[k * D + j] - S.arrays.reconstructions.data[k * D + j]);

/** A reach that leaves out the wildest values. */
function robustReach(values) {
  const sizes = Float32Array.from(values, Math.abs).sort();
  return sizes[Math.floor(sizes.length * 0.98)] * 1.1 || 1;
}

/** Mean squared error of each feature over the items shown. */
function featureBars(S, panel, { ctx }, area) {
  const { originals } = S.arrays, [m, D] = originals.shape, T = S.theme, errors = Array.from({ length: D }, (_, j) => { let s = 0; for (let k = 0; k < m; k++) s += miss(S, k, j, D) ** 2; return s / m; });
  const order = [...errors.keys()].sort((a, b) => errors[b] - errors[a]).slice(0, Math.floor((area.h - 26) / 15)), worst = errors[order[0]] || 1, step = Math.min(24, (area.h - 26) / order.length);
  label(ctx, T, say(S, "feature_error"), area.x, area.y + 2, { base: "top", weight: 600, halo: 0 });
  const names = Math.min(area.w * 0.52, 190);
  order.forEach((j, i) => {
    const y = area.y + 24 + i * step, x = area.x + names + 6, room = area.w - names - 52;
    label(ctx, T, fit(ctx, T, featureName(S, j), names), area.x + names, y + step / 2 - 1, { align: "right", base: "middle", halo: 0, colour: T.ink, scale: 0.96 });
    ctx.fillStyle = T.hair; ctx.beginPath(); ctx.roundRect(x, y + step * 0.18, room, step * 0.56, 3); ctx.fill();
    ctx.fillStyle = css(T.val, 0.85); ctx.beginPath(); ctx.roundRect(x, y + step * 0.18, Math.max(2, (room * errors[j]) / worst), step * 0.56, 3); ctx.fill();
    label(ctx, T, num(S, errors[j], 2), x + room + 5, y + step / 2 - 1, { base: "middle", halo: 0, scale: 0.94 });
  });
}

// --------------------------------------------------------------------------------------------------- panel: units, layers

/** Weights of the first encoder layer or the decoder's last, a tile a unit. */
function drawUnits(S, panel) {
  const name = `units.${S.ui.units}`, array = S.arrays[name], tiles = array?.shape.length === 4 ? unitTiles(panel, array.shape) : null;
  if (resized(panel, tiles ? tiles.height : 240)) return;
  const box = surface(panel);
  if (!box) return;
  if (!array) return vacant(S, box, S.arrays.latent ? "no_units" : "waiting");
  if (!tiles) return drawWeightTable(S, panel, box, array);
  const { columns, size, ratio } = tiles;
  panel.places = [];
  for (let i = 0; i < array.shape[0]; i++) {
    const x = (i % columns) * (size + 4), y = Math.floor(i / columns) * (size * ratio + 4);
    blit(S, box.ctx, name, i, x, y, size, size * ratio);
    panel.places.push({ k: i, x, y, w: size, h: size * ratio });
  }
  const place = panel.places[panel.over];
  if (place) { box.ctx.strokeStyle = S.theme.ink; box.ctx.lineWidth = 1.5; box.ctx.strokeRect(place.x, place.y, place.w, place.h); showTip(S, panel, place.x + place.w / 2, place.y + place.h / 2, say(S, "unit_is", { n: place.k + 1 }), [], { w: 110, h: 110 * ratio, draw: (ctx, W, H) => blit(S, ctx, name, place.k, 0, 0, W, H) }); }
}

/** As many rows of tiles as make the panel about as high as the layers beside it. */
function unitTiles(panel, [k, h, w]) {
  const ratio = h / w, choices = [], wanted = panel.width > 800 ? 320 : 250;
  for (let rows = 1; rows <= k; rows++) {
    const columns = Math.ceil(k / rows), size = Math.min(140, (panel.width + 4) / columns - 4);
    choices.push({ columns, size, ratio, height: Math.ceil(k / columns) * (size * ratio + 4) });
  }
  return choices.sort((a, b) => Math.abs(a.height - wanted) - Math.abs(b.height - wanted))[0];
}

/** Points and tables: a row a unit, a column a feature. */
function drawWeightTable(S, panel, box, array) {
  const [k, D] = array.shape, T = S.theme, { ctx } = box, reach = array.data.reduce((a, v) => Math.max(a, Math.abs(v)), 1e-9);
  const top = 0, foot = T.size * 1.5, w = Math.min(box.w / D, 220), h = Math.min((box.h - foot - top) / k, 26), x0 = (box.w - w * D) / 2;
  panel.places = [];
  const whole = array.data instanceof Uint8Array;
  for (let i = 0; i < k; i++) for (let j = 0; j < D; j++) {
    const value = whole ? (array.data[i * D + j] - 128) / 127 : array.data[i * D + j] / reach;
    ctx.fillStyle = css(diverging(T, value));
    ctx.fillRect(x0 + j * w, top + i * h, w - (w > 6 ? 1.5 : 0), h - (h > 6 ? 1.5 : 0));
    panel.places.push({ k: i * D + j, x: x0 + j * w, y: top + i * h, w, h });
  }
  for (let j = 0; j < D; j++) if (w > 34) label(ctx, T, fit(ctx, T, featureName(S, j), w - 4), x0 + j * w + w / 2, top + k * h + 4, { align: "center", base: "top", halo: 0 });
  const place = panel.places[panel.over];
  if (place) { ctx.strokeStyle = T.ink; ctx.lineWidth = 1.5; ctx.strokeRect(place.x, place.y, place.w - 1, place.h - 1); showTip(S, panel, place.x + w / 2, place.y + h / 2, say(S, "unit_is", { n: Math.floor(place.k / D) + 1 }), [[featureName(S, place.k % D), num(S, whole ? (array.data[place.k] - 128) / 127 : array.data[place.k])]]); }
}

/** `encoder.0` and `code` in the reader's words. */
function layerName(S, id) {
  const [part, index] = id.split(".");
  return S.copy[`layer_${part}`] ? say(S, `layer_${part}`, { n: index === undefined ? "" : +index + 1 }) : id;
}

/** Per layer the size of its weights and its dead units. */
function drawLayers(S, panel) {
  const box = surface(panel), T = S.theme, norms = S.arrays["layers.weight_norm"]?.data, dead = S.arrays["layers.dead"]?.data;
  if (!box) return;
  if (!norms) return vacant(S, box, "waiting");
  const { ctx, w, h } = box, count = norms.length, hasDead = dead && [...dead].some(Number.isFinite);
  write(S.fields.layers_sub, say(S, hasDead ? "layers_sub_dead" : "layers_sub"));
  const names = (S.meta?.layers ?? []).map((name) => layerName(S, name)), nameWidth = Math.min(w * 0.34, Math.max(48, ...names.map((n) => { ctx.font = T.font(); return ctx.measureText(n).width; })) + 8);
  const head = T.size * 1.7, step = Math.min(T.size * 3.4, (h - head - 4) / Math.max(1, count)), deadWidth = hasDead ? Math.max(70, w * 0.22) : 0, room = w - nameWidth - deadWidth - 54, largest = Math.max(1e-9, ...[...norms].filter(Number.isFinite));
  label(ctx, T, fit(ctx, T, say(S, "weight_norm"), (room + 48) * 0.92), nameWidth, 3, { base: "top", weight: 600, halo: 0 });
  if (hasDead) label(ctx, T, say(S, "dead_units"), w, 3, { base: "top", weight: 600, halo: 0, align: "right" });
  for (let i = 0; i < count; i++) {
    const y = head + i * step, thick = Math.min(14, step * 0.6), middle = y + step / 2;
    label(ctx, T, fit(ctx, T, names[i] ?? `${i + 1}`, nameWidth - 8), nameWidth - 8, middle, { align: "right", base: "middle", halo: 0, colour: T.ink });
    ctx.fillStyle = css(T.train, 0.88); ctx.beginPath(); ctx.roundRect(nameWidth, middle - thick / 2, Math.max(2, (room * (norms[i] || 0)) / largest), thick, 3); ctx.fill();
    label(ctx, T, num(S, norms[i], 2), nameWidth + Math.max(2, (room * (norms[i] || 0)) / largest) + 5, middle, { base: "middle", halo: 0 });
    if (!hasDead) continue;
    const x = w - deadWidth + 22, full = deadWidth - 22 - T.size * 3.2;
    if (!Number.isFinite(dead[i])) { label(ctx, T, "–", w, middle, { align: "right", base: "middle", halo: 0 }); continue; }
    ctx.fillStyle = T.hair; ctx.beginPath(); ctx.roundRect(x, middle - thick / 2, full, thick, 3); ctx.fill();
    if (dead[i] > 0) { ctx.fillStyle = css(T.val); ctx.beginPath(); ctx.roundRect(x, middle - thick / 2, Math.max(2, full * dead[i]), thick, 3); ctx.fill(); }
    label(ctx, T, `${Math.round(dead[i] * 100)} %`, w, middle, { align: "right", base: "middle", halo: 0, colour: dead[i] > 0.5 ? css(T.val) : T.faint });
  }
}

// --------------------------------------------------------------------------------------------------- tooltip

/** Show the tooltip beside a place in a panel; picture: {w, h, draw}. */
function showTip(S, panel, x, y, title, rows, picture = null) {
  const tip = S.tip, [heading, canvas, list] = tip.children;
  S.tipOf = panel;
  tip.hidden = false;
  write(heading, title || "");
  const text = JSON.stringify(rows);
  if (S.tipRows !== text) { S.tipRows = text; list.replaceChildren(...rows.flatMap(([term, value]) => [Object.assign(document.createElement("dt"), { textContent: term }), Object.assign(document.createElement("dd"), { textContent: value })])); }
  canvas.hidden = !picture;
  if (picture) {
    Object.assign(canvas, { width: picture.w * 2, height: picture.h * 2 });
    Object.assign(canvas.style, { width: `${picture.w}px`, height: `${picture.h}px` });
    const ctx = canvas.getContext("2d");
    ctx.scale(2, 2);
    picture.draw(ctx, picture.w, picture.h);
  }
  const at = panel.canvas.getBoundingClientRect(), root = S.root.getBoundingClientRect(), w = tip.offsetWidth, h = tip.offsetHeight;
  const px = at.left - root.left + x, py = at.top - root.top + y, room = root.width;
  tip.style.transform = `translate(${Math.round(Math.max(0, px + 16 + w > room ? px - w - 16 : px + 16))}px, ${Math.round(Math.max(-20, py - h / 2))}px)`;
}

/** Hide it if it belongs to this panel (or to any). */
function hideTip(S, panel = S.tipOf) {
  if (S.tipOf === panel) { S.tip.hidden = true; S.tipOf = null; }
}

// --------------------------------------------------------------------------------------------------- hands

const panelOf = (S, name) => S.panels.find((panel) => panel.name === name);

/** Mark a panel for drawing. */
function touch(S, name) {
  S.dirty.add(name);
  schedule(S);
}

/** Where the pointer is in a panel. */
function spot(panel, event) {
  const at = panel.canvas.getBoundingClientRect();
  return [event.clientX - at.left, event.clientY - at.top];
}

/** Zoom the latent view by a factor about a place on screen. */
function zoomBy(S, panel, factor, x = panel.width / 2, y = panel.height / 2) {
  const L = S.latent, zoom = Math.min(60, Math.max(1, L.zoom * factor));
  if (!L.unit) return;
  if (L.d !== 3) {
    const shift = (1 - L.zoom / zoom) / L.unit;
    L.pan[0] += (x - panel.width / 2) * shift;
    if (L.d === 2) L.pan[1] -= (y - panel.height / 2) * shift;
  }
  L.zoom = zoom;
  if (zoom === 1) L.pan = [0, 0];
  touch(S, "latent");
}

/** The view of the latent panel as it was. */
function resetView(S) {
  Object.assign(S.latent, { zoom: 1, pan: [0, 0], yaw: 0.6, pitch: 0.42, box: S.latent.target ?? S.latent.box });
  touch(S, "latent");
}

/** The nearest point within reach. */
function findPoint(S, x, y) {
  const L = S.latent;
  let best = -1, least = 14 * 14;
  for (let i = 0; i < (L.sx?.length ?? 0); i++) { const d = (L.sx[i] - x) ** 2 + (L.sy[i] - y) ** 2; if (d < least && !(S.filter.size && !S.filter.has(S.items?.labels?.[i]))) { least = d; best = i; } }
  return best;
}

/** Pointer, wheel and keys of the latent panel. */
function handleLatent(S, panel, on) {
  const fingers = new Map();
  const turn = (view, dx, dy) => { view.yaw += dx * 0.01; view.pitch = Math.max(-1.55, Math.min(1.55, view.pitch + dy * 0.01)); };
  on(panel.canvas, "pointerdown", (event) => { fingers.set(event.pointerId, spot(panel, event)); try { panel.canvas.setPointerCapture(event.pointerId); } catch { /* a pointer that is gone already */ } panel.canvas.classList.add("ll-held"); S.latent.hover = -1; hideTip(S, panel); });
  on(panel.canvas, "pointermove", (event) => {
    const [x, y] = spot(panel, event), before = fingers.get(event.pointerId), L = S.latent;
    if (!before) { L.hover = findPoint(S, x, y); if (L.hover < 0) hideTip(S, panel); return touch(S, "latent"); }
    if (fingers.size === 2) {
      const other = [...fingers].find(([id]) => id !== event.pointerId)[1];
      zoomBy(S, panel, Math.hypot(x - other[0], y - other[1]) / Math.max(1, Math.hypot(before[0] - other[0], before[1] - other[1])), (x + other[0]) / 2, (y + other[1]) / 2);
    } else if (L.d === 3 && !event.shiftKey) turn(L, x - before[0], y - before[1]);
    else if (L.unit) { L.pan[0] -= (x - before[0]) / L.unit; if (L.d > 1) L.pan[1] += (y - before[1]) / L.unit; }
    fingers.set(event.pointerId, [x, y]);
    touch(S, "latent");
  });
  const lift = (event) => { fingers.delete(event.pointerId); if (!fingers.size) panel.canvas.classList.remove("ll-held"); };
  for (const kind of ["pointerup", "pointercancel", "lostpointercapture"]) on(panel.canvas, kind, lift);
  on(panel.canvas, "pointerleave", () => { S.latent.hover = -1; hideTip(S, panel); touch(S, "latent"); });
  on(panel.canvas, "dblclick", () => resetView(S));
  // A page that is being scrolled goes on scrolling when the plane comes under the pointer; a fresh turn of the wheel zooms.
  on(window, "wheel", (event) => { if (event.target !== panel.canvas || event.timeStamp - S.scrolled < 350) S.scrolled = event.timeStamp; }, { passive: true, capture: true });
  on(panel.canvas, "wheel", (event) => {
    if (S.scrolled === event.timeStamp || (S.latent.zoom === 1 && event.deltaY > 0)) { S.scrolled = event.timeStamp; return; }
    event.preventDefault();
    zoomBy(S, panel, Math.exp(-Math.max(-120, Math.min(120, event.deltaY)) * 0.0022), ...spot(panel, event));
  }, { passive: false });
  on(panel.canvas, "keydown", (event) => {
    const L = S.latent, move = { ArrowLeft: [-30, 0], ArrowRight: [30, 0], ArrowUp: [0, -30], ArrowDown: [0, 30] }[event.key];
    if (event.key === "+" || event.key === "=") zoomBy(S, panel, 1.3);
    else if (event.key === "-") zoomBy(S, panel, 1 / 1.3);
    else if (event.key === "0") resetView(S);
    else if (move && L.unit) { if (L.d === 3) turn(L, move[0] / 2, move[1] / 2); else { L.pan[0] += move[0] / L.unit; if (L.d > 1) L.pan[1] -= move[1] / L.unit; } touch(S, "latent"); }
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
}

/** Crosshair of the loss panel: pointer or arrow keys. */
function handleLoss(S, panel, on) {
  Object.assign(panel, { cross: null, row: null });
  const clear = () => { Object.assign(panel, { cross: null, row: null }); hideTip(S, panel); touch(S, "loss"); };
  on(panel.canvas, "pointermove", (event) => { panel.cross = spot(panel, event)[0]; panel.row = null; touch(S, "loss"); });
  on(panel.canvas, "pointerleave", clear);
  on(panel.canvas, "blur", clear);
  on(panel.canvas, "keydown", (event) => {
    const n = S.curves.length, jump = { ArrowLeft: -1, ArrowRight: 1, PageUp: -20, PageDown: 20, Home: -Infinity, End: Infinity }[event.key];
    if (event.key === "Escape") return clear();
    if (!jump || !n) return;
    panel.row = Math.max(0, Math.min(n - 1, (panel.row ?? n - 1) + jump));
    event.preventDefault();
    event.stopPropagation();
    touch(S, "loss");
  });
}

/** Tiles that tell more under the pointer; the cloud also turns. */
function handleTiles(S, panel, on) {
  panel.over = -1;
  let held = null;
  on(panel.canvas, "pointerdown", (event) => { if (panel.drag) { held = spot(panel, event); try { panel.canvas.setPointerCapture(event.pointerId); } catch { /* gone already */ } } });
  for (const kind of ["pointerup", "pointercancel"]) on(panel.canvas, kind, () => { held = null; });
  on(panel.canvas, "pointermove", (event) => {
    const [x, y] = spot(panel, event);
    if (held) { S.cloud.yaw += (x - held[0]) * 0.01; S.cloud.pitch = Math.max(-1.55, Math.min(1.55, S.cloud.pitch + (y - held[1]) * 0.01)); held = [x, y]; return touch(S, panel.name); }
    const over = (panel.places ?? []).findIndex((p) => x >= p.x && x < p.x + p.w && y >= p.y && y < p.y + p.h);
    if (over === panel.over) return;
    panel.over = over;
    if (over < 0) hideTip(S, panel);
    touch(S, panel.name);
  });
  on(panel.canvas, "pointerleave", () => { panel.over = -1; hideTip(S, panel); touch(S, panel.name); });
  on(panel.canvas, "keydown", (event) => {
    const move = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!move) return;
    event.preventDefault();
    event.stopPropagation();
    if (panel.drag) { S.cloud.yaw += move * 0.15; return touch(S, panel.name); }
    panel.over = Math.max(0, Math.min((panel.places?.length ?? 1) - 1, panel.over + move));
    touch(S, panel.name);
  });
}

/** All switches, toggles and the legend. */
function handleButtons(S, on) {
  on(S.root, "click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    const group = button.closest("[data-switch]");
    if (group) { S.ui[group.dataset.switch] = button.value; hideTip(S); }
    else if (button.dataset.toggle === "steady") { S.ui.steady = !S.ui.steady; if (S.arrays.latent) placeCodes(S); }
    else if (button.dataset.act === "reset") resetView(S);
    else if (button.closest(".ll-legend")) { const c = +button.value; if (!S.filter.delete(c)) S.filter.add(c); if (S.filter.size === S.items.classes.length) S.filter.clear(); S.latent.hover = -1; }
    showChoices(S);
    try { sessionStorage.setItem("ll-stage", JSON.stringify(S.ui)); } catch { /* storage may be off */ }
    for (const panel of S.panels) S.dirty.add(panel.name);
    schedule(S);
  });
}

/** Let every switch show what is chosen. */
function showChoices(S) {
  for (const button of S.root.querySelectorAll("[data-switch] button")) button.setAttribute("aria-pressed", (button.parentElement.dataset.switch === "view" ? viewOf(S) : S.ui[button.parentElement.dataset.switch]) === button.value);
  S.root.querySelector("[value=readings]").hidden = !S.meta?.readings?.length;
  S.root.querySelector("[data-toggle=steady]").setAttribute("aria-pressed", S.ui.steady);
  for (const button of S.root.querySelectorAll(".ll-legend button")) button.setAttribute("aria-pressed", S.filter.has(+button.value));
}

// --------------------------------------------------------------------------------------------------- mount

/** Ask for one drawing at the next frame of the screen. A hidden tab draws nothing. */
function schedule(S) {
  if (!S.frame && !S.closed && !document.hidden) S.frame = requestAnimationFrame((time) => paint(S, time));
}

/** Draw what changed. Panels far off the screen are drawn twice a second at most. */
function paint(S, time) {
  S.frame = 0;
  if (S.fresh && S.head) S.frames++;
  if (time - S.looked > 400 || S.fresh && !S.looked) { S.looked = time; if (readTheme(S)) { buildLegend(S); for (const panel of S.panels) S.dirty.add(panel.name); } }
  const moving = advance(S, performance.now());
  if (moving) S.dirty.add("latent");
  if (S.fresh) { drawHeader(S); speak(S, time); S.fresh = false; }
  let later = false;
  for (const panel of S.panels) {
    if (!S.dirty.has(panel.name)) continue;
    if (!panel.seen && time - panel.drawn < 500) { later = true; continue; }
    S.dirty.delete(panel.name);
    panel.drawn = time;
    panel.draw(S, panel);
    describe(S, panel);
  }
  if (moving) schedule(S);
  else if (later && !S.later) S.later = setTimeout(() => { S.later = 0; schedule(S); }, 500);
}

/** Keep a canvas's words for those who cannot see it; not more often than it is useful. */
function describe(S, panel) {
  const now = performance.now();
  if (now - (panel.told ?? -1e9) < 1000) return;
  panel.told = now;
  const values = { epoch: num(S, S.head?.epoch), train: num(S, S.curves.last("train.mse")), val: num(S, S.curves.last("val.mse")), pca: num(S, S.meta?.reference?.val_mse), n: num(S, S.latent.n ?? 0), d: S.latent.d ?? 0, k: num(S, S.arrays.originals?.shape[0] ?? S.arrays.cloud?.shape[0] ?? 0), classes: (S.items?.classes ?? []).map((c) => className(S, c)).join(", "), facts: `${S.fields.code_title.textContent}: ${S.fields.code_sub.textContent}` };
  panel.canvas.setAttribute("aria-label", say(S, `alt_${panel.name}`, values));
}

const DRAW = { latent: drawLatent, loss: drawLoss, code: drawCode, pairs: drawPairs, units: drawUnits, layers: drawLayers };
const HANDS = { latent: handleLatent, loss: handleLoss, code: handleTiles, pairs: handleTiles, units: handleTiles, layers: () => {} };

/** All that belongs to the run, empty. */
function forget(S) {
  Object.assign(S, { head: null, meta: null, arrays: {}, curves: new Curves(), marks: [], items: null, filter: new Set(), atlases: {}, frames: 0, attempt: 0, missing: false, speed: null, pace: null, rate: null, told: null, spoken: 0,
    latent: { zoom: 1, pan: [0, 0], yaw: 0.6, pitch: 0.42, hover: -1 }, cloud: { zoom: 1, pan: [0, 0], yaw: 0.6, pitch: 0.42 } });
  buildLegend(S);
}

/** Build the state of a fresh mount, with all its listeners. */
function build(parent, root) {
  const S = { parent, root, copy: {}, run: null, sprites: new Map(), dirty: new Set(), leave: [], looked: 0, scrolled: -1e9, width: root.clientWidth, still: matchMedia("(prefers-reduced-motion: reduce)"), ui: { view: "mse", y: "log", x: "epoch", steady: true, units: "encoder" } };
  try { Object.assign(S.ui, JSON.parse(sessionStorage.getItem("ll-stage") ?? "{}")); } catch { /* storage may be off */ }
  const on = (target, kind, call, options) => { target.addEventListener(kind, call, options); S.leave.push(() => target.removeEventListener(kind, call, options)); };
  S.link = root.querySelector(".ll-link");
  S.tip = root.querySelector(".ll-tip");
  S.fields = Object.fromEntries([...root.querySelectorAll("[data-field]")].map((e) => [e.dataset.field, e]));
  S.panels = [...root.querySelectorAll("[data-panel]")].map((el) => ({ name: el.dataset.panel, el, pic: el.querySelector(".ll-pic"), canvas: el.querySelector("canvas"), width: 0, height: 0, seen: true, drawn: -1e9, draw: DRAW[el.dataset.panel] }));
  for (const panel of S.panels) HANDS[panel.name](S, panel, on);
  handleButtons(S, on);
  readTheme(S);
  const sizes = new ResizeObserver((entries) => {
    for (const { target, contentRect: { width, height } } of entries) {
      const panel = S.panels.find((p) => p.pic === target);
      if (panel) { Object.assign(panel, { width, height, drawn: -1e9 }); S.dirty.add(panel.name); } else { S.width = width; S.looked = 0; S.fresh = true; }
    }
    schedule(S);
  });
  const views = new IntersectionObserver((entries) => { for (const e of entries) { const panel = S.panels.find((p) => p.el === e.target); panel.seen = e.isIntersecting; } schedule(S); }, { rootMargin: "200px" });
  sizes.observe(root);
  for (const panel of S.panels) { sizes.observe(panel.pic); views.observe(panel.el); }
  on(document, "visibilitychange", () => { if (!document.hidden) { for (const panel of S.panels) S.dirty.add(panel.name); S.fresh = true; schedule(S); } });
  on(matchMedia("(prefers-color-scheme: dark)"), "change", () => { S.looked = 0; S.fresh = true; schedule(S); });
  const pulse = setInterval(() => { if (!document.hidden && readTheme(S)) { buildLegend(S); for (const panel of S.panels) S.dirty.add(panel.name); schedule(S); } }, 1000);
  S.leave.push(() => { clearInterval(pulse); sizes.disconnect(); views.disconnect(); });
  return S;
}

/** Put the words of this language into the skeleton. */
function translate(S) {
  for (const e of S.root.querySelectorAll("[data-t]")) write(e, say(S, e.dataset.t));
  for (const e of S.root.querySelectorAll("[data-t-label]")) { e.setAttribute("aria-label", say(S, e.dataset.tLabel)); if (e.tagName === "BUTTON") e.title = say(S, e.dataset.tLabel); }
  for (const e of S.root.querySelectorAll("[data-t-title]")) e.title = say(S, e.dataset.tTitle);
}

/** End everything. */
function destroy(S) {
  S.closed = true;
  disconnect(S);
  cancelAnimationFrame(S.frame);
  clearTimeout(S.later);
  for (const undo of S.leave) undo();
}

const mounted = new WeakMap();

const ROOM = 400; // CSS pixels of the stage that a reader must see to watch a run

/** On a short screen a run that somebody has just asked for is below the knobs: shows it, under the buttons that stay. */
function bringIntoView(S) {
  const { top } = S.root.getBoundingClientRect();
  if (top > -100 && window.innerHeight - top >= ROOM) return;
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  S.root.scrollIntoView({ block: "start", behavior: still ? "auto" : "smooth" });
}

/** Streamlit calls this at mount and again whenever data or theme changed; the run is only opened anew if it is another. */
export default function stage({ data, parentElement, setStateValue }) {
  const root = parentElement.querySelector(".ll-stage");
  let S = mounted.get(parentElement);
  if (S && (S.closed || S.root !== root)) { destroy(S); S = null; }
  if (!S) { S = build(parentElement, root); forget(S); mounted.set(parentElement, S); }
  const turn = (S.turn = (S.turn ?? 0) + 1);
  const { run = null, socket = run && `/live/${run}`, copy = {}, names = {}, compact = false } = data ?? {};
  S.emit = setStateValue;
  S.copy = copy;
  S.names = names;
  root.classList.toggle("ll-compact", compact);
  root.lang = copy.locale ?? "";
  if (run !== S.run || socket !== S.path) {
    disconnect(S);
    const another = S.run !== null && run !== null; // and not the first one of the page
    S.run = run;
    S.path = socket;
    forget(S);
    if (another) bringIntoView(S);
    S.link.hidden = true;
    hideTip(S);
    connect(S);
  }
  if (data?.status !== undefined && S.told === null) S.told = data.status;
  translate(S);
  buildLegend(S);
  showChoices(S);
  readTheme(S);
  for (const panel of S.panels) { S.dirty.add(panel.name); panel.told = -1e9; }
  S.fresh = true;
  drawHeader(S);
  schedule(S);
  // Streamlit also runs the clean-up of a call that was overtaken while its module loaded: only the newest may end it.
  return () => { if (S.turn === turn) { destroy(S); if (mounted.get(parentElement) === S) mounted.delete(parentElement); } };
}
