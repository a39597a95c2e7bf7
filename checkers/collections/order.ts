/** What was put in before something else and taken out after it, by event positions. */
import { NEVER } from '../../history/history.ts';

export interface Passage {
  readonly group: number;
  readonly putCall: number;
  readonly putRet: number;
  readonly takeCall: number;
  readonly takeRet: number;
}

/** Pairs [a, b], one for each such a: b's put was invoked after a's had returned, and b's take returned before a's was invoked. */
export function earlierTaken(passages: readonly Passage[]): readonly (readonly [number, number])[] {
  const groups = new Map<number, number[]>();
  passages.forEach(({ group }, i) => {
    const members = groups.get(group);
    if (members === undefined) groups.set(group, [i]);
    else members.push(i);
  });
  const pairs: [number, number][] = [];
  for (const members of groups.values()) {
    const byCall = [...members].sort((a, b) => passages[b].putCall - passages[a].putCall); // latest first
    const byReturn = [...members].sort((a, b) => passages[b].putRet - passages[a].putRet);
    let at = 0;
    let first = -1; // of those put in later, the one taken out first
    let soonest = NEVER;
    for (const a of byReturn) {
      for (; at < byCall.length && passages[byCall[at]].putCall > passages[a].putRet; at++) {
        if (passages[byCall[at]].takeRet >= soonest) continue;
        first = byCall[at];
        soonest = passages[first].takeRet;
      }
      if (soonest < passages[a].takeCall) pairs.push([a, first]);
    }
  }
  return pairs.sort(([a], [b]) => a - b);
}
