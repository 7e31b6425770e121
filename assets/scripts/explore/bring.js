/* Bring: draw an item or bring a picture, and see where it lands, what comes back, and who is like it. */

import { errorTile, painter, tile } from "./paint.js";
import { button, make, nearestRows, part } from "./parts.js";
import { fullCodes } from "./rows.js";

const PAD = 280, PEN = 0.1, LIKE = 6; // pixels of the pad, a stroke's share of it, items shown
const INK = 0.25, LOOKED = 200; // brightness that counts as ink, items that are looked at for how much of the picture ink fills

/** The view in this panel. */
export function bring(K, panel) {
  const { state } = K, own = { x: null };
  const source = part("bring_title"), pad = make("div", "ex-pad"), found = part("bring_found"), trio = make("div", "ex-trio", { testid: "explore-brought" });
  const likes = make("div", "ex-likes"), told = make("p", "ex-hint", { testid: "explore-brought-told" });
  source.append(pad);
  found.append(told, trio, likes);
  panel.append(source, found);
  found.hidden = true;

  function build() {
    const { items } = state.values;
    if (!items || pad.dataset.form === items.about.form) return;
    pad.dataset.form = items.about.form;
    const maker = { image: drawing, series: curve }[items.about.form] ?? sliders;
    pad.replaceChildren(...maker(K, items.about, take, items));
    for (const element of pad.querySelectorAll("[data-t]")) element.textContent = K.say(element.dataset.t);
  }

  /** An item was made: encode it, and put everything that is known of it on the page. */
  function take(x) {
    own.x = x;
    show();
  }

  async function show() {
    const { network, items } = state.values, x = own.x;
    if (!x || !network || !items || state.values.view !== "bring") return;
    const coded = network.encode(x), z = Float32Array.from(coded.z), back = network.reconstruct(x);
    state.set({ z, focus: null });
    found.hidden = false;
    const off = errorTile(items, x, back);
    trio.replaceChildren(...[["part_original", tile(items, x)], ["part_rebuilt", tile(items, back)], ["part_off", off]].map(([key, canvas]) => make("figure", "", {}, canvas, make("figcaption", "", {}, K.say(key)))));
    const error = x.reduce((sum, value, at) => sum + (value - back[at]) ** 2, 0) / x.length;
    told.textContent = K.say("brought", { error: K.num(error), z: z.length <= 4 ? Array.from(z, (value) => K.num(value)).join(", ") : K.say("wide", { width: z.length }) });
    told.dataset.error = error;
    const codes = await fullCodes(K);
    if (own.x !== x) return;
    const rows = Array.from({ length: codes.count }, (_, row) => row);
    likes.replaceChildren(alike(K, items, "like_pixels", nearestRows(rows, items.x, x, LIKE)), alike(K, items, "like_code", nearestRows(rows, codes.z, z, LIKE)));
  }

  K.on(["items"], build);
  K.on(["network", "items", "frame", "view"], show);
  build();
}

function alike(K, items, key, rows) {
  const cards = rows.map(([row, distance]) => {
    const made = make("button", "ex-card ex-one", { item: items.ids[row] }, tile(items, items.x(row)), make("small", "", {}, `${K.name(items.labels[row])} · ${K.num(distance, 2)}`));
    made.type = "button";
    made.addEventListener("click", () => K.state.set({ focus: items.ids[row], view: "walk" }));
    return made;
  });
  return make("div", "", { testid: `explore-${key}` }, make("h5", "", {}, K.say(key)), make("div", "ex-grid ex-tight", {}, ...cards));
}

