/* Inside: what the layers and their units do, which numbers of the code are used, and the loss around the model. */

import { tile, weightTile } from "./paint.js";
import { button, choice, make, part, rest } from "./parts.js";
import { axis, chart } from "./plotly.js";

const MOMENTS = 16; // steps of which the layers are told over time
const AT_ONCE = 4; // of these questions, so that others can ask too
const SHOWN_NUMBERS = 64;
const FULL = 0.1; // nats that fill a bar at least, so that what says nothing looks like nothing
const READINGS = ["gradient_norm", "weight_norm", "spread", "dead"];

/** The view in this panel. */
export function inside(K, panel) {
  panel.append(layersPart(K), unitsPart(K), numbersPart(K), landscapePart(K));
}

/** Runs `show` whenever the step or the look changes while this view is open; a refusal becomes the sentence in `told`. */
function follow(K, told, show) {
  const run = async () => {
    const { step, view } = K.state.values;
    if (view !== "inside" || step === null) return;
    const here = () => step === K.state.values.step;
    try {
      await show(step, here);
    } catch (error) {
      if (error.name !== "AbortError" && here()) told.textContent = error.message;
    }
  };
  K.on(["step", "view", "frame", "items"], run);
  run();
  return run;
}

/** "encoder.0" -> "encoder 1". */
function layerName(K, name) {
  const [kind, number] = name.split(".");
  return K.say(`layer_${kind}`, { n: Number(number ?? 0) + 1 });
}

const row = (array, at) => array.data.subarray(at * array.data.length / array.shape[0], (at + 1) * array.data.length / array.shape[0]);

// ------------------------------------------------------------------------------------------------------ layers

function layersPart(K) {
  const own = { reading: "gradient_norm" };
  const box = part("layers_title", "layers_help"), table = make("table", "ex-numbers", { testid: "explore-layers" }), told = make("p", "ex-hint");
  const plot = make("div", "ex-curve", { testid: "explore-layer-curves" }), draw = chart(K, plot);
  const reading = choice("over_epochs", [], (value) => { own.reading = value; run(); }, { testid: "explore-reading" });
  box.append(table, reading.box, plot, told);
  const run = follow(K, told, async (step, here) => {
    reading.fill(READINGS.map((name) => [name, K.say(`reading_${name}`)]));
    reading.select.value = own.reading;
    const now = await K.client.ask({ kind: "layers" }, step);
    if (!here()) return;
    tabulate(K, table, now);
    const moments = spaced(K.state.values.milestones, MOMENTS), found = [];
    await Promise.all(Array.from({ length: AT_ONCE }, async (_, turn) => {
      for (let at = turn; at < moments.length && here(); at += AT_ONCE) {
        found[at] = await K.client.ask({ kind: "layers" }, moments[at].step);
        told.textContent = found.filter(Boolean).length < moments.length ? K.say("moments_working", { percent: Math.round((100 * found.filter(Boolean).length) / moments.length) }) : "";
      }
    }));
    if (here()) await curves(K, draw, now.header.layers, moments, found, own.reading);
    plot.dataset.moments = moments.length;
  });
  return box;
}

/** Some of these, evenly, the first and the last among them. */
function spaced(all, count) {
  if (all.length <= count) return all;
  return Array.from({ length: count }, (_, at) => all[Math.round((at * (all.length - 1)) / (count - 1))]);
}

function tabulate(K, table, { header, arrays }) {
  const columns = ["weight_norm", "gradient_norm", "mean", "spread", "dead"];
  const head = make("tr", "", {}, make("th", "", {}, K.say("column_layer")), make("th", "", {}, K.say("column_weights")), ...columns.map((name) => make("th", "", {}, K.say(`column_${name}`))));
  const lines = header.layers.map((name, at) => {
    const cells = columns.map((column) => {
      const value = arrays[column].data[at];
      const text = !Number.isFinite(value) ? "" : column === "dead" ? `${K.num(100 * value, 2)} %` : K.num(value);
      return make("td", column === "dead" && value > 0.2 ? "ex-worse" : "", {}, text);
    });
    return make("tr", "", { layer: name }, make("td", "", {}, layerName(K, name)), make("td", "", {}, header.weights[at].toLocaleString(K.copy.locale)), ...cells);
  });
  table.replaceChildren(make("thead", "", {}, head), make("tbody", "", {}, ...lines));
}

