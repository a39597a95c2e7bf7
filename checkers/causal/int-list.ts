/** A list of 32-bit integers that grows. */
export class IntList {
  items: Int32Array;
  length = 0;

  constructor(room = 64) {
    this.items = new Int32Array(room);
  }

  push(item: number): void {
    if (this.length === this.items.length) {
      const wider = new Int32Array(this.items.length * 2);
      wider.set(this.items);
      this.items = wider;
    }
    this.items[this.length++] = item;
  }

  push3(a: number, b: number, c: number): void {
    if (this.length + 3 > this.items.length) {
      const wider = new Int32Array(this.items.length * 2 + 3);
      wider.set(this.items);
      this.items = wider;
    }
    this.items[this.length] = a;
    this.items[this.length + 1] = b;
    this.items[this.length + 2] = c;
    this.length += 3;
  }

  at(index: number): number {
    return this.items[index];
  }
}
