/** What waits for a node: first come, first served. Parallel arrays, so that an item costs no object. */
export class Inbox {
  #kinds: number[] = [];
  #numbers: number[] = [];
  #refs: unknown[] = [];
  #head = 0;

  /** The item that `shift` took out last. */
  kind = 0;
  number = 0;
  ref: unknown = undefined;

  get length(): number {
    return this.#kinds.length - this.#head;
  }

  push(kind: number, number: number, ref: unknown): void {
    this.#kinds.push(kind);
    this.#numbers.push(number);
    this.#refs.push(ref);
  }

  /** Takes the oldest item out into the fields above; there must be one. */
  shift(): void {
    const head = this.#head++;
    this.kind = this.#kinds[head];
    this.number = this.#numbers[head];
    this.ref = this.#refs[head];
    this.#refs[head] = undefined;
    // Taken items are cleared away when they are most of what there is: a constant cost per item.
    if (this.#head * 2 > this.#kinds.length + 32) {
      this.#kinds.splice(0, this.#head);
      this.#numbers.splice(0, this.#head);
      this.#refs.splice(0, this.#head);
      this.#head = 0;
    }
  }

  /** Empties it, and returns what items of this kind referred to. */
  clear(kind: number): unknown[] {
    const refs = this.#refs.filter((_, i) => i >= this.#head && this.#kinds[i] === kind);
    this.#kinds = [];
    this.#numbers = [];
    this.#refs = [];
    this.#head = 0;
    return refs;
  }
}
