/* The latent map: where every item lies in the code. Plotly draws it; a grip on top of it is the place that the
 * decoder speaks from. Items are named by their row in the dataset, never by their position in a chart. */

import { drawGrid } from "./backdrop.js";
import { grip } from "./grip.js";
import { show as paint } from "./paint.js";
import { button, choice, make } from "./parts.js";
import { library } from "./plotly.js";
import { classColour } from "./theme.js";

const MODES = ["walk", "lasso", "select", "pan"];
const MOST = 100_000; // items that the map can show
const LARGE = 4000; // points above which they are drawn smaller

/** The map, its tools and its legend, in this element. */
export function map(K, element) {
  const { state } = K;
  const place = element.querySelector(".ex-plot"), plot = document.createElement("div");
  plot.className = "ex-plotly";
  place.prepend(plot);
  const M = { K, plot, place, Plotly: null, drawn: null };
  tools(K, element);
  legend(K, element.querySelector(".ex-legend"));
  more(K, element.querySelector(".ex-more"));
  const tip = hover(K, place);
  grip(M, place);
  library().then((Plotly) => { M.Plotly = Plotly; draw(M, tip); }, (error) => state.set({ trouble: error.message }));
  K.on(["codes", "colour", "off", "selected", "mode", "frame", "lattice", "projection", "clusters"], () => draw(M, tip));
  K.on(["lattice", "holes", "density", "off", "thumbs", "network", "codes", "items", "frame"], () => drawGrid(M));
  const sizes = new ResizeObserver(() => M.Plotly && M.drawn && M.Plotly.Plots.resize(plot));
  sizes.observe(place);
  K.ends.push(() => { sizes.disconnect(); if (M.Plotly && M.drawn) M.Plotly.purge(plot); });
}

// ------------------------------------------------------------------------------------------------ what is drawn

/** Codes as they are to be drawn: of a projection where one is chosen, else as the network gives them. */
export function shown(K) {
  const { codes, projection } = K.state.values;
  return projection && projection.header.step === codes?.header.step ? projection : codes;
}

async function draw(M, tip) {
  const { K, plot, Plotly } = M, codes = shown(K);
  if (!Plotly || !codes) return;
  const figure = { traces: traces(K, codes), layout: layout(K, codes) };
  const config = { displaylogo: false, responsive: false, scrollZoom: true, displayModeBar: false, doubleClick: "reset" };
  M.busy = true; // what Plotly tells while it draws anew is not what a person did
  await Plotly.react(plot, figure.traces, figure.layout, config);
  M.busy = false;
  if (!M.drawn) {
    plot.on("plotly_selected", (event) => event && !M.busy && pick(K, event.points));
    plot.on("plotly_deselect", () => !M.busy && K.state.set({ selected: new Set() }));
    plot.on("plotly_hover", (event) => tip.show(event));
    plot.on("plotly_unhover", () => tip.hide());
    plot.on("plotly_click", (event) => K.state.set({ focus: itemOf(event.points[0]) }));
    plot.on("plotly_relayout", () => { M.moved?.(); drawGrid(M); });
  }
  M.drawn = codes;
  K.root.dataset.points = codes.arrays.item.data.length;
  K.root.dataset.drawn = codes.header.step;
  M.moved?.();
  drawGrid(M);
}

const itemOf = (point) => point.customdata;

/** A selection names items, so that it means the same at every epoch and in every view. */
function pick(K, points) {
  const selected = new Set(points.map(itemOf));
  K.state.set({ selected, ...(selected.size ? { view: "chosen" } : {}) });
}

/** One trace a class, or one for all where colour tells a number. */
function traces(K, codes) {
  const { colour, off, selected } = K.state.values, { arrays } = codes;
  const labels = arrays.label.data, rows = Array.from(labels.keys());
  if (colour !== "label") return [trace(K, codes, rows, measured(K, codes, colour))];
  const names = [...new Set(labels)].sort((a, b) => a - b);
  const ordered = [...names.filter((name) => off.has(name)), ...names.filter((name) => !off.has(name))]; // grey ones below
  return ordered.map((label) => {
    const own = rows.filter((row) => labels[row] === label);
    const grey = off.has(label);
    const marker = { color: grey ? K.colours.grey : label < 0 ? K.colours.accent : classColour(K, label), symbol: K.palette.markers[((label % 10) + 10) % 10] };
    return trace(K, codes, own, { marker, grey, name: K.name(label) });
  }).map((one) => ({ ...one, selectedpoints: selected.size ? chosenPoints(one, selected) : null }));
}

