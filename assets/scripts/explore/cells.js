/* A table's row as people read it: numbers in the file's own units, yes or no and categories by name. */

import { make } from "./parts.js";

/** The cells of one item beside those that the decoder makes: {box, show(items, made, x)}; x may be missing. */
export function cells(K) {
  const box = make("table", "ex-numbers ex-cells", { testid: "explore-cells" });
  box.hidden = true;
  const show = (items, made, x) => {
    const { about } = items;
    box.hidden = !about.columns?.length; // an answer kept from before has none
    if (box.hidden) return;
    const titles = ["cells_column", ...(x ? ["cells_item"] : []), "cells_made"];
    const head = make("tr", "", {}, ...titles.map((key) => make("th", "", {}, K.say(key))));
    const lines = about.columns.map((column) => {
      const told = [...(x ? [read(K, about, column, x, false)] : []), read(K, about, column, made, true)];
      return make("tr", "", {}, make("td", "", {}, K.local(column.name)), ...told.map((text) => make("td", "", {}, text)));
    });
    box.replaceChildren(make("thead", "", {}, head), make("tbody", "", {}, ...lines));
  };
  return { box, show };
}

/** A cell from the features that it became. sure: whether to say how likely a name is. */
function read(K, { shift, scale }, { kind, categories, start }, values, sure) {
  if (kind === "number") return K.num(values[start] * scale[start] + shift[start]);
  const shares = kind === "binary" ? [1 - values[start], values[start]] : Array.from(values.subarray(start, start + categories.length));
  const best = shares.indexOf(Math.max(...shares)), name = K.local(categories[best]);
  return sure ? K.say("cells_sure", { name, share: Math.round(100 * Math.min(Math.max(shares[best], 0), 1)) }) : name;
}