/** Both axes are logarithmic where they can be, since most happens early; so epoch 0 has no place on it. */
async function curves(K, draw, layers, moments, found, reading) {
  const epochs = moments.map(({ epoch }) => epoch || null), positive = reading !== "dead";
  const traces = layers.map((name, at) => ({
    type: "scatter", mode: "lines+markers", name: layerName(K, name), x: epochs,
    y: found.map((frame) => { const value = frame.arrays[reading].data[at]; return Number.isFinite(value) && (!positive || value > 0) ? value : null; }),
    line: { width: 2, color: K.colours.classes[at % K.colours.classes.length] }, marker: { size: 5, symbol: K.palette.markers[at % K.palette.markers.length] },
    hovertemplate: "%{y:.3g}",
  })).filter((trace) => trace.y.some((value) => value !== null));
  const at = K.state.values.milestones.find(({ step }) => step === K.state.values.step)?.epoch;
  const shapes = at === undefined ? [] : [{ type: "line", x0: at, x1: at, yref: "paper", y0: 0, y1: 1, line: { color: K.colours.accent, width: 1, dash: "dot" } }];
  await draw(traces, { xaxis: axis(K, K.say("axis_epoch"), { type: "log", dtick: 1 }), yaxis: axis(K, K.say(`reading_${reading}`), positive ? { type: "log", exponentformat: "power" } : { tickformat: ".0%", rangemode: "tozero" }), shapes, hovermode: "x unified" });
}

// ------------------------------------------------------------------------------------------------------- units

function unitsPart(K) {
  const own = { layer: "", unit: null };
  const box = part("units_title", "units_help"), told = make("p", "ex-hint"), grid = make("div", "ex-grid ex-tight", { testid: "explore-units" });
  const detail = make("div", "ex-unit", { testid: "explore-unit" });
  const layer = choice("column_layer", [], (value) => { Object.assign(own, { layer: value, unit: null }); run(); }, { testid: "explore-unit-layer" });
  box.append(layer.box, told, grid, detail);
  const run = follow(K, told, async (step, here) => {
    const frame = await K.client.ask({ kind: "units", layer: own.layer }, step), { items } = K.state.values;
    if (!here() || !items) return;
    const { header, arrays } = frame, shown = Array.from(arrays.unit.data);
    layer.fill(header.layers.map((name) => [name, layerName(K, name)]));
    layer.select.value = header.layer;
    if (!shown.includes(own.unit)) own.unit = shown[0];
    const weights = arrays.incoming ?? arrays.outgoing;
    told.textContent = K.say(arrays.incoming ? "units_incoming" : arrays.outgoing ? "units_outgoing" : "units_answered", { shown: shown.length, units: header.units.toLocaleString(K.copy.locale) });
    grid.replaceChildren(...shown.map((unit, at) => {
      const picture = weights ? weightTile(items, row(weights, at), kernel(weights)) : best(items, arrays, at);
      const made = make("button", "ex-card ex-one", { unit }, picture, make("small", "", {}, String(unit + 1)));
      made.type = "button";
      made.setAttribute("aria-pressed", unit === own.unit);
      made.title = K.say("unit", { unit: unit + 1 });
      made.addEventListener("click", () => { own.unit = unit; run(); });
      return made;
    }));
    grid.dataset.layer = header.layer;
    describe(K, detail, items, frame, shown.indexOf(own.unit));
  });
  return box;
}

