/* Plotly, which draws the charts of this page. */

let plotly = null;

/** Plotly's script, loaded once for the whole page. */
export function library() {
  plotly ??= new Promise((done, fail) => {
    const script = Object.assign(document.createElement("script"), { src: "/scripts/plotly.js" });
    script.onload = () => done(window.Plotly);
    script.onerror = () => { plotly = null; fail(new Error("Plotly could not be loaded. Reload the page.")); };
    document.head.append(script);
  });
  return plotly;
}

/** A chart in this element that follows its size and leaves with the page: draw(traces, layout). A later call while the
 *  library loads replaces an earlier one. */
export function chart(K, element) {
  let wanted = 0, drawn = false;
  const sizes = new ResizeObserver(() => drawn && element.clientWidth && window.Plotly.Plots.resize(element));
  sizes.observe(element);
  K.ends.push(() => { sizes.disconnect(); if (drawn) window.Plotly.purge(element); });
  return async (traces, layout) => {
    const mine = ++wanted, Plotly = await library();
    if (mine !== wanted || !element.isConnected) return;
    await Plotly.react(element, traces, { ...common(K), ...layout }, { displaylogo: false, displayModeBar: false, responsive: false });
    drawn = true;
  };
}

/** What all charts of this page have in common. */
function common(K) {
  return {
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", margin: { l: 52, r: 8, t: 8, b: 38 },
    font: { family: K.colours.font, color: K.colours.text, size: 12 }, hovermode: "closest",
    legend: { orientation: "h", y: -0.24, font: { size: 11 } },
  };
}

/** An axis in the page's colours. */
export const axis = (K, title, more = {}) => ({ title: { text: title, font: { size: 12 } }, gridcolor: K.colours.hair, zeroline: false, automargin: true, ...more });
