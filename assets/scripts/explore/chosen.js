/* Chosen: who lives in the part of the map that was selected. */

import { tile } from "./paint.js";
import { button, keep } from "./parts.js";
import { classColour } from "./theme.js";

const MOST = 60; // items shown, the worst reconstructed first

/** The view in this panel. */
export function chosen(K, panel) {
  const { state } = K;
  const hint = Object.assign(document.createElement("p"), { className: "ex-hint" });
  const bar = Object.assign(document.createElement("div"), { className: "ex-actions" });
  const counts = Object.assign(document.createElement("div"), { className: "ex-counts" });
  const grid = Object.assign(document.createElement("div"), { className: "ex-grid" });
  const clear = button("clear", () => state.set({ selected: new Set() })), save = button("save_csv", () => download(K));
  bar.append(save, clear);
  panel.append(hint, counts, bar, grid);

  function show() {
    const { selected, codes, items, network } = state.values;
    const ready = Boolean(codes && items && network), rows = ready ? members(codes, selected) : [];
    hint.textContent = K.say(selected.size ? "chosen" : "hint_chosen", { count: selected.size.toLocaleString(K.copy.locale), error: K.num(mean(rows.map((row) => row.error))) });
    bar.hidden = !selected.size;
    tally(K, counts, rows);
    grid.replaceChildren(...rows.slice(0, MOST).map((row) => card(K, row, items, network)));
    panel.dataset.items = rows.map((row) => row.item).join(",");
  }

  K.on(["selected", "codes", "items", "network", "frame", "view"], () => { if (state.values.view === "chosen") show(); });
  show();
}

const mean = (values) => values.reduce((sum, value) => sum + value, 0) / Math.max(values.length, 1);

/** The selected items by name, the worst reconstructed first. */
function members(codes, selected) {
  const { item, label, error, is_val: aside } = codes.arrays, found = [];
  item.data.forEach((name, at) => { if (selected.has(name)) found.push({ at, item: name, label: label.data[at], error: error.data[at], aside: aside.data[at] }); });
  return found.sort((a, b) => b.error - a.error);
}

/** How many of each class. */
function tally(K, element, rows) {
  const found = new Map();
  for (const { label } of rows) found.set(label, (found.get(label) ?? 0) + 1);
  const most = Math.max(...found.values(), 1), lines = [...found].filter(([label]) => label >= 0).sort((a, b) => b[1] - a[1]);
  element.replaceChildren(...lines.map(([label, count]) => {
    const line = document.createElement("div"), name = document.createElement("span"), bar = document.createElement("i"), number = document.createElement("b");
    name.textContent = K.name(label);
    number.textContent = count.toLocaleString(K.copy.locale);
    bar.style.width = `${(100 * count) / most}%`;
    bar.style.background = classColour(K, label);
    line.append(name, bar, number);
    return line;
  }));
}

/** An item beside its reconstruction; a click walks there. */
function card(K, row, items, network) {
  const made = Object.assign(document.createElement("button"), { type: "button", className: "ex-card" });
  const place = items.row(row.item), text = document.createElement("small");
  text.textContent = `${K.name(row.label)} · ${K.num(row.error, 2)}`;
  made.title = K.say("tip", { item: row.item, label: K.name(row.label), error: K.num(row.error) });
  if (place !== undefined) {
    const x = items.x(place);
    made.append(tile(items, x), tile(items, network.reconstruct(x, items.labels[place])));
  }
  made.append(text);
  made.addEventListener("click", () => K.state.set({ focus: row.item, view: "walk" }));
  return made;
}

/** The selection as a table: a file that is made here. */
function download(K) {
  const { selected, codes } = K.state.values, width = codes.arrays.place.shape[1], place = codes.arrays.place.data;
  const axis = codes.header.axes === "pca" ? "pc" : "z";
  const head = ["item", "split", "label", "error", ...Array.from({ length: width }, (_, at) => `${axis}${at + 1}`)];
  const lines = members(codes, selected).map((row) => [row.item, row.aside ? "val" : "train", cell(K.name(row.label)), row.error, ...place.slice(row.at * width, (row.at + 1) * width)]);
  keep(`${K.run}-selection.csv`, [head, ...lines].map((line) => line.join(",")).join("\n") + "\n", "text/csv");
}

/** Text for a table: quoted, and never a formula. */
function cell(text) {
  const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