const chosenPoints = (trace, selected) => trace.customdata.flatMap((item, at) => (selected.has(item) ? [at] : []));

function trace(K, codes, rows, { marker, grey = false, name = "" }) {
  const { place, item } = codes.arrays, width = place.shape[1], count = item.data.length;
  const column = (at) => Float32Array.from(rows, (row) => (at < width ? place.data[row * width + at] : lane(K, codes, row)));
  const above = K.state.values.lattice, faint = above ? 0.75 : 0.85; // pictures behind can be seen, and points on them
  const size = width === 3 ? 3 : count > LARGE || (above && K.root.clientWidth < 500) ? 5 : 7;
  return {
    type: width === 3 ? "scatter3d" : "scattergl", mode: "markers", name, hoverinfo: "none",
    x: column(0), y: column(1), ...(width === 3 ? { z: column(2) } : {}),
    customdata: rows.map((row) => item.data[row]),
    marker: { size, opacity: grey ? 0.5 : faint, line: { width: above ? 0.6 : 0, color: K.colours.ground }, ...marker },
    unselected: { marker: { opacity: 0.12 } },
  };
}

/** A code of one number has no second axis: each class has a lane, in which items are spread a little. */
function lane(K, codes, row) {
  const label = codes.arrays.label.data[row], spread = ((codes.arrays.item.data[row] * 2654435761) >>> 0) / 4294967296;
  return Math.max(label, 0) + 0.7 * (spread - 0.5);
}

/** Colour by a number of each item: its error, its cluster, one of its features. */
function measured(K, codes, colour) {
  const { arrays } = codes, { items, clusters } = K.state.values;
  let values = arrays.error.data;
  if (colour === "colour" && arrays.colour) values = arrays.colour.data;
  if (colour === "split") values = arrays.is_val.data;
  if (colour === "cluster" && clusters) {
    const group = new Map(Array.from(clusters.arrays.item.data, (item, at) => [item, clusters.arrays.cluster.data[at]]));
    values = Int16Array.from(arrays.item.data, (item) => group.get(item) ?? 0);
  }
  if (colour.startsWith("feature:") && items) {
    const feature = Number(colour.slice(8));
    values = Float32Array.from(arrays.item.data, (item) => items.x(items.row(item) ?? 0)[feature]);
  }
  const bar = { thickness: 8, outlinewidth: 0, tickfont: { color: K.colours.faint }, title: { text: K.say(`colour_${colour.split(":")[0]}`), side: "right", font: { size: 11 } } };
  if (colour === "cluster") return { marker: { color: Array.from(values, (value) => classColour(K, value)) } };
  if (colour === "split") return { marker: { color: Array.from(values, (value) => classColour(K, value ? 3 : 0)) } };
  return { marker: { color: Array.from(values), colorscale: K.colours.ramp, reversescale: false, showscale: true, colorbar: bar, cmin: low(values), cmax: high(values) } };
}

/** Ends of the colours: without the last hundredth at each end, so that one odd item does not take them all. */
const low = (values) => quantile(values, 0.01);
const high = (values) => quantile(values, 0.99);

function quantile(values, share) {
  const sorted = Float32Array.from(values).sort();
  return sorted[Math.round(share * (sorted.length - 1))];
}