/** The size of kernels, which are no items, or nothing. */
const kernel = (weights) => (weights.shape.length === 4 ? weights.shape.slice(1) : undefined);

/** The item that the unit answers most, among those that are here. */
function best(items, arrays, at) {
  const found = Array.from(row(arrays.top, at)).find((item) => items.row(item) !== undefined);
  return found === undefined ? make("span") : tile(items, items.x(items.row(found)));
}

function describe(K, detail, items, { arrays }, at) {
  const unit = arrays.unit.data[at], weights = arrays.incoming ?? arrays.outgoing;
  const top = Array.from(row(arrays.top, at)).map((item) => items.row(item)).filter((place) => place !== undefined);
  const cards = top.map((place) => {
    const made = make("button", "ex-card ex-one", { item: items.ids[place] }, tile(items, items.x(place)));
    made.type = "button";
    made.title = K.name(items.labels[place]);
    made.addEventListener("click", () => K.state.set({ focus: items.ids[place] }));
    return made;
  });
  const words = K.say("unit_says", { mean: K.num(arrays.mean.data[at]), spread: K.num(arrays.spread.data[at]), active: Math.round(100 * arrays.active.data[at]) });
  const picture = weights ? weightTile(items, row(weights, at), kernel(weights)) : make("span");
  picture.classList.add("ex-unit-picture");
  const bars = histogram(K, row(arrays.histogram, at), arrays.low.data[at], arrays.high.data[at]);
  detail.replaceChildren(
    make("h5", "", {}, K.say("unit", { unit: unit + 1 })), picture, make("div", "ex-unit-facts", {}, bars, make("p", "ex-hint", {}, words)),
    make("p", "ex-hint ex-row", {}, K.say("unit_top")), make("div", "ex-grid ex-tight ex-row", { testid: "explore-unit-top" }, ...cards),
  );
  detail.dataset.unit = unit;
}

/** How often the unit answers how much, as bars from its least answer to its largest. */
function histogram(K, counts, low, high) {
  const box = make("div", "ex-bars"), most = Math.max(...counts, 1);
  box.setAttribute("role", "img");
  box.setAttribute("aria-label", K.say("unit_bars", { low: K.num(low), high: K.num(high) }));
  for (const count of counts) {
    const bar = document.createElement("i");
    bar.style.height = `${count ? Math.max((100 * count) / most, 2) : 0}%`;
    box.append(bar);
  }
  return make("div", "", {}, box, make("div", "ex-between ex-hint", {}, make("span", "", {}, K.num(low)), make("span", "", {}, K.num(high))));
}

// ----------------------------------------------------------------------------------------------------- numbers

function numbersPart(K) {
  const box = part("code_title"), told = make("p", "ex-hint"), bars = make("div", "ex-dimensions", { testid: "explore-dimensions" });
  box.append(told, bars);
  follow(K, told, async (step, here) => {
    const { header, arrays } = await K.client.ask({ kind: "dimensions" }, step);
    if (!here()) return;
    const sizes = (arrays.kl ?? arrays.variance).data, used = arrays.used.data, most = Math.max(...sizes, arrays.kl ? FULL : 1e-12);
    const order = Array.from(sizes.keys()).sort((a, b) => sizes[b] - sizes[a]).slice(0, SHOWN_NUMBERS);
    told.textContent = `${K.say(`code_${header.rule}`)} ${K.say("code_used", { used: used.reduce((sum, one) => sum + one, 0), width: header.width })}`;
    bars.replaceChildren(...order.map((at) => {
      const bar = document.createElement("i");
      bar.style.width = `${(100 * sizes[at]) / most}%`;
      const size = K.say(arrays.kl ? "size_kl" : "size_variance", { size: K.num(sizes[at]) });
      return make("div", used[at] ? "" : "ex-unused", { number: at }, make("span", "", {}, `z${at + 1}`), make("span", "ex-track", {}, bar), make("span", "", {}, size), make("small", "", {}, K.say(used[at] ? "is_used" : "is_unused")));
    }));
    bars.dataset.step = step;
  });
  return box;
}

