/** Gathers anomalies into a verdict: all are counted, the first ten are explained. */
import { type History, NONE } from '../../history/history.ts';
import type { Anomaly, Evidence, Verdict } from '../checker.ts';
import { legible } from '../linearizable/words.ts';

/** Its sentence with times as short as they can be told apart. */
function legibleAnomaly(anomaly: Anomaly): Anomaly {
  const sentence = legible(anomaly.sentence);
  return sentence === anomaly.sentence ? anomaly : { ...anomaly, sentence };
}

const EXPLAINED_MAX = 10;

export class Findings {
  #count = 0;
  readonly #anomalies: Anomaly[] = [];
  readonly #known = new Set<string>();

  get count(): number {
    return this.#count;
  }

  /** @param of what was violated, where several rows may tell it (`onceOf`) */
  add(explain: () => Anomaly, of?: string): void {
    if (of !== undefined) {
      if (this.#known.has(of)) return;
      this.#known.add(of);
    }
    this.#count++;
    if (this.#anomalies.length < EXPLAINED_MAX) this.#anomalies.push(legibleAnomaly(explain()));
  }

  /** Invalid if anything was found, otherwise unknown if there is a reason to doubt, otherwise valid. */
  verdict(examined: Evidence, doubt?: string): Verdict {
    const [first, ...rest] = this.#anomalies;
    if (first !== undefined) return { type: 'invalid', anomalies: [first, ...rest], count: this.#count, examined };
    return doubt === undefined ? { type: 'valid', examined } : { type: 'unknown', reason: doubt, examined };
  }
}

/** A transaction that reads a key three times finds one thing once: what names it, or undefined for a row that stands by itself. */
export function onceOf({ batch, key }: History, row: number, ...what: readonly number[]): string | undefined {
  return batch[row] === NONE ? undefined : [batch[row], key[row], ...what].join(' ');
}
