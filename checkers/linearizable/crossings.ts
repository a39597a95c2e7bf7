/** Sentences for clusters of which each would have to come before the other. */
import type { Anomaly } from '../checker.ts';
import { CAS, FAIL, NEVER, READ, WRITE } from '../../history/history.ts';
import type { History } from '../../history/history.ts';
import type { Finding } from './clusters.ts';
import type { Explainer } from './evidence.ts';
import { anomaly, seen, witnessesOf } from './evidence.ts';
import {
  clusterValue,
  firstAfter,
  isInitial,
  membersOf,
  nearest,
  nearestBefore,
  placeOf,
  retOf,
  openWritesOf,
} from './members.ts';
import type { Ends, Members } from './members.ts';
import { READS, SWAPS, found, reference } from './register.ts';
import { call, deedOf, ret, retBefore, showOf } from './words.ts';

/** By what went wrong last: a read of something old, a cas upon something old, a write that was read already. */
export function kindOf(history: History, row: number): string {
  if (history.f[row] === WRITE) return 'read before write';
  return history.f[row] === CAS && history.outcome[row] !== FAIL ? 'stale cas' : 'stale read';
}

/** ` at 4 ms,`; nothing without times. */
function askedAt(history: History, row: number): string {
  const at = call(history, row);
  return at === '' ? '' : `${at},`;
}

export function chainAgainstTime(
  explainer: Explainer,
  finding: Finding & { readonly type: 'chain against time' },
): Anomaly {
  const { history } = explainer;
  const { later, chain, key } = finding;
  const members = membersOf(explainer, key, chain);
  const to = chain.indexOf(later);
  const from = nearestBefore(explainer, members, to);
  const earlier = chain[from];
  const last = firstAfter(explainer, members, from, history.ret[members.first[to]]);
  const first = history.ret[later] < history.call[last] ? later : members.first[to];
  const between = chain.slice(from + 1, to + 1);
  const shown = [first, last, ...between];
  const unseen = between.filter((row) => row !== first && !isSeen(explainer, shown, row));
  const witnesses = witnessesOf(explainer, unseen).filter((row) => !shown.includes(row));
  const old = showOf(history.values, clusterValue(explainer, earlier));
  const itself = between.length === 1 && between[0] === first;
  const because = itself ? '' : `: ${listed(history, between)}${seen(history, witnesses)}`;
  const sentence =
    `${deedOf(history, last)} was asked for${askedAt(history, last)} although ${deedOf(history, first)} had shown` +
    `${retBefore(history, first, last)} that ${old} was over${because}.`;
  const writes = openWritesOf(explainer, members, [last, first]);
  return anomaly(history, kindOf(history, last), sentence, [last, first, ...between, ...witnesses, ...writes]);
}

/**
 * The operation called last is the one that came too late: it went back to a value that was over. The initial value cannot but
 * be the older one; and of what is older than all, that something else was over before it was asked for is enough.
 */
export function crossing(explainer: Explainer, finding: Finding & { readonly type: 'crossing' }): Anomaly {
  const { history } = explainer;
  const [one, other] = [
    membersOf(explainer, finding.key, finding.one),
    membersOf(explainer, finding.key, finding.other),
  ];
  const { stale, fresh, old, recent } = pairOf(explainer, one, other);
  const did = (row: number): string => deedOf(history, row);
  const isOldest = stale.first >= history.length;
  const links = [...linking(explainer, old, stale), ...(isOldest ? [] : linking(explainer, recent, fresh))];
  const value = showOf(history.values, recordedOf(explainer, stale.last));
  const older = isOldest
    ? `${value} ${links.length === 0 ? 'is' : 'follows from'} the initial value`
    : `${value} is the older value, for ${did(fresh.last)} was asked for after ${did(stale.first)} was over${ret(history, stale.first, ', at ')}`;
  const shown = [stale.last, fresh.first, fresh.last, ...links];
  const unseen = links.filter((link) => !isSeen(explainer, shown, link));
  const witnesses = witnessesOf(explainer, unseen).filter((row) => !links.includes(row));
  const joined = links.length === 0 ? '' : ` (joined by ${listed(history, links)}${seen(history, witnesses)})`;
  const sentence =
    `${did(stale.last)} was asked for${askedAt(history, stale.last)} after ${did(fresh.first)} was over` +
    `${retBefore(history, fresh.first, stale.last, ', at ')}; yet ${older}${joined}.`;
  const rows = [stale.first, stale.last, fresh.first, ...(isOldest ? [] : [fresh.last]), ...links, ...witnesses];
  rows.push(...openWritesOf(explainer, old, rows), ...openWritesOf(explainer, recent, rows));
  return anomaly(history, kindOf(history, stale.last), sentence, rows);
}

