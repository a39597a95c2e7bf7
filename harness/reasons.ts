/** Why operations were refused, or nobody knows what became of them, counted by short names. */

/** More different ones than this are counted together. */
const REASONS_MAX = 40;
const LENGTH_MAX = 60;
const OTHERS = 'other reasons';

/**
 * What a client said, as a name that says the same for all operations that it befell: the word before the details of a gRPC status,
 * else the text without addresses, times and long numbers.
 */
export function reasonOf(error: string | undefined): string {
  const line = (error ?? '').split('\n', 1)[0];
  const status = /^\d+ ([A-Z][A-Z_]+)(?::|$)/.exec(line)?.[1];
  if (status !== undefined) return status;
  const plain = line
    .replaceAll(/\b\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?\b|\[[0-9a-f:.]*:[0-9a-f:.]*\](?::\d+)?/gi, '…')
    .replaceAll(/\b\d+(?:\.\d+)?\s?(?:ns|µs|us|ms|s)\b|\b\d+\.\d+\b|\b\d{3,}\b/g, '…')
    .replaceAll(/[^\x20-\x7e…]/g, '?')
    .trim();
  if (plain === '') return 'no reason given';
  return plain.length > LENGTH_MAX ? `${plain.slice(0, LENGTH_MAX - 1)}…` : plain;
}

export class Reasons {
  readonly #counts = new Map<string, number>();

  add(outcome: 'refused' | 'unknown', error: string | undefined): void {
    const name = `${outcome}: ${reasonOf(error)}`;
    const known = this.#counts.has(name) || this.#counts.size < REASONS_MAX ? name : `${outcome}: ${OTHERS}`;
    this.#counts.set(known, (this.#counts.get(known) ?? 0) + 1);
  }

  counts(): Record<string, number> {
    return Object.fromEntries(this.#counts);
  }
}
