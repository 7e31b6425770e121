/* Mounts assets/scripts/sidebyside.js. A component's own script is loaded from a blob, which knows no paths; so the module
 * is named by its whole address. */

const mounted = new WeakMap();

/** Streamlit calls this at mount and again whenever data changed; other runs are opened anew. */
export default function sidebyside({ data, parentElement }) {
  const root = parentElement.querySelector(".sb"), key = JSON.stringify([data.runs, data.language]);
  let here = mounted.get(parentElement);
  if (here && (here.root !== root || here.key !== key)) { here.end(); here = null; }
  if (!here) { here = open(root, key, data); mounted.set(parentElement, here); }
  const turn = (here.turn = (here.turn ?? 0) + 1);
  // Streamlit also runs the clean-up of a call that was overtaken: only the newest may end it.
  return () => { if (here.turn === turn) { here.end(); mounted.delete(parentElement); } };
}

function open(root, key, data) {
  const here = { root, key, opened: null, ended: false };
  here.end = () => { here.ended = true; here.opened?.destroy(); };
  import(new URL("/scripts/sidebyside.js", document.baseURI).href).then(({ mount }) => {
    if (!here.ended) here.opened = mount(root, data);
  });
  return here;
}
