/**
 * Finds the highest rate that holds: doubles until one does not, then halves the gap between the highest that held and the
 * lowest that did not, as ratios. A rate that did not hold is tried again, and the majority of three decides: one bad second
 * of the machine is not the store's. Rates that hold are not tried twice here; the one found is measured again at the end.
 */
export interface Climb {
  readonly held: number | undefined;
  readonly failed: number | undefined;
  /** Why `failed` did not hold, as was said of it last; empty where none did. */
  readonly why: string;
}

/** The gap that ends the search: within 5 %. */
const NEAR = 1.05;
/** However it goes, no more measurements than these. */
const PROBES_MAX = 40;

/** Yields the rate to be tried next and is told why it did not hold: undefined, it did. */
export function* climb(from: number, most: number): Generator<number, Climb, string | undefined> {
  let held: number | undefined;
  let failed: number | undefined;
  let why = '';
  let probes = 0;
  let next = Math.min(from, most);
  while (probes < PROBES_MAX) {
    let votes = 0;
    let holds: boolean | undefined;
    let last = '';
    for (let against = 0; holds === undefined; ) {
      probes++;
      const wrong = yield next;
      if (wrong === undefined) votes++;
      else {
        against++;
        last = wrong;
      }
      if (against === 0 || votes === 2) holds = true;
      else if (against === 2) holds = false;
    }
    if (holds) held = next;
    else [failed, why] = [next, last];
    if (failed === undefined) {
      if (next >= most) break;
      next = Math.min(most, next * 2);
    } else if (held === undefined) {
      if (next <= 1) break;
      next = Math.max(1, Math.floor(next / 2));
    } else {
      if (failed / held <= NEAR || failed - held <= 1) break;
      next = Math.round(Math.sqrt(failed * held));
      if (next <= held || next >= failed) break;
    }
  }
  return { held, failed, why };
}