/** A pad to draw on, and a way to bring a file. */
function drawing(K, about, take, items) {
  const [height, width, channels] = about.shape, filled = usualFill(items, width, height, channels), pen = Math.max(PEN, 1.3 / width) * PAD, canvas = make("canvas", "ex-ink", { testid: "explore-pad" }), ctx = canvas.getContext("2d", { willReadFrequently: true });
  Object.assign(canvas, { width: PAD, height: Math.round((PAD * height) / width), tabIndex: 0 });
  canvas.setAttribute("aria-label", K.say("pad"));
  const wipe = () => { ctx.fillStyle = "#000"; ctx.fillRect(0, 0, canvas.width, canvas.height); };
  let last = null, later = 0;
  const stroke = (event) => {
    const box = canvas.getBoundingClientRect(), at = [((event.clientX - box.left) / box.width) * canvas.width, ((event.clientY - box.top) / box.height) * canvas.height];
    Object.assign(ctx, { strokeStyle: "#fff", lineWidth: pen, lineCap: "round", lineJoin: "round" });
    ctx.beginPath();
    ctx.moveTo(...(last ?? at));
    ctx.lineTo(...at);
    ctx.stroke();
    last = at;
    cancelAnimationFrame(later);
    later = requestAnimationFrame(() => take(sampled(canvas, width, height, channels, filled)));
  };
  canvas.addEventListener("pointerdown", (event) => { canvas.setPointerCapture(event.pointerId); last = null; stroke(event); event.preventDefault(); });
  canvas.addEventListener("pointermove", (event) => { if (canvas.hasPointerCapture(event.pointerId)) stroke(event); });
  wipe();
  const file = Object.assign(make("input", "", { testid: "explore-file" }), { type: "file", accept: "image/*" }), wrong = make("p", "ex-hint");
  file.addEventListener("change", async () => {
    wrong.textContent = "";
    try {
      const picture = await createImageBitmap(file.files[0]);
      wipe();
      const scale = Math.max(canvas.width / picture.width, canvas.height / picture.height);
      ctx.drawImage(picture, (canvas.width - picture.width * scale) / 2, (canvas.height - picture.height * scale) / 2, picture.width * scale, picture.height * scale);
      take(sampled(canvas, width, height, channels, 0));
    } catch {
      wrong.textContent = K.say("not_a_picture"); // whatever it was, the browser cannot draw it
    }
  });
  const invert = button("invert", () => { ctx.globalCompositeOperation = "difference"; ctx.fillStyle = "#fff"; ctx.fillRect(0, 0, canvas.width, canvas.height); ctx.globalCompositeOperation = "source-over"; take(sampled(canvas, width, height, channels, 0)); });
  const label = make("label", "ex-file", {}, make("span", "", { t: "bring_file" }), file);
  return [make("p", "ex-hint", { t: "bring_draw" }), canvas, make("div", "ex-actions", {}, button("wipe", wipe, { testid: "explore-wipe" }), invert, label), wrong];
}

/** The pad as an item. filled: bring what is drawn to this share of the picture, its middle in the middle; 0: as it is. */
function sampled(canvas, width, height, channels, filled) {
  const FINE = 8, large = Object.assign(document.createElement("canvas"), { width: width * FINE, height: height * FINE }), ctx = large.getContext("2d", { willReadFrequently: true });
  const box = filled ? inked(canvas) : null;
  ctx.fillStyle = "#000";
  ctx.fillRect(0, 0, large.width, large.height);
  if (box) {
    const scale = Math.min((filled * large.width) / box.width, (filled * large.height) / box.height);
    ctx.drawImage(canvas, box.left, box.top, box.width, box.height, (large.width - box.width * scale) / 2, (large.height - box.height * scale) / 2, box.width * scale, box.height * scale);
  } else ctx.drawImage(canvas, 0, 0, large.width, large.height);
  const pixels = averaged(ctx.getImageData(0, 0, large.width, large.height).data, width, height, FINE), x = new Float32Array(width * height * channels);
  for (let pixel = 0; pixel < width * height; pixel++) {
    const [red, green, blue] = pixels.subarray(4 * pixel, 4 * pixel + 3);
    if (channels === 3) x.set([red / 255, green / 255, blue / 255], 3 * pixel);
    else x[pixel] = (0.299 * red + 0.587 * green + 0.114 * blue) / 255;
  }
  return x;
}

