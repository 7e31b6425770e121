/* A run's network, run here: no server is asked while a point is dragged. The program (ae_core/probes/program.py) lists
 * operations; each becomes a function over buffers that are made once. Items and codes are single and flat. Sums are
 * kept in double precision, what an operation gives in single. */

/** The network of a decoded `program` frame.
 *  encode(x, label) -> {z, mu?, logVar?, full?, logits?, chosen?}: as `Coded` of ae_core/models/coded.py, for one item.
 *  decode(z, label, into) -> the item. reconstruct(x, label, into) -> the item again, counts for counts.
 *  label: the item's class, for a network that has `classes`. into: a Float32Array to write to, else a new one. */
export function network({ header, arrays }) {
  const { features, width, classes, counts, code } = header;
  const down = chain(header.encoder, arrays, features), up = chain(header.decoder, arrays, width);
  const told = (label) => {
    if (classes && !(label >= 0 && label < classes)) throw new RangeError(`expected a class from 0 to ${classes - 1}, got ${label}`);
    return { label, found: {} };
  };

  function encode(x, label) {
    const given = told(label), z = down(x, given).slice();
    return { ...given.found, z };
  }

  function decode(z, label, into = new Float32Array(features)) {
    into.set(up(z, told(label)));
    return into;
  }

  function reconstruct(x, label, into = new Float32Array(features)) {
    const given = told(label);
    into.set(up(down(x, given), given));
    if (counts) scaleBy(into, sum(x));
    return into;
  }

  const codebook = header.codebook && arrays[header.codebook]; // {data, shape: [entries, numbers of a slot]}
  const pseudo = header.pseudo_inputs && arrays[header.pseudo_inputs]; // {data, shape: [components, features]}
  return { features, width, classes, code, codebook, pseudo, encode, decode, reconstruct };
}

/** The operations one after the other: (x, given) -> the last one's buffer, which the next call overwrites.
 *  given: {label, found}; what is found on the way, beside the result, is put into `found`. */
function chain(operations, arrays, count) {
  const input = new Float32Array(count), runs = [];
  let values = input;
  for (const op of operations) {
    if (!OPERATIONS[op.op]) throw new Error(`unknown operation ${op.op}: reload the page`);
    const { run, output = values } = OPERATIONS[op.op](op, arrays, values);
    runs.push(run);
    values = output;
  }
  return (x, given) => {
    if (x.length !== count) throw new RangeError(`expected ${count} numbers, got ${x.length}`);
    input.set(x);
    for (const run of runs) run(given);
    return values;
  };
}

// ------------------------------------------------------------------------------------------------- products

/** weight x + bias as a function (from, start, to, at). The weights are kept by inputs: one that is 0, as many are after
 *  relu and nearly all in sparse and one-hot codes, then costs nothing, and of the others four are added at a time. */
function product({ data, shape: [outputs, inputs] }, bias) {
  const columns = turned(data, outputs, inputs), sums = new Float64Array(outputs), live = new Int32Array(inputs);
  return (from, start, to, at) => {
    if (bias) sums.set(bias.data); else sums.fill(0);
    let count = 0, k = 0;
    for (let i = 0; i < inputs; i++) if (from[start + i] !== 0) live[count++] = i;
    for (; k + 4 <= count; k += 4) {
      const i = live[k], j = live[k + 1], l = live[k + 2], m = live[k + 3];
      addFour(sums, columns, outputs, i, from[start + i], j, from[start + j], l, from[start + l], m, from[start + m]);
    }
    for (; k < count; k++) addOne(sums, columns, outputs, live[k], from[start + live[k]]);
    for (let o = 0; o < outputs; o++) to[at + o] = sums[o];
  };
}

function addFour(sums, columns, outputs, i, a, j, b, l, c, m, d) {
  i *= outputs; j *= outputs; l *= outputs; m *= outputs;
  for (let o = 0; o < outputs; o++) sums[o] += a * columns[i + o] + b * columns[j + o] + c * columns[l + o] + d * columns[m + o];
}

