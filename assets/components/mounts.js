/* Mounts a module of assets/scripts that has the component's name, which `pages/_ui/components.py` fills in. A
 * component's own script is loaded from a blob, which knows no paths; so the module is named by its whole address. */

const mounted = new WeakMap();

/** Streamlit calls this at mount and again whenever data changed; other data are opened anew. */
export default function mounts({ data, parentElement }) {
  const root = parentElement.querySelector('[data-testid=NAME]'), key = JSON.stringify(data);
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
  import(new URL("/scripts/NAME.js", document.baseURI).href).then(({ mount }) => {
    if (!here.ended) here.opened = mount(root, data);
  });
  return here;
}