/** Colours of each pixel as the mean of the fine ones inside it: what a scanner sees. */
function averaged(fine, width, height, size) {
  const mean = new Float32Array(4 * width * height);
  for (let y = 0; y < height * size; y++) {
    for (let x = 0; x < width * size; x++) {
      const to = 4 * (Math.floor(y / size) * width + Math.floor(x / size)), from = 4 * (y * width * size + x);
      for (let colour = 0; colour < 3; colour++) mean[to + colour] += fine[from + colour] / (size * size);
    }
  }
  return mean;
}

/** The share of the picture's longer side that ink usually takes among the items. */
function usualFill(items, width, height, channels) {
  const found = [];
  for (let row = 0; row < Math.min(items.count, LOOKED); row++) {
    const x = items.x(row), rows = [], columns = [];
    for (let pixel = 0; pixel < width * height; pixel++) if (x[pixel * channels] > INK) { rows.push(Math.floor(pixel / width)); columns.push(pixel % width); }
    if (rows.length) found.push(Math.max((Math.max(...rows) - Math.min(...rows) + 1) / height, (Math.max(...columns) - Math.min(...columns) + 1) / width));
  }
  return found.sort((a, b) => a - b)[Math.floor(found.length / 2)] ?? 1;
}

/** The rectangle that ink is in. */
function inked(canvas) {
  const { width, height } = canvas, data = canvas.getContext("2d", { willReadFrequently: true }).getImageData(0, 0, width, height).data;
  let left = width, right = -1, top = height, bottom = -1;
  for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) if (data[4 * (y * width + x)] > 40) { left = Math.min(left, x); right = Math.max(right, x); top = Math.min(top, y); bottom = Math.max(bottom, y); }
  return right < left ? null : { left, top, width: right - left + 1, height: bottom - top + 1 };
}

/** A line to draw with the pointer, one value a step. */
function curve(K, about, take) {
  const [steps, channels] = about.shape, x = new Float32Array(steps * channels), canvas = make("canvas", "ex-ink ex-wide", { testid: "explore-pad" });
  canvas.setAttribute("aria-label", K.say("pad"));
  const paint = painter(about), draw = () => paint(canvas, x);
  let before = null;
  const stroke = (event) => {
    const box = canvas.getBoundingClientRect(), step = Math.min(Math.max(Math.round(((event.clientX - box.left) / box.width) * (steps - 1)), 0), steps - 1);
    const value = 1 - (2 * (event.clientY - box.top)) / box.height, from = before?.step ?? step;
    for (let at = Math.min(from, step); at <= Math.max(from, step); at++) for (let channel = 0; channel < channels; channel++) x[at * channels + channel] = value;
    before = { step };
    draw();
    take(Float32Array.from(x));
  };
  canvas.addEventListener("pointerdown", (event) => { canvas.setPointerCapture(event.pointerId); before = null; stroke(event); });
  canvas.addEventListener("pointermove", (event) => { if (canvas.hasPointerCapture(event.pointerId)) stroke(event); });
  draw();
  return [make("p", "ex-hint", { t: "bring_curve" }), canvas, make("div", "ex-actions", {}, button("wipe", () => { x.fill(0); draw(); }, { testid: "explore-wipe" }))];
}

/** A slider for each feature, in the network's own units: 0 is usual, 1 a standard deviation more. */
function sliders(K, about, take) {
  const count = about.shape.reduce((a, b) => a * b, 1), x = new Float32Array(count);
  const levers = Array.from({ length: Math.min(count, 40) }, (_, at) => {
    const input = Object.assign(make("input", "", { testid: `explore-feature-${at}` }), { type: "range", min: -3, max: 3, step: 0.05, value: 0 }), output = make("output", "", {}, "0");
    input.addEventListener("input", () => { x[at] = Number(input.value); output.textContent = K.num(x[at], 2); take(Float32Array.from(x)); });
    return make("label", "", {}, make("span", "", {}, K.local(about.features[at] ?? String(at + 1))), input, output);
  });
  return [make("p", "ex-hint", { t: "bring_sliders" }), make("div", "ex-levers ex-named", {}, ...levers)];
}
