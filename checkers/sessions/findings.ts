/** Gathers anomalies into a verdict: all are counted, the first ten are explained. */
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

  get count(): number {
    return this.#count;
  }

  add(explain: () => Anomaly): void {
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
