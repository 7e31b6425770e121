/* Runs as they are now: opens their live stream, one socket for all of them, and keeps what has come. */

import { decode } from "./frame.js";

const SETTLED = new Set(["finished", "stopped", "failed", "diverged", "interrupted"]);

/** The stream's address, below the path that Streamlit is served from (its own script tells). */
function address(runs) {
  const script = document.querySelector('script[src*="static/js/"]');
  const base = script ? new URL(script.src).pathname.split("/static/js/")[0] : "";
  const url = new URL(`${base}/live/many?runs=${runs.map(encodeURIComponent).join(",")}`, location.href);
  url.protocol = url.protocol.replace("http", "ws");
  return url.href;
}

/** Watches runs by their ids: {runs: LiveRun by id, end()}. onNews(run) is called after each frame. A stream that was
 * lost is opened again, each time a little later. */
export function watch(ids, onNews) {
  const runs = new Map(ids.map((id) => [id, new LiveRun(id)]));
  let socket, timer, tries = 0, ended = false;
  const connect = () => {
    socket = new WebSocket(address(ids));
    socket.binaryType = "arraybuffer";
    socket.onmessage = ({ data }) => {
      tries = 0;
      if (typeof data === "string") { const run = runs.get(JSON.parse(data).missing); if (run) { run.missing = true; onNews(run); } return; }
      const frame = decode(data), run = runs.get(frame.header.run);
      if (run) { run.take(frame); onNews(run); }
    };
    socket.onclose = () => { if (!ended) timer = setTimeout(connect, Math.min(8000, 300 * 2 ** tries++) * (0.8 + 0.4 * Math.random())); };
  };
  connect();
  return { runs, end() { ended = true; clearTimeout(timer); socket.close(1000); } };
}

/** One run. head: the newest header. meta: what never changes. arrays: items, codes, pictures. curve: its columns by
 * name, growing lists. */
class LiveRun {
  constructor(id) { Object.assign(this, { id, head: null, meta: null, arrays: {}, curve: {}, rows: 0, missing: false }); }

  get status() { return this.missing ? "missing" : (this.head?.status ?? "queued"); }

  get settled() { return this.missing || SETTLED.has(this.status); }

  /** The newest finite value of a column, or null. */
  last(name) {
    const column = this.curve[name] ?? [];
    for (let i = column.length - 1; i >= 0; i--) if (Number.isFinite(column[i])) return column[i];
    return null;
  }

  /** Takes a frame in. */
  take({ header, arrays }) {
    this.head = header;
    if (header.meta) this.meta = header.meta;
    const rows = arrays["curve.step"]?.data.length ?? 0, from = Math.min(header.curve_from ?? this.rows, this.rows);
    if (rows || header.full) this.#append(arrays, header.full ? 0 : from, rows);
    for (const [name, value] of Object.entries(arrays)) if (!name.startsWith("curve.")) this.arrays[name] = value;
  }

  #append(arrays, from, rows) {
    const came = Object.keys(arrays).filter((name) => name.startsWith("curve.")).map((name) => name.slice(6));
    for (const name of new Set([...Object.keys(this.curve), ...came])) {
      const column = (this.curve[name] ??= new Array(from).fill(NaN));
      column.length = from;
      const data = arrays[`curve.${name}`]?.data;
      for (let i = 0; i < rows; i++) column.push(data ? data[i] : NaN);
    }
    this.rows = from + rows;
  }
}
