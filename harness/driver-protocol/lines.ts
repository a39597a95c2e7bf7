/** Cuts what a program writes into lines; a line without end is not waited for. */
import { isUtf8 } from 'node:buffer';
import { Nonsense, start } from './words.ts';

/** Longer answers are none. */
export const LINE_BYTES_MAX = 8 * 1024 * 1024;

export class LineReader {
  #parts: Buffer[] = [];
  #held = 0;

  /** The lines that end in this chunk. @throws Nonsense: a line is too long, or not UTF-8, and nothing more can be read */
  push(chunk: Buffer): readonly string[] {
    const lines: string[] = [];
    let from = 0;
    for (;;) {
      const end = chunk.indexOf(10, from);
      const piece = chunk.subarray(from, end < 0 ? chunk.length : end);
      this.#held += piece.length;
      if (this.#held > LINE_BYTES_MAX) {
        this.#parts = [];
        throw new Nonsense(`the driver wrote a line of more than ${LINE_BYTES_MAX >> 20} MiB`);
      }
      if (piece.length > 0) this.#parts.push(piece);
      if (end < 0) return lines;
      lines.push(textOf(this.#parts.length === 1 ? this.#parts[0] : Buffer.concat(this.#parts)));
      this.#parts = [];
      this.#held = 0;
      from = end + 1;
    }
  }
}

/** Bytes that are no UTF-8 would be taken for a value that nobody wrote. */
function textOf(line: Buffer): string {
  const text = line.toString('utf8');
  if (!isUtf8(line)) throw new Nonsense(`the driver wrote a line that is not UTF-8: ${start(text)}`);
  return text;
}
