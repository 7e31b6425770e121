/* Save: the run as files for other programs, the map as a figure, and everything in one report with notes. */

import { button, keep, make, part } from "./parts.js";
import { library } from "./plotly.js";
import { report } from "./report.js";

const FIGURES = ["png", "svg", "html"];
const SIZE = { width: 1000, height: 760 };

/** The view in this panel. */
export function save(K, panel) {
  panel.append(reportPart(K), figuresPart(K), filesPart(K));
}

/** Does something that takes a while: the button waits, the sentence tells how far it is or why it cannot be. */
async function busy(K, pressed, told, act) {
  pressed.disabled = true;
  told.textContent = K.say("save_working", { percent: 0 });
  try {
    await act((share) => { told.textContent = K.say("save_working", { percent: Math.round(100 * share) }); });
    told.textContent = "";
  } catch (error) {
    if (error.name !== "AbortError") told.textContent = error.message;
  } finally {
    pressed.disabled = false;
  }
}

// ------------------------------------------------------------------------------------------------------- files

function filesPart(K) {
  const box = part("files_title", "files_help");
  for (const name of K.files) box.append(line(K, name, `file_${name.replace(".", "_")}`, (progress) => fetchFile(K, name, progress)));
  return box;
}

/** A name, what it is, and the button that saves it. */
function line(K, name, words, act) {
  const told = make("small", "ex-file-told");
  const go = button("save_go", () => busy(K, go, told, act), { file: name, testid: `explore-save-${name}` });
  go.setAttribute("aria-label", name);
  return make("div", "ex-save", {}, make("b", "", {}, name), make("small", "ex-hint", { t: words }), told, go);
}

async function fetchFile(K, name, progress) {
  const { step } = K.state.values;
  const { header, arrays } = await K.client.ask({ kind: "take_away", file: name }, step, progress);
  keep(`${K.run}-${step}-${name}`, arrays.bytes.data, header.media);
}

// ----------------------------------------------------------------------------------------------------- figures

function figuresPart(K) {
  const box = part("figures_title", "figures_help"), told = make("small", "ex-file-told"), actions = make("div", "ex-actions");
  for (const kind of FIGURES) {
    const go = Object.assign(button("", () => busy(K, go, told, () => saveFigure(K, kind)), { testid: `explore-figure-${kind}` }), { textContent: kind.toUpperCase() });
    delete go.dataset.t;
    actions.append(go);
  }
  box.append(actions, told);
  return box;
}

/** The map as it is drawn now, on a ground of its own. */
export async function mapFigure(K) {
  const plot = K.root.querySelector(".ex-plotly");
  if (!plot?.data) throw new Error(K.say("no_map"));
  return { data: plot.data, layout: { ...plot.layout, ...SIZE, paper_bgcolor: K.colours.ground, title: { text: K.title, font: { size: 15 } }, margin: { l: 60, r: 20, t: 50, b: 50 } } };
}

async function saveFigure(K, kind) {
  const figure = await mapFigure(K), Plotly = await library(), name = `${K.run}-map.${kind}`;
  if (kind === "html") return keep(name, await page(K, figure), "text/html");
  const address = await Plotly.toImage(figure, { format: kind, ...SIZE, scale: kind === "png" ? 2 : 1 });
  keep(name, await (await fetch(address)).blob(), kind === "png" ? "image/png" : "image/svg+xml");
}

/** A page that draws the figure by itself, Plotly and all, to zoom and to hover without a network. */
async function page(K, figure) {
  const answer = await fetch("/scripts/plotly.js");
  if (!answer.ok) throw new Error(answer.statusText);
  const script = await answer.text();
  const drawn = JSON.stringify({ data: figure.data, layout: { ...figure.layout, width: undefined, height: undefined } }, (_, value) => (ArrayBuffer.isView(value) ? Array.from(value) : value)).replaceAll("<", "\\u003c");
  return `<!doctype html><html lang="${K.copy.locale}"><meta charset="utf-8"><title>${K.run}</title><style>html,body,#map{height:100%;margin:0}</style>` +
    `<div id="map"></div><script>${script}</script><script>const figure = ${drawn}; Plotly.newPlot("map", figure.data, figure.layout, {responsive: true, scrollZoom: true});</script></html>`;
}

// ------------------------------------------------------------------------------------------------------ report

function reportPart(K) {
  const box = part("report_title", "report_help"), told = make("small", "ex-file-told");
  const notes = Object.assign(make("textarea", "ex-notes", { testid: "explore-notes" }), { rows: 5, maxLength: 10_000 });
  const words = () => { notes.placeholder = K.say("report_notes"); notes.setAttribute("aria-label", K.say("report_notes")); };
  const key = `latent-lab-notes-${K.run}`;
  notes.value = sessionStorage.getItem(key) ?? "";
  notes.addEventListener("input", () => sessionStorage.setItem(key, notes.value)); // a reload loses nothing
  const go = button("report_go", () => busy(K, go, told, async (progress) => {
    keep(`${K.run}-report.html`, await report(K, notes.value, await mapFigure(K), progress), "text/html");
  }), { testid: "explore-report" });
  box.append(notes, make("div", "ex-actions", {}, go), told);
  K.on(["frame"], words);
  words();
  return box;
}
