/** Logs while the history is made: every answer may show that something is wrong with what is there already. */
import type { Growing } from '../../history/growing.ts';
import { methodCode } from '../collections/elements.ts';
import type { Suspecting } from './confirming.ts';

const SEND = methodCode('send');

export class LogStream implements Suspecting {
  suspects = false;
  /** When those sends were called that nothing has come back of. */
  readonly sending = new Set<number>();
  readonly #growing: Growing;

  constructor(growing: Growing) {
    this.#growing = growing;
  }

  invoked(row: number): void {
    const { f, call } = this.#growing.columns;
    if (f[row] === SEND) this.sending.add(call[row]);
  }

  completed(row: number): void {
    this.sending.delete(this.#growing.columns.call[row]);
    this.suspects = true;
  }
}
