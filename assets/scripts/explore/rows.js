/* Codes of the items at full width, worked out in the browser by the run's own network, a few at a time. */

const MOST = 2000; // items
const BREATH = 12; // ms of work between two breaths of the page

/** Full codes of the first items: {count, z(row)}. They are made once for each network. */
export function fullCodes(K) {
  const { network, items } = K.state.values;
  if (K.full?.network !== network) K.full = { network, codes: collect(K, network, items) };
  return K.full.codes;
}

async function collect(K, network, items) {
  const count = Math.min(items.count, MOST), width = network.width, all = new Float32Array(count * width);
  let clock = performance.now();
  for (let row = 0; row < count; row++) {
    all.set(network.encode(items.x(row), items.labels[row]).z, row * width);
    if (performance.now() - clock > BREATH) {
      await new Promise((done) => setTimeout(done));
      clock = performance.now();
    }
  }
  return { count, z: (row) => all.subarray(row * width, (row + 1) * width) };
}
