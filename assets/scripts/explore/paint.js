/* One item, as people see it: a picture, a series, a point, or the bars of a table's row. */

/** How items of this kind are painted: a function (canvas, x). about: form, shape, scaling, shift and scale. */
export function painter(about) {
  if (about.form === "series") return (canvas, x) => series(canvas, x, about.shape);
  return about.form === "image" ? (canvas, x) => picture(canvas, inOwnUnits(about, x), about.shape) : bars;
}

/** Paints an item on this canvas: show(canvas, items, x). Pixels stay sharp where it is drawn larger. */
export function show(canvas, items, x) {
  painter(items.about)(canvas, x);
  canvas.classList.toggle("ex-sharp", items.about.form === "image");
}

/** A picture was scaled for training; to be seen it is brought back. One that became shares is as bright as it can be. */
function inOwnUnits({ scaling, shift, scale }, x) {
  if (scaling === "none") return x;
  const own = Float32Array.from(x, (value, at) => value * scale[at] + shift[at]);
  const most = scaling === "distribution" ? Math.max(...own, 1e-12) : 1;
  return most === 1 ? own : own.map((value) => value / most);
}

/** Numbers from 0 to 1, row by row, with the colours of a pixel together. */
function picture(canvas, x, [height, width, channels]) {
  resize(canvas, width, height);
  const ctx = canvas.getContext("2d"), image = ctx.createImageData(width, height);
  for (let pixel = 0; pixel < width * height; pixel++) {
    for (let colour = 0; colour < 3; colour++) {
      image.data[4 * pixel + colour] = 255 * Math.min(Math.max(x[pixel * channels + (channels === 3 ? colour : 0)], 0), 1) + 0.5;
    }
    image.data[4 * pixel + 3] = 255;
  }
  ctx.putImageData(image, 0, 0);
}

/** How wrong each number is: cold where too small, warm where too large, the ground where right. */
export function difference(canvas, { about }, x, rebuilt) {
  canvas.classList.toggle("ex-sharp", about.form === "image");
  const off = rebuilt.map((value, i) => value - x[i]);
  if (about.form !== "image") return painter(about)(canvas, off);
  signed(canvas, off, about.shape, 1.6);
}

/** Numbers of both signs as a picture: cold below 0, warm above. Colours of a pixel are averaged; `strength` times a
 *  number of 1 is full colour. */
function signed(canvas, values, [height, width, channels], strength) {
  resize(canvas, width, height);
  const ctx = canvas.getContext("2d"), image = ctx.createImageData(width, height);
  for (let pixel = 0; pixel < width * height; pixel++) {
    let mean = 0;
    for (let colour = 0; colour < channels; colour++) mean += values[pixel * channels + colour] / channels;
    const share = Math.min(Math.abs(mean) * strength, 1), tone = mean < 0 ? [0, 114, 178] : [213, 94, 0];
    for (let colour = 0; colour < 3; colour++) image.data[4 * pixel + colour] = 245 + (tone[colour] - 245) * share;
    image.data[4 * pixel + 3] = 255;
  }
  ctx.putImageData(image, 0, 0);
}

function resize(canvas, width, height) {
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
}

/** A drawing surface of the canvas's natural size in CSS pixels, with the colour of the text. */
function surface(canvas) {
  const ratio = Math.min(window.devicePixelRatio || 1, 2), width = 160, height = 90;
  resize(canvas, width * ratio, height * ratio);
  const ctx = canvas.getContext("2d");
  ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
  ctx.clearRect(0, 0, width, height);
  ctx.strokeStyle = ctx.fillStyle = getComputedStyle(canvas).color;
  return { ctx, width, height };
}

function series(canvas, x, [steps, channels]) {
  const { ctx, width, height } = surface(canvas);
  const low = Math.min(-1, ...x), high = Math.max(1, ...x);
  for (let channel = 0; channel < channels; channel++) {
    ctx.globalAlpha = channel ? 0.5 : 1;
    ctx.beginPath();
    for (let step = 0; step < steps; step++) {
      const at = [4 + (step / Math.max(steps - 1, 1)) * (width - 8), height - 4 - ((x[step * channels + channel] - low) / (high - low)) * (height - 8)];
      step ? ctx.lineTo(...at) : ctx.moveTo(...at);
    }
    ctx.lineWidth = 1.5;
    ctx.stroke();
  }
  ctx.globalAlpha = 1;
}

/** A bar a feature, up for more than usual, down for less, in the network's own units. */
function bars(canvas, x) {
  const { ctx, width, height } = surface(canvas), count = x.length;
  const reach = Math.max(2, ...Array.from(x, Math.abs)), step = (width - 8) / count;
  ctx.globalAlpha = 0.35;
  ctx.fillRect(4, height / 2, width - 8, 1);
  ctx.globalAlpha = 1;
  for (let i = 0; i < count; i++) {
    const size = (x[i] / reach) * (height / 2 - 4);
    ctx.fillRect(4 + i * step + step * 0.12, height / 2 - Math.max(size, 0), Math.max(step * 0.76, 1), Math.max(Math.abs(size), 1));
  }
}

/** A small canvas with an item on it. */
export function tile(items, x) {
  const canvas = document.createElement("canvas");
  canvas.setAttribute("aria-hidden", "true");
  show(canvas, items, x);
  return canvas;
}

/** A small canvas with what is wrong about an item's reconstruction. */
export function errorTile(items, x, rebuilt) {
  const canvas = document.createElement("canvas");
  canvas.setAttribute("aria-hidden", "true");
  difference(canvas, items, x, rebuilt);
  return canvas;
}

/** A small canvas with the weights of one unit, scaled by the largest. shape: of kernels, where they are no items. */
export function weightTile({ about }, weights, shape = about.form === "image" ? about.shape : null) {
  const canvas = document.createElement("canvas"), most = weights.reduce((high, value) => Math.max(high, Math.abs(value)), 1e-12);
  canvas.setAttribute("aria-hidden", "true");
  if (shape) signed(canvas, weights, shape, 1 / most);
  else painter(about)(canvas, weights.map((value) => (2 * value) / most));
  canvas.classList.toggle("ex-sharp", Boolean(shape));
  return canvas;
}
