/**
 * Failed cas that do not say what the register held: each denies that it held `expected` throughout. Zones do not capture
 * that, so these are judged by rules that are sound, and the rest is left to the search.
 */
import { NEVER, NONE } from '../../history/history.ts';
import type { History } from '../../history/history.ts';
import type { Clusters, Findings } from './clusters.ts';
import { DENIES, reference } from './register.ts';
import type { RegisterReading } from './register.ts';
import type { Survey } from './survey.ts';

/** Per key, 1 where a denial may matter and no rule decides. */
export function judgeDenials(
  history: History,
  reading: RegisterReading,
  survey: Survey,
  clusters: Clusters,
  findings: Findings,
): Uint8Array {
  const { length, key, call, ret, expected } = history;
  const open = new Uint8Array(history.keys.length);
  for (let row = 0; row < length; row++) {
    if (survey.deeds[row] !== DENIES || clusters.repeated[key[row]] === 1) continue;
    const k = key[row];
    const c = clusters.of(k, reference(reading, expected[row]));
    // Nothing wrote the value, or only later: it did not hold it when it was asked.
    if (c === NONE || (c < length && call[c] > call[row])) continue;
    // Whoever wrote it need not have, and nobody found it: a cas that expected it would have made its own value found.
    if (c < length && clusters.first[c] === NEVER && survey.swaps === 0) continue;
    if (clusters.first[c] < call[row] && ret[row] < clusters.last[c]) {
      findings.add({ type: 'refused in the midst', key: k, row, cluster: c });
    } else {
      open[k] = 1;
    }
  }
  return open;
}
