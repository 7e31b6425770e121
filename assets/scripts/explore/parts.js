/* Pieces of the page that several views are made of. All text comes from the copy. */

/** An element: make("p", "ex-hint", {testid}, children). */
export function make(tag, className = "", data = {}, ...children) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  Object.assign(made.dataset, data);
  made.append(...children);
  return made;
}

/** A button with the words of that key. */
export function button(key, act, data = {}) {
  const made = make("button", "ex-button", { t: key, ...data });
  made.type = "button";
  made.addEventListener("click", act);
  return made;
}

/** A heading and a sentence over a part of a view. */
export function part(title, help = "") {
  const made = make("section", "ex-part", {}, make("h4", "", { t: title }));
  if (help) made.append(make("p", "ex-hint", { t: help }));
  return made;
}

/** A choice among values, each with its words. */
export function choice(label, options, act, data = {}) {
  const select = make("select", "", data), box = make("label", "ex-field", {}, make("span", "", { t: label }), select);
  const fill = (list) => {
    select.replaceChildren(...list.map(([value, text]) => Object.assign(document.createElement("option"), { value, textContent: text })));
  };
  fill(options);
  select.addEventListener("change", () => act(select.value));
  return { box, select, fill };
}

/** A slider with its value beside it. show: number -> text. */
export function lever(label, { min, max, step, value }, act, data = {}, show = (number) => String(number)) {
  const input = Object.assign(make("input", "", data), { type: "range", min, max, step, value }), output = document.createElement("output");
  output.textContent = show(value);
  input.addEventListener("input", () => { output.textContent = show(Number(input.value)); act(Number(input.value)); });
  const box = make("label", "ex-field", {}, make("span", "", { t: label }), input, output);
  return { box, input };
}

/** Random numbers from 0 to 1 from a seed (Marsaglia's xorshift, 2003), so that a picture can be made again. */
export function chance(seed) {
  let state = (seed * 2654435761 + 1) >>> 0 || 1;
  return () => {
    state ^= state << 13; state >>>= 0;
    state ^= state >>> 17;
    state ^= state << 5; state >>>= 0;
    return state / 4294967296;
  };
}

/** Normal numbers from uniform ones (Box and Muller, 1958). */
export const normal = (random) => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());

/** Squared distance of two rows. */
export function apart(a, b) {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] - b[i]) ** 2;
  return sum;
}

/** The rows of `rows` nearest to x, as [row, distance], the nearest first. at: row -> numbers. */
export function nearestRows(rows, at, x, count) {
  return rows.map((row) => [row, Math.sqrt(apart(at(row), x))]).sort((a, b) => a[1] - b[1]).slice(0, count);
}

/** Gives the reader a file that was made here. */
export function keep(name, data, media) {
  const link = Object.assign(document.createElement("a"), { download: name, href: URL.createObjectURL(new Blob([data], { type: media })) });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

/** What is dear is asked for only where the slider of epochs comes to rest. */
export const rest = () => new Promise((done) => setTimeout(done, 600));
