/* Explore: one trained run, walked through. The page mounts this once; everything after that happens here and in the
 * engine, never through a rerun. `load` brings the data of a step, the views below draw it. To add a view: one line in
 * VIEWS, one file, one section of copy. */

import { bring } from "./bring.js";
import { chosen } from "./chosen.js";
import { client } from "./client.js";
import { inside } from "./inside.js";
import { load } from "./load.js";
import { map } from "./map.js";
import { numbers } from "./numbers.js";
import { paths } from "./paths.js";
import { rebuilt } from "./rebuilt.js";
import { save } from "./save.js";
import { scrubber } from "./scrubber.js";
import { store } from "./state.js";
import { theme } from "./theme.js";
import { translated } from "./translate.js";
import { walk } from "./walk.js";

const VIEWS = { walk, chosen, bring, paths, rebuilt, inside, numbers, save };

/** Opens a run in this element. data: {run, copy, palette, locale}. Gives {update(data), destroy()}. */
export function mount(root, data) {
  const first = {
    milestones: [], step: null, follows: true, status: "", trouble: "", progress: {},
    codes: null, items: null, network: null, z: null, mode: "walk", colour: "label", off: new Set(),
    selected: new Set(), focus: null, view: "walk", lattice: false, thumbs: false, holes: false, density: false, most: 10000, as: 0, by: "own", axes: [0, 1], projection: null, clusters: null, frame: 0,
  };
  const K = { root, run: data.run, state: store(first), client: client(data.run, (sentence) => translated(K.refusals, sentence)), refusals: data.refusals, ends: [], copy: data.copy, metrics: data.metrics, names: data.names, palette: data.palette, title: data.title, facts: data.facts, files: data.files };
  K.say = (key, values = {}) => (K.copy[key] ?? key).replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");
  K.num = (value, digits = 3) => (Number.isFinite(value) ? value.toLocaleString(K.copy.locale, { maximumSignificantDigits: digits }) : "–");
  K.on = (names, hear) => K.ends.push(K.state.on(names, hear));
  K.local = (name) => {
    const [, stem, number] = /^(.*?)( \d+)?$/.exec(name);
    return K.names[name] ?? (K.names[stem] ? K.names[stem] + (number ?? "") : name);
  };
  K.name = (label) => (label < 0 ? "" : K.local(K.state.values.codes?.header.label_names[label] ?? String(label)));
  K.ends.push(theme(K));
  words(K);
  scrubber(K, root.querySelector(".ex-scrub"));
  map(K, root.querySelector(".ex-map"));
  side(K, root.querySelector(".ex-side"));
  report(K);
  load(K);
  return {
    update(fresh) {
      Object.assign(K, { copy: fresh.copy, refusals: fresh.refusals, metrics: fresh.metrics, names: fresh.names, palette: fresh.palette, title: fresh.title, facts: fresh.facts });
      words(K);
      K.state.set({ frame: K.state.values.frame + 1 });
    },
    destroy() {
      for (const end of K.ends) end();
      K.client.close();
      K.state.close();
    },
  };
}

/** Puts the words of this language into the skeleton. */
function words(K) {
  for (const element of K.root.querySelectorAll("[data-t]")) element.textContent = K.say(element.dataset.t);
  for (const element of K.root.querySelectorAll("[data-t-label]")) {
    element.setAttribute("aria-label", K.say(element.dataset.tLabel));
    element.title = K.say(element.dataset.tLabel);
  }
}

/** The views beside the map: one is open, the others are built when they are opened first. */
function side(K, element) {
  const tabs = element.querySelector(".ex-tabs"), body = element.querySelector(".ex-body"), built = {};
  for (const name of Object.keys(VIEWS)) {
    const tab = Object.assign(document.createElement("button"), { type: "button", id: `ex-tab-${name}` });
    Object.assign(tab.dataset, { view: name, t: `view_${name}`, testid: `explore-tab-${name}` });
    tab.setAttribute("role", "tab");
    tab.setAttribute("aria-controls", `ex-view-${name}`);
    tab.addEventListener("click", () => K.state.set({ view: name }));
    tabs.append(tab);
  }
  tabs.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key], names = Object.keys(VIEWS);
    if (!step) return;
    const next = names[(names.indexOf(K.state.values.view) + step + names.length) % names.length];
    K.state.set({ view: next });
    tabs.querySelector(`[data-view=${next}]`).focus();
  });
  const show = () => {
    const now = K.state.values.view;
    if (!built[now]) {
      const panel = Object.assign(document.createElement("div"), { className: "ex-view", id: `ex-view-${now}` });
      panel.setAttribute("role", "tabpanel");
      panel.dataset.testid = `explore-view-${now}`;
      body.append(panel);
      built[now] = panel;
      VIEWS[now](K, panel);
      words(K);
    }
    for (const [name, panel] of Object.entries(built)) panel.hidden = name !== now;
    for (const tab of tabs.children) {
      tab.setAttribute("aria-selected", tab.dataset.view === now);
      tab.tabIndex = tab.dataset.view === now ? 0 : -1;
    }
    K.root.dataset.view = now;
  };
  words(K);
  K.on(["view"], show);
  show();
}

/** What tests and people who cannot see read off the root, and the sentence where something went wrong. */
function report(K) {
  const note = K.root.querySelector(".ex-note");
  K.on(["step", "status", "codes", "trouble", "selected", "progress"], () => {
    const { step, status, codes, trouble, selected, progress } = K.state.values;
    Object.assign(K.root.dataset, {
      run: K.run, step: step ?? "", status, ready: codes?.header.step === step && step !== null, selected: selected.size,
    });
    const working = Object.entries(progress).find(([, share]) => share < 1);
    note.hidden = !trouble && !working;
    note.classList.toggle("ex-bad", Boolean(trouble));
    note.textContent = trouble || (working ? K.say(`working_${working[0]}`, { percent: Math.round(100 * working[1]) }) : "");
  });
}
