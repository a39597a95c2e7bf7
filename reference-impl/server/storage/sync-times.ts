const KEPT = 100;

/** How long syncs take: the last one, and the slowest of the last hundred. */
export class SyncTimes {
  count = 0;
  readonly #last: number[] = [];

  add(durationMs: number): void {
    this.#last[this.count++ % KEPT] = durationMs;
  }

  get figures(): { readonly last: number; readonly highest: number } {
    const last = this.count === 0 ? 0 : this.#last[(this.count - 1) % KEPT];
    return { last, highest: Math.max(0, ...this.#last) };
  }
}
