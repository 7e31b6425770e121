/* What lies behind and over the points: decoded lattice, density, holes where no code lives, and thumbnails of items. */

import { painter } from "./paint.js";
import { classColour } from "./theme.js";

const CELLS = 16; // of the lattice, along the longer side
const GAP = 0.1; // of a cell, between two of them
const GRAIN = 64; // cells of the hole detector, along each side
const THUMB = 30; // CSS pixels, and so the least distance between two thumbnails
const BELL = 26; // CSS pixels: how far a code is smeared to show density
const FAR = 3; // a place is in a hole if the nearest code is so many times further than codes are from their neighbours

/** Draws what is switched on, for the part of the plane that is in view. */
export function drawGrid(M) {
  const { K, plot } = M, layout = plot._fullLayout;
  if (!M.drawn || !layout?.xaxis || M.drawn.arrays.place.shape[1] !== 2) return clear(M);
  M.under ??= layer(M, "ex-under");
  M.over ??= layer(M, "ex-over");
  const { xaxis: x, yaxis: y } = layout;
  for (const canvas of [M.under, M.over]) fit(canvas, x, y);
  const { lattice, density, holes, thumbs, network, items } = K.state.values;
  const own = M.drawn.header.axes === "code" && !M.drawn.header.method && network?.width === 2;
  if (lattice && own && items) paintLattice(M.under.getContext("2d"), x, y, network, items);
  if (density) paintDensity(K, M.under.getContext("2d"), x, y, M.drawn);
  if (holes) paintHoles(K, M.over.getContext("2d"), x, y, M.drawn);
  if (thumbs && items) paintThumbs(K, M.over.getContext("2d"), x, y, M.drawn, items);
}

function clear(M) {
  for (const canvas of [M.under, M.over]) canvas?.getContext("2d").clearRect(0, 0, canvas.width, canvas.height);
}

function layer(M, name) {
  const canvas = Object.assign(document.createElement("canvas"), { className: `ex-layer ${name}` });
  canvas.setAttribute("aria-hidden", "true");
  if (name === "ex-under") M.place.prepend(canvas); else M.plot.after(canvas);
  return canvas;
}

/** Over the axes' own rectangle, sharp at the device's pixels. */
function fit(canvas, x, y) {
  const ratio = Math.min(window.devicePixelRatio || 1, 2);
  Object.assign(canvas.style, { left: `${x._offset}px`, top: `${y._offset}px`, width: `${x._length}px`, height: `${y._length}px` });
  Object.assign(canvas, { width: x._length * ratio, height: y._length * ratio });
  canvas.getContext("2d").setTransform(ratio, 0, 0, ratio, 0, 0);
}

/** What the decoder makes of a grid of codes: the whole plane as pictures. */
function paintLattice(ctx, x, y, network, items) {
  const cell = Math.max(x._length, y._length) / CELLS, tile = document.createElement("canvas"), paint = painter(items.about);
  ctx.imageSmoothingEnabled = items.about.form !== "image";
  for (let top = 0; top < y._length; top += cell) {
    for (let left = 0; left < x._length; left += cell) {
      paint(tile, network.decode(Float32Array.of(x.p2d(left + cell / 2), y.p2d(top + cell / 2))));
      ctx.drawImage(tile, left + (GAP / 2) * cell, top + (GAP / 2) * cell, (1 - GAP) * cell, (1 - GAP) * cell);
    }
  }
}

/** Every code as a soft dot of its class's colour: where many lie, the dots add up. */
function paintDensity(K, ctx, x, y, codes) {
  const { place, label } = codes.arrays, { colour, off } = K.state.values, count = label.data.length, dots = new Map();
  const overlap = (count * Math.PI * BELL ** 2) / (x._length * y._length); // of each place, if codes lay evenly
  ctx.globalAlpha = Math.min(0.35, 1.6 / Math.max(overlap, 1));
  for (let row = 0; row < count; row++) {
    const name = colour === "label" && label.data[row] >= 0 ? label.data[row] : -1;
    if (off.has(label.data[row])) continue;
    if (!dots.has(name)) dots.set(name, dot(name < 0 ? K.colours.accent : classColour(K, name)));
    ctx.drawImage(dots.get(name), x.d2p(place.data[2 * row]) - BELL, y.d2p(place.data[2 * row + 1]) - BELL);
  }
  ctx.globalAlpha = 1;
}

/** A bell of that colour, from full in its middle to nothing. */
function dot(colour) {
  const made = Object.assign(document.createElement("canvas"), { width: 2 * BELL, height: 2 * BELL }), ctx = made.getContext("2d");
  ctx.fillStyle = colour;
  ctx.fillRect(0, 0, 2 * BELL, 2 * BELL);
  const bell = ctx.createRadialGradient(BELL, BELL, 0, BELL, BELL, BELL);
  for (let at = 0; at <= 8; at++) bell.addColorStop(at / 8, `rgba(0,0,0,${Math.exp(-4 * (at / 8) ** 2) * (1 - (at / 8) ** 4)})`);
  ctx.globalCompositeOperation = "destination-in";
  ctx.fillStyle = bell;
  ctx.fillRect(0, 0, 2 * BELL, 2 * BELL);
  return made;
}

