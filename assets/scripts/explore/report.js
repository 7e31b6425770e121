/* A report of one run as one page that needs nothing else: notes, settings, curve, map, reconstructions, metrics. */

import { withUnit } from "./numbers.js";
import { errorTile, tile } from "./paint.js";
import { axis, library } from "./plotly.js";

const SHOWN = 12, SCALE = 6;
const STYLE = `body{font:15px/1.55 system-ui,"Noto Sans","Noto Sans CJK SC",sans-serif;max-width:920px;margin:2rem auto;padding:0 1rem;color:#1d2433;background:#fff}
h1{font-size:1.7rem;margin:0}h2{font-size:1.15rem;margin:2rem 0 .6rem;border-bottom:1px solid #d8dce5;padding-bottom:.2rem}
.when{color:#5a6275;margin:.2rem 0 1.4rem}.notes{white-space:pre-wrap;background:#f3f5f9;border-radius:10px;padding:.8rem 1rem}
table{border-collapse:collapse;font-variant-numeric:tabular-nums}td,th{padding:.2rem .9rem .2rem 0;text-align:left;vertical-align:top;border-bottom:1px solid #edeff4}
th{font-weight:500;color:#5a6275}.settings{columns:2;column-gap:2.5rem}.settings div{display:flex;justify-content:space-between;gap:1rem;border-bottom:1px solid #edeff4;break-inside:avoid}
.settings span{color:#5a6275}small{color:#5a6275}img{max-width:100%}.items{display:flex;flex-wrap:wrap;gap:10px}.items figure{margin:0;display:flex;gap:3px}
.items img{width:64px;height:64px;object-fit:contain;image-rendering:pixelated;background:#f3f5f9;border-radius:4px}@media print{h2{break-after:avoid}}@media(max-width:640px){.settings{columns:1}}`;

/** The report's HTML. notes: what the reader wrote. figure: the map for Plotly. progress: called with 0..1. */
export async function report(K, notes, figure, progress) {
  const { step } = K.state.values, Plotly = await library();
  const [about, events] = await Promise.all([K.client.about(), K.client.events()]);
  const { header } = await K.client.ask({ kind: "numbers" }, step, (share) => progress(0.9 * share));
  const map = await Plotly.toImage({ ...figure, layout: light(K, figure.layout) }, { format: "png", width: 1000, height: 760, scale: 1.5 });
  const curve = await Plotly.toImage(losses(K, events), { format: "svg", width: 920, height: 360 });
  progress(1);
  const when = new Date((about.finished ?? about.created) * 1000).toLocaleString(K.copy.locale);
  const sections = [
    notes.trim() ? `<h2>${said(K, "report_own")}</h2><div class="notes">${safe(notes.trim())}</div>` : "",
    `<h2>${said(K, "report_settings")}</h2><div class="settings">${K.facts.map(([name, value]) => `<div><span>${safe(name)}</span><b>${safe(value)}</b></div>`).join("")}</div>`,
    events.length ? `<h2>${said(K, "report_curve")}</h2><img alt="${said(K, "report_curve")}" src="${curve}">` : "",
    `<h2>${said(K, "map")}</h2><img alt="${said(K, "map")}" src="${map}">`,
    `<h2>${said(K, "sorted_title")}</h2><div class="items">${items(K)}</div>`,
    `<h2>${said(K, "view_numbers")}</h2><p><small>${safe(K.say("numbers_help_plain", { count: header.items.toLocaleString(K.copy.locale) }))}</small></p>${metrics(K, header.metrics)}`,
  ];
  const clock = K.root.querySelector(".ex-scrub output").textContent;
  return `<!doctype html><html lang="${K.copy.locale}"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${safe(K.title)}</title><style>${STYLE}</style></head>` +
    `<body><h1>${safe(K.title)}</h1><p class="when">Latent Lab · ${safe(about.id)} · ${safe(when)} · ${safe(clock)}</p>${sections.join("\n")}</body></html>`;
}

/** Text in HTML: nothing of it is markup. */
const safe = (text) => String(text).replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`);
const said = (K, key) => safe(K.say(key));

/** A layout in dark ink on white, whatever the page looks like. */
function light(K, layout) {
  const ink = { color: "#1d2433" }, line = { gridcolor: "#e6e9f0" };
  return { ...layout, paper_bgcolor: "#fff", plot_bgcolor: "#fff", font: { ...layout.font, ...ink }, title: undefined, showlegend: K.state.values.colour === "label", margin: { l: 60, r: 20, t: 20, b: 50 }, xaxis: { ...layout.xaxis, ...line }, yaxis: { ...layout.yaxis, ...line } };
}

function losses(K, events) {
  const told = events.filter((event) => event.kind === "progress"), sides = { train: K.say("report_train"), val: K.say("report_val") };
  const data = Object.entries(sides).map(([side, name], at) => {
    const points = told.filter((event) => event[side]);
    return { type: "scatter", mode: "lines", name, x: points.map((event) => event.epoch), y: points.map((event) => event[side].loss), line: { width: 2, color: K.palette.light[at] } };
  });
  const positive = data.every(({ y }) => y.every((value) => value > 0)), ink = { colours: { hair: "#e6e9f0" } };
  const layout = { font: { color: "#1d2433" }, margin: { l: 60, r: 20, t: 10, b: 45 }, xaxis: axis(ink, K.say("axis_epoch")), yaxis: axis(ink, K.say("axis_loss"), { type: positive ? "log" : "linear" }), legend: { x: 1, xanchor: "right", y: 1 } };
  return { data, layout };
}

function items(K) {
  const { items: all, network } = K.state.values;
  if (!all || !network) return "";
  const shown = Array.from({ length: Math.min(SHOWN, all.count) }, (_, row) => {
    const x = all.x(row), back = network.reconstruct(x, all.labels[row]);
    return `<figure title="${safe(K.name(all.labels[row]))}">${[tile(all, x), tile(all, back), errorTile(all, x, back)].map(picture).join("")}</figure>`;
  });
  return shown.join("");
}

/** A canvas as a picture in the text, with its pixels as squares. */
function picture(canvas) {
  const large = document.createElement("canvas"), factor = canvas.width < 100 ? SCALE : 1;
  Object.assign(large, { width: canvas.width * factor, height: canvas.height * factor });
  const ctx = large.getContext("2d");
  ctx.imageSmoothingEnabled = false;
  ctx.drawImage(canvas, 0, 0, large.width, large.height);
  return `<img alt="" src="${large.toDataURL()}">`;
}

function metrics(K, all) {
  const lines = all.filter((metric) => metric.value !== null).map((metric) => {
    const title = K.metrics[`${metric.name}.title`] ?? metric.name, meaning = K.metrics[`${metric.name}.meaning`] ?? "";
    return `<tr><td>${safe(title)}<br><small>${safe(meaning)}</small></td><td>${safe(withUnit(K, metric, metric.value))}</td><td>${safe(withUnit(K, metric, metric.pca))}</td><td>${safe(withUnit(K, metric, metric.raw))}</td></tr>`;
  });
  const head = ["numbers_metric", "numbers_model", "numbers_pca", "numbers_raw"].map((key) => `<th>${said(K, key)}</th>`).join("");
  return `<table><thead><tr>${head}</tr></thead><tbody>${lines.join("")}</tbody></table>`;
}