function addOne(sums, columns, outputs, i, a) {
  i *= outputs;
  for (let o = 0; o < outputs; o++) sums[o] += a * columns[i + o];
}

/** (rows, columns) -> (columns, rows). */
function turned(data, rows, columns) {
  const out = new Float32Array(data.length);
  for (let r = 0; r < rows; r++) for (let c = 0; c < columns; c++) out[c * rows + r] = data[r * columns + c];
  return out;
}

function dense({ times, inputs, outputs, weight, bias }, arrays, input) {
  const output = new Float32Array(times * outputs), multiply = product(arrays[weight], arrays[bias]);
  const run = () => { for (let t = 0; t < times; t++) multiply(input, t * inputs, output, t * outputs); };
  return { run, output };
}

// --------------------------------------------------------------------------------------- pictures, (h, w, channels)

/** A convolution on a copy with a frame of zeros. Output channels are counted four at a time: each number of the patch
 *  is then read once for four of them. The kernels lie as they are read: four channels together, then y, x, input. */
function conv({ before: [height, width, inputs], after, side, stride, weight, bias }, arrays, input) {
  const edge = side >> 1, [rows, columns, outputs] = after, output = new Float32Array(rows * columns * outputs);
  const line = (width + 2 * edge) * inputs, reach = side * inputs, fours = outputs - (outputs % 4);
  const framed = new Float32Array((height + 2 * edge) * line), kernels = laid(arrays[weight], fours);
  const constant = bias ? Float64Array.from(arrays[bias].data) : new Float64Array(outputs), size = side * reach;

  function frame() {
    for (let y = 0, from = 0; y < height; y++) {
      let to = (y + edge) * line + edge * inputs;
      for (let i = 0; i < width * inputs; i++) framed[to++] = input[from++];
    }
  }

  const run = () => {
    frame();
    for (let y = 0, to = 0; y < rows; y++) {
      for (let x = 0; x < columns; x++, to += outputs) {
        const from = y * stride * line + x * stride * inputs;
        for (let o = 0; o < fours; o += 4) fourSums(framed, from, line, side, reach, kernels, o * size, constant, o, output, to);
        for (let o = fours; o < outputs; o++) output[to + o] = constant[o] + oneSum(framed, from, line, side, reach, kernels, o * size);
      }
    }
  };
  return { run, output };
}

function fourSums(framed, from, line, side, reach, kernels, at, constant, o, output, to) {
  let a = constant[o], b = constant[o + 1], c = constant[o + 2], d = constant[o + 3];
  for (let y = 0; y < side; y++, from += line) {
    for (let i = from; i < from + reach; i++, at += 4) {
      const value = framed[i];
      a += value * kernels[at];
      b += value * kernels[at + 1];
      c += value * kernels[at + 2];
      d += value * kernels[at + 3];
    }
  }
  output[to + o] = a;
  output[to + o + 1] = b;
  output[to + o + 2] = c;
  output[to + o + 3] = d;
}

function oneSum(framed, from, line, side, reach, kernels, at) {
  let sum = 0;
  for (let y = 0; y < side; y++, from += line) for (let i = from; i < from + reach; i++) sum += framed[i] * kernels[at++];
  return sum;
}

/** Kernels (outputs, inputs, side, side) as `conv` reads them; the first `fours` outputs four by four. */
function laid({ data, shape: [outputs, inputs, side] }, fours) {
  const out = new Float32Array(data.length), area = side * side, size = inputs * area;
  for (let o = 0; o < outputs; o++) {
    for (let i = 0; i < inputs; i++) {
      for (let place = 0; place < area; place++) {
        const within = place * inputs + i;
        const at = o < fours ? (o - (o % 4)) * size + within * 4 + (o % 4) : o * size + within;
        out[at] = data[o * size + i * area + place];
      }
    }
  }
  return out;
}