/** Hatches every place in view whose nearest training code is far away. */
function paintHoles(K, ctx, x, y, codes) {
  const near = nearest(codes, x, y), limit = FAR * near.usual, step = [x._length / GRAIN, y._length / GRAIN];
  ctx.save();
  ctx.beginPath();
  let empty = 0;
  near.cells.forEach((distance, at) => {
    if (distance <= limit) return;
    empty++;
    ctx.rect((at % GRAIN) * step[0], Math.floor(at / GRAIN) * step[1], step[0] + 0.5, step[1] + 0.5);
  });
  ctx.fillStyle = K.colours.dark ? "rgba(255,140,60,0.10)" : "rgba(213,94,0,0.08)";
  ctx.fill();
  ctx.clip();
  ctx.strokeStyle = K.colours.dark ? "rgba(255,150,80,0.45)" : "rgba(213,94,0,0.35)";
  ctx.beginPath();
  for (let at = -y._length; at < x._length; at += 9) { ctx.moveTo(at, 0); ctx.lineTo(at + y._length, y._length); }
  ctx.stroke();
  ctx.restore();
  K.root.dataset.holes = (empty / near.cells.length).toFixed(3);
}

/** Distance in screen pixels from the middle of each cell to the nearest training code, by a two-pass sweep, and the
 * usual distance of a code to its neighbour (the median over those in view).
 */
export function nearest(codes, x, y) {
  const { place, is_val: aside } = codes.arrays, seeds = [], width = x._length / GRAIN, height = y._length / GRAIN;
  for (let row = 0; row < aside.data.length; row++) {
    const left = x.d2p(place.data[2 * row]), top = y.d2p(place.data[2 * row + 1]);
    if (!aside.data[row] && left >= 0 && top >= 0 && left < x._length && top < y._length) seeds.push([left, top]);
  }
  const cells = new Float32Array(GRAIN * GRAIN).fill(Infinity), owner = new Int32Array(GRAIN * GRAIN).fill(-1);
  const offer = (at, seed) => {
    if (seed < 0) return;
    const distance = Math.hypot((at % GRAIN + 0.5) * width - seeds[seed][0], (Math.floor(at / GRAIN) + 0.5) * height - seeds[seed][1]);
    if (distance < cells[at]) { cells[at] = distance; owner[at] = seed; }
  };
  seeds.forEach(([left, top], seed) => offer(Math.min(Math.floor(top / height), GRAIN - 1) * GRAIN + Math.min(Math.floor(left / width), GRAIN - 1), seed));
  const sweep = (from, to, step) => {
    for (let at = from; at !== to; at += step) {
      for (const other of [at - step, at - GRAIN * step, at - (GRAIN + 1) * step, at - (GRAIN - 1) * step]) if (other >= 0 && other < cells.length) offer(at, owner[other]);
    }
  };
  for (let pass = 0; pass < 2; pass++) { sweep(0, cells.length, 1); sweep(cells.length - 1, -1, -1); }
  return { cells, usual: usualDistance(seeds) };
}

function usualDistance(seeds) {
  const sample = seeds.filter((_, at) => at % Math.ceil(seeds.length / 200) === 0);
  const found = sample.map(([left, top]) => seeds.reduce((best, [a, b]) => { const d = Math.hypot(a - left, b - top); return d > 0 && d < best ? d : best; }, Infinity));
  return Math.max(found.sort((a, b) => a - b)[Math.floor(found.length / 2)] ?? 8, 6);
}

/** Items as small pictures where there is room, those kept aside first. */
function paintThumbs(K, ctx, x, y, codes, items) {
  const { place, item, label } = codes.arrays, taken = new Set(), tile = document.createElement("canvas"), paint = painter(items.about);
  let drawn = 0;
  for (let row = 0; row < item.data.length; row++) {
    const left = x.d2p(place.data[2 * row]), top = y.d2p(place.data[2 * row + 1]), source = items.row(item.data[row]);
    if (source === undefined || K.state.values.off.has(label.data[row]) || left < 0 || top < 0 || left > x._length || top > y._length) continue;
    const cell = [Math.floor(left / THUMB), Math.floor(top / THUMB)].join();
    if (taken.has(cell)) continue;
    taken.add(cell);
    paint(tile, items.x(source));
    ctx.imageSmoothingEnabled = items.about.form !== "image";
    const size = THUMB - 3, at = [Math.floor(left / THUMB) * THUMB, Math.floor(top / THUMB) * THUMB];
    ctx.drawImage(tile, at[0], at[1], size, size);
    drawn++;
  }
  K.root.dataset.thumbs = drawn;
}
