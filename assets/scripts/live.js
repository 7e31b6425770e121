/* One run as it is now: opens its live stream, and keeps what has come. */

import { decode } from "./frame.js";

const SETTLED = new Set(["finished", "stopped", "failed", "diverged", "interrupted"]);
const UNKNOWN_RUN = 4404;

/** The stream's address, below the path that Streamlit is served from (its own script tells). */
function address(run) {
  const script = document.querySelector('script[src*="static/js/"]');
  const base = script ? new URL(script.src).pathname.split("/static/js/")[0] : "";
  const url = new URL(`${base}/live/${run}`, location.href);
  url.protocol = url.protocol.replace("http", "ws");
  return url.href;
}

/** A run that is watched. head: the newest header. meta: what never changes. arrays: items, codes, pictures. curve: its
 * columns by name, growing lists. onNews: called after each frame. */
export class LiveRun {
  constructor(run, onNews) {
    Object.assign(this, { run, onNews, head: null, meta: null, arrays: {}, curve: {}, rows: 0, tries: 0, ended: false });
    this.#connect();
  }

  get status() { return this.missing ? "missing" : (this.head?.status ?? "queued"); }

  get settled() { return SETTLED.has(this.status); }

  /** The newest finite value of a column, or null. */
  last(name) {
    const column = this.curve[name] ?? [];
    for (let i = column.length - 1; i >= 0; i--) if (Number.isFinite(column[i])) return column[i];
    return null;
  }

  /** Lets go of the stream. */
  end() {
    this.ended = true;
    clearTimeout(this.timer);
    this.socket?.close(1000);
  }

  #connect() {
    const socket = (this.socket = new WebSocket(address(this.run)));
    socket.binaryType = "arraybuffer";
    socket.onmessage = ({ data }) => { this.tries = 0; this.#take(decode(data)); this.onNews(this); };
    socket.onclose = ({ code }) => {
      if (this.ended) return;
      this.missing = code === UNKNOWN_RUN;
      if (this.missing) this.onNews(this);
      else this.timer = setTimeout(() => this.#connect(), Math.min(8000, 300 * 2 ** this.tries++) * (0.8 + 0.4 * Math.random()));
    };
  }

  #take({ header, arrays }) {
    this.head = header;
    if (header.meta) this.meta = header.meta;
    const rows = arrays["curve.step"]?.data.length ?? 0, from = header.full ? 0 : Math.min(header.curve_from ?? this.rows, this.rows);
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