/** A picture whose pixels are those of another: `source(y, x)` is the number of the pixel, or -1 for zeros. */
function moved([rows, columns, channels], input, source) {
  const output = new Float32Array(rows * columns * channels), places = new Int32Array(rows * columns);
  for (let y = 0; y < rows; y++) for (let x = 0; x < columns; x++) places[y * columns + x] = source(y, x);
  const run = () => {
    for (let pixel = 0; pixel < places.length; pixel++) {
      if (places[pixel] < 0) continue; // stays 0, as it was made
      for (let c = 0; c < channels; c++) output[pixel * channels + c] = input[places[pixel] * channels + c];
    }
  };
  return { run, output };
}

const nearest = ({ before: [height, width], after }, _, input) =>
  moved(after, input, (y, x) => Math.floor((y * height) / after[0]) * width + Math.floor((x * width) / after[1]));

const spread = ({ before: [, width], after }, _, input) =>
  moved(after, input, (y, x) => (y % 2 || x % 2 ? -1 : (y / 2) * width + x / 2));

/** Four maps in a row of the input become the four pixels of a square. */
function weave({ before: [, width, maps], after: [rows, columns, channels] }, _, input) {
  const output = new Float32Array(rows * columns * channels);
  const run = () => {
    for (let y = 0, to = 0; y < rows; y++) {
      for (let x = 0; x < columns; x++) {
        const from = ((y >> 1) * width + (x >> 1)) * maps + (y % 2) * 2 + (x % 2);
        for (let c = 0; c < channels; c++) output[to++] = input[from + 4 * c];
      }
    }
  };
  return { run, output };
}

// --------------------------------------------------------------------------------------- series, (steps, channels)

/** One step of a gated recurrent unit as a function (from, start, state): the state becomes the next one.
 *  r = s(W_r x + U_r h), q = s(W_q x + U_q h), n = tanh(W_n x + r (U_n h)), h' = (1 - q) n + q h, each with its bias. */
function unit({ inputs, input_weight, state_weight, input_bias, state_bias }, arrays, width) {
  const given = new Float64Array(3 * width), kept = new Float64Array(3 * width);
  const remember = product(arrays[state_weight], arrays[state_bias]);
  const read = inputs ? product(arrays[input_weight], arrays[input_bias]) : () => {};
  if (!inputs && input_bias) given.set(arrays[input_bias].data); // reads nothing, so it is the same at each step
  return (from, start, state) => {
    read(from, start, given, 0);
    remember(state, 0, kept, 0);
    for (let i = 0; i < width; i++) {
      const r = logistic(given[i] + kept[i]), q = logistic(given[width + i] + kept[width + i]);
      const n = Math.tanh(given[2 * width + i] + r * kept[2 * width + i]);
      state[i] = (1 - q) * n + q * state[i];
    }
  };
}

function gru(op, arrays, input) {
  const { steps, inputs, width } = op, output = new Float32Array(steps * width), state = new Float32Array(width);
  const step = unit(op, arrays, width);
  const run = () => {
    state.fill(0);
    for (let t = 0; t < steps; t++) {
      step(input, t * inputs, state);
      output.set(state, t * width);
    }
  };
  return { run, output };
}

function last({ steps, width }, _, input) {
  const output = new Float32Array(width), begin = (steps - 1) * width;
  return { output, run: () => { for (let i = 0; i < width; i++) output[i] = input[begin + i]; } };
}