function layout(K, codes) {
  const { colours } = K, { mode } = K.state.values, width = codes.arrays.place.shape[1];
  const axis = (at) => ({
    title: { text: axisName(K, codes, at), font: { size: 12, color: colours.faint }, standoff: 6 },
    gridcolor: colours.hair, zeroline: true, zerolinecolor: colours.hair, linecolor: colours.hair,
    tickfont: { color: colours.faint, size: 11 }, automargin: true,
  });
  const base = {
    autosize: true, margin: { l: 44, r: 8, t: 6, b: 38 }, showlegend: false, hovermode: "closest", dragmode: mode === "walk" ? "pan" : mode,
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", font: { family: colours.font, color: colours.text, size: 12 },
    uirevision: `${codes.header.kind}|${codes.header.method ?? ""}|${width}`, selectionrevision: K.state.values.selected.size > 0,
  };
  if (width === 3) {
    const scene = (at) => ({ ...axis(at), title: { text: axisName(K, codes, at) }, backgroundcolor: "rgba(0,0,0,0)" });
    return { ...base, dragmode: "orbit", margin: { l: 0, r: 0, t: 0, b: 0 }, scene: { xaxis: scene(0), yaxis: scene(1), zaxis: scene(2), bgcolor: "rgba(0,0,0,0)" } };
  }
  const lanes = width === 1 ? { showticklabels: false, showgrid: false, zeroline: false, title: { text: "" } } : {};
  return { ...base, xaxis: axis(0), yaxis: { ...axis(1), ...lanes } };
}

function axisName(K, codes, at) {
  const { axes, explained = [], method } = codes.header;
  const share = explained[at] === undefined ? "" : K.say("of_variance", { percent: K.num(100 * explained[at], 2) });
  if (method && method !== "pca" && method !== "axes") return `${method === "tsne" ? "t-SNE" : "UMAP"} ${at + 1}`;
  return axes === "pca" || method === "pca" ? `${K.say("component", { number: at + 1 })} ${share}` : `z${(codes.header.chosen?.[at] ?? at) + 1}`;
}

// ------------------------------------------------------------------------------------------------------- tools

function tools(K, element) {
  const { state } = K, modes = element.querySelector(".ex-modes"), colour = element.querySelector(".ex-colour");
  for (const mode of MODES) {
    const button = Object.assign(document.createElement("button"), { type: "button" });
    Object.assign(button.dataset, { mode, t: `mode_${mode}`, testid: `explore-mode-${mode}` });
    button.addEventListener("click", () => state.set({ mode }));
    modes.append(button);
  }
  for (const name of ["lattice", "thumbs", "density", "holes"]) {
    const box = element.querySelector(`[data-switch=${name}]`);
    box.addEventListener("click", () => state.set({ [name]: !state.values[name] }));
    K.on([name], () => box.setAttribute("aria-pressed", state.values[name]));
    box.setAttribute("aria-pressed", "false");
  }
  colour.addEventListener("change", () => state.set({ colour: colour.value }));
  const fill = () => {
    const { codes, items } = state.values;
    if (!codes) return;
    const labelled = codes.header.label_names.length > 0;
    const names = [...(labelled ? ["label"] : []), "error", "split", ...(codes.arrays.colour ? ["colour"] : []), "cluster"];
    const features = items && items.about.form !== "image" ? items.about.features.slice(0, 40).map((name, i) => [`feature:${i}`, K.local(name)]) : [];
    const options = [...names.map((name) => [name, K.say(`colour_${name}`)]), ...features];
    if (colour.dataset.options === JSON.stringify(options)) return;
    colour.dataset.options = JSON.stringify(options);
    colour.replaceChildren(...options.map(([value, text]) => Object.assign(document.createElement("option"), { value, textContent: text })));
    if (!options.some(([value]) => value === state.values.colour)) state.set({ colour: options[0][0] });
    colour.value = state.values.colour;
  };
  K.on(["codes", "items", "frame"], fill);
  projections(K, element.querySelector(".ex-project"));
  K.on(["mode", "codes"], () => {
    const plane = state.values.codes?.arrays.place.shape[1] !== 3;
    for (const button of modes.children) { button.setAttribute("aria-pressed", button.dataset.mode === state.values.mode); button.disabled = !plane; }
    element.dataset.mode = plane ? state.values.mode : "pan";
  });
  element.dataset.mode = "walk";
  for (const button of modes.children) button.setAttribute("aria-pressed", button.dataset.mode === "walk");
}

