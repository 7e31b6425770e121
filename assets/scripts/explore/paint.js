/* One item, as people see it: a picture, a series, a point, or the bars of a table's row. */

/** How items of this kind are painted. `about`: the header of the items' frame. Gives paint(canvas, x). */
export function painter(about) {
  const [height, width, channels] = about.shape.length === 3 ? about.shape : [0, 0, 0];
  if (about.form === "image") return (canvas, x) => picture(canvas, x, width, height, channels);
  if (about.form === "series") return (canvas, x) => series(canvas, x, about.shape);
  return bars;
}

/** The size in pixels at which an item is painted without loss; drawn larger by CSS. */
export function natural(about) {
  return about.form === "image" ? { width: about.shape[1], height: about.shape[0], sharp: true } : { width: 160, height: 90, sharp: false };
}

/** Numbers from 0 to 1, row by row, with the colours of a pixel together. */
export function picture(canvas, x, width, height, channels) {
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
export function difference(canvas, x, rebuilt, about) {
  if (about.form !== "image") return painter(about)(canvas, rebuilt.map((value, i) => value - x[i]));
  const [height, width, channels] = about.shape;
  resize(canvas, width, height);
  const ctx = canvas.getContext("2d"), image = ctx.createImageData(width, height);
  for (let pixel = 0; pixel < width * height; pixel++) {
    let off = 0;
    for (let colour = 0; colour < channels; colour++) off += (rebuilt[pixel * channels + colour] - x[pixel * channels + colour]) / channels;
    const strength = Math.min(Math.abs(off) * 1.6, 1), tone = off < 0 ? [0, 114, 178] : [213, 94, 0];
    for (let colour = 0; colour < 3; colour++) image.data[4 * pixel + colour] = 245 + (tone[colour] - 245) * strength;
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
export function tile(items, x, paint = painter(items.about)) {
  const canvas = document.createElement("canvas");
  canvas.classList.toggle("ex-sharp", natural(items.about).sharp);
  canvas.setAttribute("aria-hidden", "true");
  paint(canvas, x);
  return canvas;
}