/** Layers that begin at tanh(start z) and go on by themselves; fed back, the first reads the value drawn before. */
function draw({ steps, channels, width, layers, fed_back }, arrays, input) {
  const output = new Float32Array(steps * width), value = new Float32Array(channels);
  const parts = layers.map((layer) => ({
    state: new Float32Array(width),
    start: product(arrays[layer.start_weight], arrays[layer.start_bias]),
    step: unit(layer, arrays, width),
  }));
  const readout = fed_back && product(arrays[fed_back.weight], arrays[fed_back.bias]);
  const shape = fed_back && fed_back.shape !== "identity" ? OPERATIONS[fed_back.shape]({}, arrays, value).run : () => {};

  const run = () => {
    value.fill(0);
    for (const { state, start } of parts) {
      start(input, 0, state, 0);
      for (let i = 0; i < width; i++) state[i] = Math.tanh(state[i]);
    }
    for (let t = 0; t < steps; t++) {
      let read = value;
      for (const { state, step } of parts) {
        step(read, 0, state);
        read = state;
      }
      output.set(read, t * width);
      if (!fed_back) continue;
      readout(read, 0, value, 0);
      shape();
    }
  };
  return { run, output };
}

function reverse({ steps, channels }, _, input) {
  const output = new Float32Array(steps * channels);
  const run = () => {
    for (let t = 0; t < steps; t++) for (let c = 0; c < channels; c++) output[t * channels + c] = input[(steps - 1 - t) * channels + c];
  };
  return { run, output };
}

// ---------------------------------------------------------------------------------------- numbers one by one

const logistic = (x) => 1 / (1 + Math.exp(-x));
const gelu = (x) => 0.5 * x * (1 + erf(x * Math.SQRT1_2));

/** 2/sqrt(pi) exp(-x^2) times the sum of 2^n x^(2n+1) / (1 3 5 ... (2n+1)); all terms have one sign, so nothing cancels.
 *  Source: Abramowitz and Stegun 1964, 7.1.6. */
function erf(x) {
  if (!(Math.abs(x) < 6)) return Math.sign(x); // closer to 1 than double precision tells; NaN stays NaN
  let term = x, sum = x;
  for (let n = 1; Math.abs(term) > 1e-12 * Math.abs(sum); n++) sum += term *= (2 * x * x) / (2 * n + 1);
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum;
}

/** See `unit_mean` of ae_core/models/outputs.py. */
function unitMean(raw) {
  if (Math.abs(raw) >= 0.3) return 0.5 + 0.5 / Math.tanh(0.5 * raw) - 1 / raw;
  return 0.5 + raw * (1 / 12 - raw * raw * (1 / 720 - (raw * raw) / 30240));
}

/** An operation on each number by itself, in place. */
const each = (bend) => (_, __, values) => ({ run: () => { for (let i = 0; i < values.length; i++) values[i] = bend(values[i]); } });

const relu = (_, __, values) => ({ run: () => { for (let i = 0; i < values.length; i++) if (values[i] < 0) values[i] = 0; } });

function softmax(_, __, values) {
  const run = () => {
    let highest = -Infinity, total = 0;
    for (let i = 0; i < values.length; i++) if (values[i] > highest) highest = values[i];
    for (let i = 0; i < values.length; i++) total += values[i] = Math.exp(values[i] - highest);
    scaleBy(values, 1 / total);
  };
  return { run };
}

/** Each span of features in a shape of its own. */
function mixed({ spans }, arrays, values) {
  const shapes = { identity: () => ({ run: () => {} }), sigmoid: each(logistic), softmax };
  const steps = spans.map(([shape, start, stop]) => shapes[shape](null, arrays, values.subarray(start, stop)));
  return { run: (given) => { for (const step of steps) step.run(given); } };
}

function scale({ channels, weight, bias }, arrays, values) {
  const factor = arrays[weight].data, more = arrays[bias].data;
  const run = () => {
    for (let i = 0; i < values.length; i += channels) for (let c = 0; c < channels; c++) values[i + c] = values[i + c] * factor[c] + more[c];
  };
  return { run };
}

function centre({ bias }, arrays, values) {
  const constant = arrays[bias].data;
  return { run: () => { for (let i = 0; i < values.length; i++) values[i] -= constant[i]; } };
}

function toUnit(_, __, values) {
  const run = () => {
    let squares = 0;
    for (let i = 0; i < values.length; i++) squares += values[i] * values[i];
    scaleBy(values, 1 / Math.max(Math.sqrt(squares), 1e-12));
  };
  return { run };
}

