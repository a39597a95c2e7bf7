/** What drivers write to stderr, kept in the run's folder: a file for each client that says something, none without end. */
import { appendFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';

const BYTES_MAX = 1024 * 1024;

/** What it is given has no secret in it any more: a run's folder is handed on. */
export class DriverLog {
  readonly #folder: string | undefined;
  readonly #written = new Map<string, number>();

  /** Without a folder nothing is kept. */
  constructor(folder: string | undefined) {
    this.#folder = folder;
  }

  /** `name` of a client: all its processes, one after another, write to one file. */
  of(name: string): (text: string) => void {
    const folder = this.#folder;
    if (folder === undefined) return () => undefined;
    const file = join(folder, `${name.replace(/[^\w.+-]+/g, '_').slice(0, 100)}.log`);
    return (text) => {
      const chunk = Buffer.from(text);
      const before = this.#written.get(file) ?? 0;
      if (before >= BYTES_MAX) return;
      if (before === 0) mkdirSync(folder, { recursive: true });
      this.#written.set(file, before + chunk.length);
      appendFileSync(file, chunk.subarray(0, BYTES_MAX - before));
      if (before + chunk.length >= BYTES_MAX) appendFileSync(file, '\n… and more, which was not kept\n');
    };
  }
}
