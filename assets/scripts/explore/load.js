/* Brings what belongs to the step that is looked at: codes, network, and once for all the items. */

import { network } from "./network.js";

const LOOK = 1000; // ms between two looks for new milestones of a run that trains
const METHODS = { tsne: { method: "tsne" }, umap: { method: "umap" }, space: { method: "pca", dimensions: 3 }, axes: { method: "axes" } };
const MOVES = new Set(["queued", "running"]);

/** Follows the run's milestones, and fetches whatever the chosen one needs. */
export function load(K) {
  const { state } = K;
  const troubles = new Map(); // by what could not be had; what comes after all takes its own away
  let timer = 0, closed = false;

  async function look() {
    try {
      const told = await K.client.milestones();
      if (closed) return;
      const { follows, step } = state.values, last = told.milestones.at(-1)?.step ?? null;
      const known = JSON.stringify(told.milestones) === JSON.stringify(state.values.milestones);
      const there = told.milestones.some((kept) => kept.step === step);
      state.set({
        status: told.status,
        ...(known ? {} : { milestones: told.milestones }),
        ...(follows || !there ? { step: last } : {}),
      });
      tell("model", last === null && !MOVES.has(told.status) ? K.say("no_model") : "");
      tell("milestones", "");
      if (MOVES.has(told.status) || told.status === "paused") timer = setTimeout(look, LOOK);
    } catch (error) {
      complain("milestones", error);
      if (!closed) timer = setTimeout(look, 3 * LOOK);
    }
  }

  function tell(name, sentence) {
    troubles.delete(name);
    if (sentence) troubles.set(name, sentence);
    state.set({ trouble: troubles.values().next().value ?? "" });
  }

  function complain(name, error) {
    if (error.name !== "AbortError" && !closed) tell(name, error.message);
  }

  /** Puts an answer under this name, unless another step was chosen meanwhile. */
  async function bring(name, question, make = (frame) => frame) {
    const { step } = state.values;
    const progress = (share) => state.set({ progress: { ...state.values.progress, [name]: share } });
    try {
      const found = make(await K.client.ask(question, step, progress));
      if (!closed && step === state.values.step) state.set({ [name]: found });
      if (!closed) tell(name, "");
    } catch (error) {
      complain(name, error);
      progress(1); // nobody works on it any more
    }
  }

  K.on(["step"], () => {
    const { step, items } = state.values;
    if (step === null) return;
    bringCodes();
    bring("network", { kind: "program" }, (frame) => classed(K, network(frame)));
    if (!items) bringItems();
  });

  const bringCodes = () => bring("codes", { kind: "codes", most: state.values.most });
  K.on(["most"], bringCodes);

  /** Other places for the same items, and groups among them: only when somebody wants them. */
  K.on(["step", "by", "axes"], () => {
    const { step, by, axes } = state.values;
    if (step === null) return;
    if (by === "own") return state.set({ projection: null });
    bring("projection", { kind: "projection", ...METHODS[by], ...(by === "axes" ? { chosen: axes } : {}) });
  });
  K.on(["step", "colour"], () => {
    if (state.values.step !== null && state.values.colour === "cluster") bring("clusters", { kind: "clusters" });
  });

  /** Items are the same at every step, so they are asked of the first one. */
  async function bringItems() {
    try {
      const frame = await K.client.ask({ kind: "items" }, state.values.milestones[0].step);
      if (!closed) state.set({ items: unpack(frame) });
    } catch (error) {
      complain("items", error);
    }
  }

  K.ends.push(() => { closed = true; clearTimeout(timer); });
  look();
}

/** A conditional network draws as the class that is chosen, wherever a view does not say another. */
function classed(K, made) {
  if (!made.classes) return made;
  const now = (label) => (label >= 0 ? label : K.state.values.as);
  return {
    ...made,
    encode: (x, label) => made.encode(x, now(label)),
    decode: (z, label, into) => made.decode(z, now(label), into),
    reconstruct: (x, label, into) => made.reconstruct(x, now(label), into),
  };
}

/** Items as numbers: {about, count, x(row), row(item)}. Pictures come as whole levels of grey. */
function unpack({ header, arrays }) {
  const [count, features] = arrays.x.shape;
  const places = new Map(Array.from(arrays.item.data, (item, row) => [item, row]));
  const { form, shape, scaling, feature_names: names, columns } = header;
  const about = { form, shape, scaling, features: names, columns, shift: arrays.shift.data, scale: arrays.scale.data };
  return {
    about,
    count,
    features,
    ids: arrays.item.data,
    labels: arrays.label.data,
    x(row) {
      const raw = arrays.x.data.subarray(row * features, (row + 1) * features);
      return header.levels ? Float32Array.from(raw, (value) => value / header.levels) : raw;
    },
    row: (item) => places.get(item),
  };
}
