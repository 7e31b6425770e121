/* What is looked at now: one store, which every view reads and writes, and nobody else keeps. */

/** A store of named values. `set` changes some; those who listen hear, once a frame, which names changed. */
export function store(first) {
  const values = { ...first }, listeners = new Set(), changed = new Set();
  let waiting = 0;

  function tell() {
    waiting = 0;
    const names = new Set(changed);
    changed.clear();
    for (const { wanted, hear } of [...listeners]) if (wanted.some((name) => names.has(name))) hear(names);
  }

  return {
    values,
    set(patch) {
      for (const [name, value] of Object.entries(patch)) {
        if (Object.is(values[name], value)) continue;
        values[name] = value;
        changed.add(name);
      }
      if (changed.size && !waiting) waiting = requestAnimationFrame(tell);
    },
    /** Calls `hear(names)` after any of these changed. Gives what ends it. */
    on(wanted, hear) {
      const one = { wanted, hear };
      listeners.add(one);
      return () => listeners.delete(one);
    },
    close() {
      cancelAnimationFrame(waiting);
      listeners.clear();
    },
  };
}