function scaleBy(values, factor) {
  for (let i = 0; i < values.length; i++) values[i] *= factor;
}

function sum(values) {
  let total = 0;
  for (let i = 0; i < values.length; i++) total += values[i];
  return total;
}

/** The values with the one-hot class beside them. */
function withClass({ classes }, _, input) {
  const output = new Float32Array(input.length + classes);
  const run = ({ label }) => {
    output.fill(0);
    output.set(input);
    output[input.length + label] = 1;
  };
  return { run, output };
}

// -------------------------------------------------------------------------------------------------- codes

function gaussian({ outputs, weight, bias, spread_weight, spread_bias, low, high }, arrays, input) {
  const mean = product(arrays[weight], arrays[bias]), spread = product(arrays[spread_weight], arrays[spread_bias]);
  const output = new Float32Array(outputs), logVar = new Float32Array(outputs);
  const run = ({ found }) => {
    mean(input, 0, output, 0);
    spread(input, 0, logVar, 0);
    for (let i = 0; i < outputs; i++) logVar[i] = Math.min(Math.max(logVar[i], low), high);
    Object.assign(found, { mu: output.slice(), logVar: logVar.slice() });
  };
  return { run, output };
}

/** The `kept` largest numbers, among equal ones the first, and zeros for the others. */
function keep({ size, kept }, _, input) {
  const output = new Float32Array(size), order = new Float32Array(size);
  const run = ({ found }) => {
    order.set(input);
    order.sort();
    const least = order[size - kept];
    let room = kept;
    for (let i = 0; i < size; i++) room -= input[i] > least;
    for (let i = 0; i < size; i++) output[i] = input[i] > least || (input[i] === least && room-- > 0) ? input[i] : 0;
    found.full = input.slice();
  };
  return { run, output };
}

/** Each slot's nearest entry of the codebook, of equally near ones the first. */
function quantise({ slots, entries, codebook }, arrays, input) {
  const { data, shape: [, size] } = arrays[codebook], output = new Float32Array(slots * size), chosen = new Int32Array(slots);
  const run = ({ found }) => {
    for (let s = 0; s < slots; s++) {
      chosen[s] = nearestEntry(data, entries, size, input, s * size);
      for (let i = 0; i < size; i++) output[s * size + i] = data[chosen[s] * size + i];
    }
    Object.assign(found, { full: input.slice(), chosen: chosen.slice() });
  };
  return { run, output };
}

function nearestEntry(data, entries, size, input, start) {
  let best = 0, least = Infinity;
  for (let e = 0; e < entries; e++) {
    let distance = 0;
    for (let i = 0; i < size; i++) distance += (input[start + i] - data[e * size + i]) ** 2;
    if (distance < least) [best, least] = [e, distance];
  }
  return best;
}

/** The likeliest class of each choice, one-hot. */
function choose({ choices, classes }, _, input) {
  const output = new Float32Array(choices * classes), chosen = new Int32Array(choices);
  const run = ({ found }) => {
    output.fill(0);
    for (let c = 0; c < choices; c++) {
      let best = 0;
      for (let k = 1; k < classes; k++) if (input[c * classes + k] > input[c * classes + best]) best = k;
      chosen[c] = best;
      output[c * classes + best] = 1;
    }
    Object.assign(found, { logits: input.slice(), chosen: chosen.slice() });
  };
  return { run, output };
}

/** Each makes, for its place in the chain, {run(given), output}; without `output` it works in place. */
const OPERATIONS = {
  centre, unit: toUnit, class: withClass, dense, scale, relu, tanh: each(Math.tanh), sigmoid: each(logistic), gelu: each(gelu),
  softmax, unit_mean: each(unitMean), mixed, conv, nearest, spread, weave, gru, last, draw, reverse, gaussian, keep, quantise, choose,
};