// --------------------------------------------------------------------------------------------------- landscape

function landscapePart(K) {
  const own = { wanted: false, drawn: false };
  const box = part("landscape_title", "landscape_help"), told = make("p", "ex-hint"), plot = make("div", "ex-land", { testid: "explore-landscape" });
  const draw = chart(K, plot), start = button("landscape_go", () => { own.wanted = true; run(); }, { testid: "explore-landscape-go" });
  plot.hidden = true;
  box.append(make("div", "ex-actions", {}, start), plot, told);
  const run = follow(K, told, async (step, here) => {
    if (!own.wanted) return;
    start.hidden = true;
    told.textContent = K.say("landscape_working", { percent: 0 });
    if (own.drawn && plot.dataset.step !== String(step)) await rest();
    if (!here()) return;
    own.drawn = true;
    const frame = await K.client.ask({ kind: "landscape" }, step, (share) => { if (here()) told.textContent = K.say("landscape_working", { percent: Math.round(100 * share) }); });
    if (!here()) return;
    plot.hidden = false;
    await contours(K, draw, frame);
    const [first, second] = frame.header.explained.map((share) => Math.round(100 * share));
    told.textContent = K.say("landscape_told", { first, second });
    plot.dataset.step = step;
  });
  return box;
}

/** The loss by its logarithm, since it falls by orders; a loss below 0, which a density can have, as it is. */
async function contours(K, draw, { arrays }) {
  const { loss, across, up, path, path_step: steps, path_loss: losses } = arrays;
  const width = across.data.length, logs = loss.data.every((value) => value > 0), size = logs ? Math.log10 : (value) => value;
  const cut = Math.max(...losses.data.map(size)) + (logs ? 1 : 0); // far outside it may be beyond all bounds
  const rows = Array.from(up.data.keys(), (y) => Array.from(loss.data.subarray(y * width, (y + 1) * width), (value) => Math.min(size(value), cut)));
  const numbers = (values) => Array.from(values);
  const column = (at) => Array.from(steps.data.keys(), (step) => path.data[2 * step + at]);
  const plain = (value) => (logs ? 10 ** value : value).toPrecision(3);
  const traces = [
    { type: "contour", x: numbers(across.data), y: numbers(up.data), z: rows, customdata: rows.map((line) => line.map(plain)), colorscale: "Viridis", reversescale: true, ncontours: 24, line: { width: 0.5, color: "rgba(0,0,0,.25)" }, showscale: false, hovertemplate: `${K.say("axis_loss")} %{customdata}<extra></extra>` },
    { type: "scatter", mode: "lines+markers", x: column(0), y: column(1), customdata: Array.from(steps.data.keys(), (at) => [steps.data[at], losses.data[at].toPrecision(3)]), line: { color: "#fff", width: 2 }, marker: { size: 5, color: "#fff", line: { color: "#222", width: 1 } }, showlegend: false, hovertemplate: `${K.say("landscape_step", { step: "%{customdata[0]}" })}<br>${K.say("axis_loss")} %{customdata[1]}<extra></extra>` },
    { type: "scatter", mode: "markers+text", x: [column(0)[0], 0], y: [column(1)[0], 0], text: [K.say("landscape_start"), K.say("landscape_here")], textposition: "top center", textfont: { color: "#fff", size: 12, shadow: "auto" }, marker: { size: 11, symbol: ["circle", "star"], color: ["#fff", "#ffd54a"], line: { color: "#222", width: 1 } }, showlegend: false, hoverinfo: "skip" },
  ];
  await draw(traces, { xaxis: axis(K, K.say("landscape_across"), { showgrid: false }), yaxis: axis(K, K.say("landscape_up"), { showgrid: false }) });
}
