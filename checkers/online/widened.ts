/** A longer copy of an array, long enough for an index and twice as long as before at least; what is new is 0. */
export function widened<T extends Int32Array | Uint8Array>(old: T, index: number): T;
export function widened(old: Int32Array | Uint8Array, index: number): Int32Array | Uint8Array {
  const length = Math.max(old.length * 2, index + 1);
  const longer = old instanceof Uint8Array ? new Uint8Array(length) : new Int32Array(length);
  longer.set(old);
  return longer;
}