/** How a code is laid out: as it is, or by one of the projections; two of its own numbers where it is wide. */
function projections(K, element) {
  const { state } = K, by = choice("by", [], (value) => state.set({ by: value }), { testid: "explore-by" }), warning = make("small", "ex-warning");
  const pair = [0, 1].map((at) => {
    const select = choice(`axis_${at}`, [], (value) => state.set({ axes: state.values.axes.map((old, other) => (other === at ? Number(value) : old)) }), { testid: `explore-axis-${at}` });
    select.box.hidden = true;
    return select;
  });
  element.append(by.box, ...pair.map(({ box }) => box), warning);
  const fill = () => {
    const { codes, by: now, axes, projection } = state.values, width = codes?.header.width ?? 0;
    const names = ["own", "tsne", "umap", ...(width > 3 ? ["space", "axes"] : [])];
    by.fill(names.map((name) => [name, K.say(name === "own" && width > 3 ? "by_pca" : `by_${name}`)]));
    by.select.value = now;
    for (const [at, { box, select, fill: put }] of pair.entries()) {
      box.hidden = now !== "axes";
      put(Array.from({ length: Math.min(width, 256) }, (_, number) => [number, `z${number + 1}`]));
      select.value = axes[at];
    }
    warning.textContent = projection?.header.warns ? K.say("warn_distances") : "";
  };
  K.on(["codes", "by", "axes", "projection", "frame"], fill);
}

/** The classes as switches: one that is off turns grey and stays where it is. */
function legend(K, element) {
  const { state } = K;
  const toggle = (label, alone) => {
    const labels = [...new Set(state.values.codes.arrays.label.data)], off = new Set(state.values.off);
    if (alone) { const others = labels.filter((name) => name !== label), only = others.every((name) => off.has(name)); off.clear(); if (!only) others.forEach((name) => off.add(name)); }
    else off.has(label) ? off.delete(label) : off.add(label);
    state.set({ off });
  };
  K.on(["codes", "off", "colour", "frame"], () => {
    const { codes, off, colour } = state.values;
    if (!codes) return;
    const labels = [...new Set(codes.arrays.label.data)].filter((label) => label >= 0).sort((a, b) => a - b);
    element.hidden = colour !== "label" || !labels.length;
    element.replaceChildren(...labels.map((label) => {
      const chip = Object.assign(document.createElement("button"), { type: "button", className: "ex-chip", title: K.say("legend_help") });
      chip.setAttribute("aria-pressed", !off.has(label));
      chip.style.setProperty("--tone", classColour(K, label));
      chip.append(Object.assign(document.createElement("i")), K.name(label));
      chip.addEventListener("click", (event) => toggle(label, event.altKey || event.detail === 2));
      return chip;
    }));
  });
}

/** How many of the items are on the map, where it is not all of them, and the button that brings the others. */
function more(K, element) {
  const show = () => {
    const { codes, most } = K.state.values, shown = codes?.arrays.item.data.length ?? 0, all = codes?.header.items ?? 0;
    element.hidden = shown >= all;
    if (element.hidden) return;
    const number = (value) => value.toLocaleString(K.copy.locale), go = button("", () => K.state.set({ most: MOST }), { testid: "explore-more" });
    delete go.dataset.t;
    go.textContent = K.say("show_all", { items: number(Math.min(all, MOST)) });
    go.disabled = most >= MOST;
    element.replaceChildren(`${K.say("some_shown", { shown: number(shown), all: number(all) })} `, go);
  };
  K.on(["codes", "most", "frame"], show);
}

/** The item under the pointer, as a picture with its name, label and error. */
function hover(K, place) {
  const tip = Object.assign(document.createElement("div"), { className: "ex-tip", hidden: true });
  const canvas = document.createElement("canvas"), words = document.createElement("span");
  tip.append(canvas, words);
  place.append(tip);
  return {
    show({ points: [point], event }) {
      const { items, codes } = K.state.values, item = itemOf(point), row = items?.row(item);
      const at = codes.arrays.item.data.indexOf(item), label = codes.arrays.label.data[at];
      canvas.hidden = row === undefined;
      if (row !== undefined) paint(canvas, items, items.x(row));
      words.textContent = K.say("tip", { item, label: K.name(label), error: K.num(codes.arrays.error.data[at]) });
      const box = place.getBoundingClientRect();
      tip.style.left = `${Math.min((event?.clientX ?? box.left) - box.left + 14, box.width - 130)}px`;
      tip.style.top = `${Math.max((event?.clientY ?? box.top) - box.top - 60, 4)}px`;
      tip.hidden = false;
    },
    hide() { tip.hidden = true; },
  };
}