interface Pair {
  readonly old: Members;
  readonly recent: Members;
  readonly stale: Ends;
  readonly fresh: Ends;
}

/** Each of two crossing chains can be told to be the older one: told so that it is over as soon as possible. */
function pairOf(explainer: Explainer, one: Members, other: Members): Pair {
  if (isInitial(explainer, one)) return pairAs(explainer, one, other);
  if (isInitial(explainer, other)) return pairAs(explainer, other, one);
  const { call } = explainer.history;
  const pairs = [pairAs(explainer, one, other), pairAs(explainer, other, one)];
  const over = pairs.map(({ stale, fresh }) => Math.max(call[stale.last], call[fresh.last]));
  if (over[0] !== over[1]) return pairs[over[0] < over[1] ? 0 : 1];
  return pairs[call[pairs[0].stale.last] === over[0] ? 0 : 1];
}

/** The first that went back, by the earliest proof; where there are cas, by the write itself if it was over in time. */
function pairAs(explainer: Explainer, old: Members, recent: Members): Pair {
  const { call, ret: returns } = explainer.history;
  const from = (since: number): Pair => {
    const stale = nearest(explainer, old, recent.lastCall, since, 'by its write');
    const fresh = nearest(explainer, recent, call[stale.last], retOf(explainer.history, stale.first));
    return {
      old,
      recent,
      stale,
      fresh: withoutReader(explainer, recent, fresh, retOf(explainer.history, stale.first)),
    };
  };
  const pair = from(recent.firstRet);
  const write = recent.chain[placeOf(explainer, recent, pair.fresh.first)];
  const isSingle = old.chain.length + recent.chain.length === 2;
  return isSingle || write === pair.fresh.first || returns[write] >= old.lastCall ? pair : from(returns[write]);
}

/** A write of unknown outcome is shown with what found it: where it was itself asked for late enough, no read of it needs to be. */
function withoutReader(explainer: Explainer, members: Members, ends: Ends, since: number): Ends {
  const { call, ret: returns } = explainer.history;
  const write = members.chain[placeOf(explainer, members, ends.last)];
  const isOpen = write < explainer.history.length && returns[write] === NEVER;
  return ends.first !== ends.last && isOpen && call[write] > since ? { ...ends, last: write } : ends;
}

/** Whether one of the rows shown found the value that `link` left. */
function isSeen({ history, reading, survey }: Explainer, shown: readonly number[], link: number): boolean {
  const left = reference(reading, history.value[link]);
  return shown.some((row) => {
    if (row === link || row >= history.length) return false;
    if (survey.deeds[row] === READS) return found(history, reading, row) === left;
    // A cas that joins others of the chain happened: that is seen of the last of them.
    return survey.deeds[row] === SWAPS && reference(reading, history.expected[row]) === left;
  });
}

const NAMED = 4;

function listed(history: History, rows: readonly number[]): string {
  return rows.length <= NAMED
    ? rows.map((row) => deedOf(history, row)).join(', then ')
    : `the ${rows.length} cas shown`;
}

/** The cas that join the clusters in which two operations of a chain lie. */
function linking(explainer: Explainer, members: Members, ends: Ends): number[] {
  const { chain } = members;
  if (chain.length === 1) return [];
  const [one, other] = [placeOf(explainer, members, ends.first), placeOf(explainer, members, ends.last)];
  const from = Math.min(one, other);
  return chain.slice(from + 1, Math.max(one, other) + 1).filter((c) => c < explainer.history.length);
}

/** What was found or left, as it was recorded. */
function recordedOf({ history, survey }: Explainer, row: number): number {
  return survey.deeds[row] === READS && history.f[row] !== READ ? history.actual[row] : history.value[row];
}
