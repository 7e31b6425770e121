/* Mounts assets/scripts/explore/main.js, which this only finds and hands the data on to. A component's own script is
 * loaded from a blob, which knows no paths; so the module is named by its whole address. */

const mounted = new WeakMap();

/** Streamlit calls this at mount and again whenever data changed; another run is opened anew. */
export default function explore({ data, parentElement }) {
  const root = parentElement.querySelector(".ex");
  let here = mounted.get(parentElement);
  if (here && (here.root !== root || here.run !== data.run)) { here.end(); here = null; }
  if (here) here.data = data;
  else { here = open(root, data); mounted.set(parentElement, here); }
  here.opened?.update(data);
  const turn = (here.turn = (here.turn ?? 0) + 1);
  // Streamlit also runs the clean-up of a call that was overtaken: only the newest may end it.
  return () => { if (here.turn === turn) { here.end(); mounted.delete(parentElement); } };
}

function open(root, data) {
  const here = { root, run: data.run, data, opened: null, ended: false };
  here.end = () => { here.ended = true; here.opened?.destroy(); };
  for (const element of root.querySelectorAll(".ex-tabs, .ex-body, .ex-modes, .ex-legend, .ex-plot, .ex-project")) element.replaceChildren();
  ahead("/scripts/plotly.js");
  import(new URL("/scripts/explore/main.js", document.baseURI).href).then(({ mount }) => {
    if (!here.ended) here.opened = mount(root, here.data);
  });
  return here;
}

/** Has a large script on its way while the modules that will ask for it are still found. */
function ahead(path) {
  const href = new URL(path, document.baseURI).href;
  if (document.head.querySelector(`link[href="${href}"]`)) return;
  document.head.append(Object.assign(document.createElement("link"), { rel: "preload", as: "script", href }));
}
