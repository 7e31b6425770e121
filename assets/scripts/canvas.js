/* What every picture needs: a sharp canvas, and Streamlit's colours as values. */

/** Clears a canvas of that size in CSS pixels, sharp at the device's; its context, or null where it has no room. */
export function sized(canvas, w, h) {
  if (w < 4 || h < 4) return null;
  const ratio = Math.min(window.devicePixelRatio || 1, 2), W = Math.round(w * ratio), H = Math.round(h * ratio);
  if (canvas.width !== W || canvas.height !== H) Object.assign(canvas, { width: W, height: H });
  canvas.style.height = `${h}px`;
  const ctx = canvas.getContext("2d");
  ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
  ctx.clearRect(0, 0, w, h);
  return ctx;
}

/** The theme's colours now. palette: the ten class colours, light and dark. key: changes when any of them does. */
export function theme(root, palette) {
  const style = getComputedStyle(root), get = (name, other) => style.getPropertyValue(`--st-${name}`).trim() || other;
  const ground = get("background-color", "#ffffff"), text = get("text-color", "#1d2433"), dark = brightness(ground) < 128;
  return {
    key: `${ground}|${text}`, ground, text, dark, classes: palette[dark ? "dark" : "light"],
    faint: `color-mix(in srgb, ${text} 60%, ${ground})`, hair: `color-mix(in srgb, ${text} 14%, ${ground})`,
    train: dark ? "#3d9be0" : "#0072b2", val: dark ? "#f58a3c" : "#d55e00", font: get("font", "system-ui, sans-serif"),
  };
}

const scratch = Object.assign(document.createElement("canvas"), { width: 1, height: 1 }).getContext("2d", { willReadFrequently: true });

/** 0 (black) to 255 (white) of any CSS colour. */
export function brightness(colour) {
  scratch.fillStyle = colour;
  scratch.fillRect(0, 0, 1, 1);
  const [r, g, b] = scratch.getImageData(0, 0, 1, 1).data;
  return 0.3 * r + 0.59 * g + 0.11 * b;
}
