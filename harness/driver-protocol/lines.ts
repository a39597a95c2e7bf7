/** Cuts what a program writes into lines; a line without end is not waited for. */

/** Longer answers are none. */
export const LINE_BYTES_MAX = 8 * 1024 * 1024;

export class LineReader {
  #parts: Buffer[] = [];
  #held = 0;

  /** The lines that end in this chunk; undefined: one is too long, and nothing more can be read. */
  push(chunk: Buffer): readonly string[] | undefined {
    const lines: string[] = [];
    let from = 0;
    for (;;) {
      const end = chunk.indexOf(10, from);
      const piece = chunk.subarray(from, end < 0 ? chunk.length : end);
      this.#held += piece.length;
      if (this.#held > LINE_BYTES_MAX) {
        this.#parts = [];
        return undefined;
      }
      if (piece.length > 0) this.#parts.push(piece);
      if (end < 0) return lines;
      lines.push(
        this.#parts.length === 1 ? this.#parts[0].toString('utf8') : Buffer.concat(this.#parts).toString('utf8'),
      );
      this.#parts = [];
      this.#held = 0;
      from = end + 1;
    }
  }
}
