/* The binary message of ae_core/frames.py, as typed arrays. */

const KINDS = { f4: Float32Array, f8: Float64Array, u1: Uint8Array, i1: Int8Array, i2: Int16Array, i4: Int32Array };

/** One frame: {header, arrays: {name: {data, shape}}}. Arrays are views of the buffer, except half floats. */
export function decode(buffer) {
  const length = new DataView(buffer).getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length)));
  const arrays = {};
  for (const { name, dtype, shape, offset } of header.arrays) {
    const count = shape.reduce((a, b) => a * b, 1), start = 4 + length + offset;
    arrays[name] = { shape, data: dtype === "f2" ? halves(buffer, start, count) : new KINDS[dtype](buffer, start, count) };
  }
  delete header.arrays;
  return { header, arrays };
}

/** Half floats as Float32Array: not every browser knows them. */
function halves(buffer, start, count) {
  return Float32Array.from(new Uint16Array(buffer, start, count), (half) => {
    const sign = half & 0x8000 ? -1 : 1, exponent = (half >> 10) & 31, part = half & 1023;
    if (exponent === 31) return part ? NaN : sign * Infinity;
    return sign * (exponent ? 2 ** (exponent - 15) * (1 + part / 1024) : 2 ** -14 * (part / 1024));
  });
}
