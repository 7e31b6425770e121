/* Questions about a run, put to the engine through the server. An answer is a frame; the same question is asked once. */

import { decode } from "../frame.js";

/** Someone who asks about one run. `ask` gives the answer's frame; a refusal is an Error whose message is for people, in
 *  the words that `said` makes of the library's. */
export function client(run, said = (sentence) => sentence) {
  const known = new Map(), ended = new AbortController();
  const understood = (answer) => answer.catch((error) => { throw error.name === "AbortError" ? error : Object.assign(error, { message: said(error.message) }); });

  /** question: {kind, ...}; step: of a milestone; progress: called with 0..1 while it is worked on. */
  function ask(question, step, progress = () => {}) {
    const key = JSON.stringify([question, step]);
    if (!known.has(key)) {
      const answer = understood(fetchAnswer(run, question, step, progress, ended.signal));
      known.set(key, answer);
      answer.catch(() => known.delete(key)); // what failed may be asked again
    }
    return known.get(key);
  }

  return {
    ask,
    milestones: () => understood(told(`/api/runs/${run}/milestones`, { signal: ended.signal })),
    about: () => understood(told(`/api/runs/${run}`, { signal: ended.signal })),
    events: () => understood(eventsOf(run, ended.signal)),
    close: () => ended.abort(),
  };
}

async function fetchAnswer(run, question, step, progress, signal) {
  const body = JSON.stringify({ ...question, step });
  const headers = { "content-type": "application/json" };
  let answer = await fetch(`/api/runs/${run}/probes`, { method: "POST", headers, body, signal });
  while (answer.status === 202) {
    const { id, progress: share } = await answer.json();
    progress(share);
    answer = await fetch(`/api/runs/${run}/probes/${id}`, { signal, cache: "no-store" });
  }
  if (!answer.ok) throw new Error(await reason(answer));
  progress(1);
  return decode(await answer.arrayBuffer());
}

/** All that has happened in a run, in order. */
async function eventsOf(run, signal) {
  const found = [];
  for (;;) {
    const more = await told(`/api/runs/${run}/events?after=${found.at(-1)?.seq ?? 0}`, { signal });
    if (!more.length) return found;
    found.push(...more);
  }
}

async function told(address, options) {
  const answer = await fetch(address, options);
  if (!answer.ok) throw new Error(await reason(answer));
  return answer.json();
}

async function reason(answer) {
  try {
    return (await answer.json()).error ?? answer.statusText;
  } catch {
    return answer.statusText; // a proxy's page, not ours
  }
}
