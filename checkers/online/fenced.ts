/** Fencing while the history is made: an acknowledgement is held against the highest term that had been told when it was asked for. */
import { entry, type Growing } from '../../history/growing.ts';
import { NONE, OK, READ } from '../../history/history.ts';
import type { Semantics } from '../checker.ts';
import { termOf } from '../positions.ts';
import type { Suspecting } from './confirming.ts';

/** An acknowledgement of a term higher than all before it. */
interface Rise {
  readonly at: number;
  readonly term: number;
}

export class FencedStream implements Suspecting {
  suspects = false;
  readonly #growing: Growing;
  /** Number of the path that is judged; undefined: all are. */
  readonly #blamed: number | undefined;
  /** By group, in the order of their events: as many as there were leaders. */
  readonly #rises = new Map<number, Rise[]>();

  constructor(growing: Growing, { blame }: Semantics) {
    this.#growing = growing;
    this.#blamed = blame === undefined ? undefined : growing.paths.intern(blame);
  }

  invoked(): void {}

  completed(row: number): void {
    const { f, outcome, call, ret, path, versionGroup, versionHistory } = this.#growing.columns;
    if (f[row] === READ || outcome[row] !== OK) return;
    const group = entry(versionGroup, row, NONE);
    if (group === NONE) return;
    const term = termOf(versionHistory[row]);
    if (Number.isNaN(term)) return;
    const rises = this.#rises.get(group);
    if (rises === undefined) {
      this.#rises.set(group, [{ at: ret[row], term }]);
      return;
    }
    if (term > (rises.at(-1)?.term ?? Number.NEGATIVE_INFINITY)) rises.push({ at: ret[row], term });
    else if (this.#blamed === undefined || entry(path, row, NONE) === this.#blamed) {
      const before = rises.findLast(({ at }) => at < call[row]);
      if (before !== undefined && before.term > term) this.suspects = true;
    }
  }
}
