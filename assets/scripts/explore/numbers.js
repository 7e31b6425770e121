/* Numbers: every metric of the model beside PCA with as many numbers, and beside the raw items. */

import { make, rest } from "./parts.js";

/** The view in this panel. Metrics are dear, so they are asked for only while somebody looks. */
export function numbers(K, panel) {
  const { state } = K, told = make("p", "ex-hint"), tables = make("div", "ex-view");
  let asked = false;
  panel.append(told, tables);

  async function show() {
    const { step, view } = state.values;
    if (view !== "numbers" || step === null) return;
    const progress = (share) => { if (state.values.step === step) told.textContent = K.say("numbers_working", { percent: Math.round(100 * share) }); };
    progress(0);
    if (asked && panel.dataset.step !== String(step)) await rest();
    if (step !== state.values.step || state.values.view !== "numbers") return;
    asked = true;
    try {
      const { header } = await K.client.ask({ kind: "numbers" }, step, progress);
      if (step !== state.values.step) return;
      told.textContent = K.say("numbers_help", { count: header.items.toLocaleString(K.copy.locale) });
      tables.replaceChildren(...table(K, header.metrics), missing(K, header.metrics));
      panel.dataset.step = step;
    } catch (error) {
      if (error.name !== "AbortError") told.textContent = error.message;
    }
  }

  K.on(["step", "view", "frame"], show);
  show();
}

function table(K, metrics) {
  const known = metrics.filter((metric) => metric.value !== null), families = [...new Set(known.map((metric) => metric.family))];
  return families.map((family) => {
    const head = make("tr", "", {}, make("th", "", {}, K.say(`family_${family}`)), ...["model", "pca", "raw"].map((column) => make("th", "", {}, K.say(`numbers_${column}`))));
    const rows = known.filter((metric) => metric.family === family).map((metric) => row(K, metric));
    return make("table", "ex-numbers", {}, make("thead", "", {}, head), make("tbody", "", {}, ...rows));
  });
}

function row(K, metric) {
  const title = K.metrics[`${metric.name}.title`] ?? metric.name, meaning = K.metrics[`${metric.name}.meaning`] ?? "";
  const values = [metric.value, metric.pca, metric.raw], best = winner(values, metric.direction);
  const cells = values.map((value, at) => make("td", at === best ? "ex-better" : "", {}, withUnit(K, metric, value)));
  return make("tr", "", { metric: metric.name }, make("td", "", {}, title, make("small", "", {}, meaning)), ...cells);
}

/** A metric's value as people read it, or nothing where there is none. */
export function withUnit(K, { unit }, value) {
  if (value === null || value === undefined) return "";
  return unit ? `${K.num(value)} ${K.metrics[`unit.${unit.replaceAll(" ", "_")}`] ?? unit}` : K.num(value);
}

/** The place of the best of these, or -1 where there is nothing to compare. */
function winner(values, direction) {
  const there = values.filter((value) => Number.isFinite(value));
  if (there.length < 2 || direction === "none" || there.every((value) => value === there[0])) return -1;
  return values.indexOf((direction === "higher" ? Math.max : Math.min)(...there));
}

function missing(K, metrics) {
  const box = make("details", "ex-hint", {}, make("summary", "", {}, K.say("numbers_missing")));
  for (const { name, lacks, value } of metrics) {
    if (value === null) box.append(make("p", "", {}, `${K.metrics[`${name}.title`] ?? name}: ${lacks.map((need) => K.metrics[need] ?? need).join(", ")}`));
  }
  return box;
}
