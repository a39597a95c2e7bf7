/**
 * Versions are what a store says of itself. A store whose versions contradict its own answers is not judged by them alone: the
 * contradiction is an anomaly, so that a lying server does not pass.
 */
import { CAS, type History, NONE, OK, READ } from '../../history/history.ts';
import type { Anomaly } from '../checker.ts';
import { placeText, termOf, versionsOf } from '../positions.ts';
import type { Registers } from './registers.ts';
import { answer, key, value, when } from './words.ts';

export interface FalseClaim {
  readonly type:
    | 'one version, two writes'
    | 'version of another write'
    | 'two versions, one write'
    | 'order against real time';
  /** The write that held the version first, and the row that contradicts it. */
  readonly rows: readonly [number, number];
}

/** All contradictions: those found while reads were placed, and versions of one term that fall though time goes on. */
export function falseClaims(registers: Registers, events: Int32Array): readonly FalseClaim[] {
  return [...registers.falseClaims, ...ordersAgainstTime(registers, events)];
}

/**
 * Within one term, a write to a key that began after another was acknowledged must have the higher place. Across terms that is not
 * so: a deposed leader may go on acknowledging what will be undone, and that is for `fenced` and `durable` to say.
 */
function ordersAgainstTime(registers: Registers, events: Int32Array): FalseClaim[] {
  const { history, versions } = registers;
  const claims: FalseClaim[] = [];
  if (!registers.isVersioned) return claims;
  /** For each key the acknowledged write of the highest place so far, in the highest term so far. */
  const highest = new Int32Array(history.keys.length).fill(NONE);
  /** The same for each key and every other term, of which there are few: a deposed leader's. */
  const others = new Map<string, number>();
  const idOf = (row: number): string => `${history.key[row]} ${versions.group[row]} ${versions.history[row]}`;
  const { f, outcome, versionGroup, versionHistory, versionAt } = history;
  for (let position = 0; position < events.length; position++) {
    const event = events[position];
    const row = event >> 1;
    if (event === NONE || f[row] === READ || f[row] > CAS || outcome[row] !== OK || versionGroup[row] === NONE)
      continue;
    const key = history.key[row];
    const best = highest[key];
    if (
      best !== NONE &&
      versionHistory[best] === versionHistory[row] &&
      versionGroup[best] === versionGroup[row] &&
      versionAt[best] < versionAt[row]
    ) {
      // As it is nearly always.
      if ((event & 1) === 1) highest[key] = row;
      continue;
    }
    const isOfBest = best !== NONE && versions.history[best] === versions.history[row];
    const rival = isOfBest || best === NONE ? best : (others.get(idOf(row)) ?? NONE);
    const isHigher = rival === NONE || registers.compare(row, rival) > 0;
    if ((event & 1) === 0) {
      if (rival !== NONE && registers.compare(row, rival) < 0) {
        claims.push({ type: 'order against real time', rows: [rival, row] });
      }
    } else if (best === NONE || registers.compare(row, best) > 0 || Number.isNaN(termOf(versions.history[best]))) {
      if (best !== NONE && !isOfBest) others.set(idOf(best), best);
      highest[key] = row;
    } else if (!isOfBest && isHigher) {
      others.set(idOf(row), row);
    }
  }
  return claims;
}

export function explainClaim(history: History, { type, rows }: FalseClaim): Anomaly {
  const [first, second] = rows;
  const versions = versionsOf(history);
  const text = (row: number): string => placeText(history, versions, row);
  const written = `${value(history, first)} to ${key(history, first)}`;
  const operations = [...rows].sort((a, b) => a - b).map((row) => history.operation(row));
  const anomaly = (sentence: string): Anomaly => ({ kind: 'false version claim', sentence, operations });
  switch (type) {
    case 'one version, two writes':
      return anomaly(
        `Two writes were acknowledged with one version ${text(first)}: ${written}${answer(history, first)}, and ` +
          `${value(history, second)} to ${key(history, second)}${answer(history, second)}.`,
      );
    case 'version of another write':
      return anomaly(
        `A read of ${key(history, second)} returned ${value(history, second)}${answer(history, second)} with version ` +
          `${text(second)}, which belongs to the write of ${written}.`,
      );
    case 'two versions, one write':
      return anomaly(
        `A read of ${key(history, second)} returned ${value(history, second)}${answer(history, second)} with version ` +
          `${text(second)}; the same write had been reported with another version before.`,
      );
    case 'order against real time':
      return anomaly(
        `The write of ${written} was acknowledged${when(history, first)} with version ${text(first)}, and the write of ` +
          `${value(history, second)} to ${key(history, second)}, invoked after that, with the lower version ${text(second)}.`,
      );
  }
}
