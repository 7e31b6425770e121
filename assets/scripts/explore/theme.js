/* Streamlit's colours as values, followed while they change. */

import { brightness } from "../canvas.js";

/** Keeps K.colours up to date. Gives what ends it. */
export function theme(K) {
  const read = () => {
    const style = getComputedStyle(K.root), get = (name, otherwise) => style.getPropertyValue(`--st-${name}`).trim() || otherwise;
    const ground = get("background-color", "#ffffff"), text = get("text-color", "#1d2433");
    const dark = brightness(ground) < 128;
    const key = [ground, text, get("primary-color", ""), get("font", "")].join();
    if (K.colours?.key === key) return;
    K.colours = {
      key, ground, text, dark, accent: get("primary-color", "#2563eb"), font: get("font", "system-ui, sans-serif"),
      faint: `color-mix(in srgb, ${text} 66%, ${ground})`,
      hair: dark ? "rgba(255,255,255,0.12)" : "rgba(20,30,50,0.10)",
      grey: dark ? "rgba(160,166,180,0.28)" : "rgba(120,126,140,0.26)",
      classes: K.palette[dark ? "dark" : "light"],
      ramp: "Viridis",
    };
    K.root.classList.toggle("ex-dark", dark);
    K.state.set({ frame: K.state.values.frame + 1 });
  };
  read();
  const timer = setInterval(read, 700); // Streamlit tells nobody that its theme changed
  return () => clearInterval(timer);
}

/** The colour of a class. */
export const classColour = (K, label) => K.colours.classes[((label % 10) + 10) % 10];
