/** What a report says of the load: that there was more of it than could be carried, and why operations were refused. */
import type { RunRecord } from '../results/record.ts';
import { count } from './table.ts';

type Counts = RunRecord['counts'];

/** Names of counts: what arrived, and what was shed of it, while no fault was in force nor had been for two seconds. */
export const CALM_ARRIVED = 'calm arrivals';
export const CALM_SHED = 'calm arrivals shed';
/** The same before the first fault, when none can have left anything broken. */
export const UNTOUCHED_ARRIVED = 'arrivals before faults';
export const UNTOUCHED_SHED = 'arrivals before faults shed';

/** Below latencies of reads. */
export const FROM_INTENDED =
  'From the intended start: a read waits while its session waits for an earlier write. "Sent" counts from sending.';

/** Beside figures of reads, where a count of them meets that of a verdict. */
export const OF_THE_LOAD =
  'Of the load’s reads; one of several keys counts for each of them. Promises are also judged on those that read everything back after it: their counts are higher.';

/** Beside ages: those of a read path, or of a node, are not of stale reads alone. */
export const OF_ALL_ANSWERS = 'Ages are of all answers, at the least; undone writes count as losses, not as staleness.';

/** From this share on a report says so. */
const SHED_SHARE = 0.05;

/**
 * One sentence where more than one in twenty operations was shed though nothing was wrong; no verdict depends on it. Where that was so
 * only after the first fault, a store that had not recovered is as likely as a load that was too high.
 */
export function overloadLines({
  counts,
  plan,
  environment,
}: Pick<RunRecord, 'counts' | 'plan' | 'environment'>): string[] {
  const { [CALM_ARRIVED]: arrived = 0, [CALM_SHED]: shed = 0 } = counts;
  if (shed <= arrived * SHED_SHARE) return [];
  const { [UNTOUCHED_ARRIVED]: before = 0, [UNTOUCHED_SHED]: shedBefore = 0 } = counts;
  if (before > 0 && shedBefore <= before * SHED_SHARE)
    return [
      `Shed: ${count(shed)} of ${count(arrived)} operations while no fault was in force, though before the first fault no more than ${count(shedBefore)} of ${count(before)} were: more likely what earlier faults had left broken than a rate that is too high. Latencies while calm include it.`,
    ];
  const who = environment === 'simulation' ? 'the store' : 'the store or this machine';
  const rate = typeof plan['rate'] === 'number' ? `${count(plan['rate'])} operations a second` : 'that many';
  return [
    `Overloaded: ${count(shed)} of ${count(arrived)} operations were shed while no fault was in force: ${who} could not carry ${rate}; latencies are those of an overloaded system (a lower --rate measures the store).`,
  ];
}

const TOLD_MAX = 4;

/** `refused: READONLY 4,574, NOT_SENT 3,651, …, and 2 others`; the same of unknown outcomes. Most frequent first. */
export function reasonLines(counts: Counts): string[] {
  return [
    ['refused', 'refused'],
    ['unknown', 'of unknown outcome'],
  ].flatMap(([outcome, words]) => {
    const prefix = `${outcome}: `;
    const reasons = Object.entries(counts)
      .filter(([name, n]) => name.startsWith(prefix) && n > 0)
      .map(([name, n]) => ({ reason: name.slice(prefix.length), n }))
      .sort((a, b) => b.n - a.n || (a.reason < b.reason ? -1 : 1));
    if (reasons.length === 0) return [];
    const told = reasons.slice(0, TOLD_MAX).map(({ reason, n }) => `${reason} ${count(n)}`);
    const rest = reasons.slice(TOLD_MAX);
    const others = rest.reduce((sum, { n }) => sum + n, 0);
    if (rest.length > 0)
      told.push(`${rest.length === 1 ? '1 other reason' : `${rest.length} other reasons`} ${count(others)}`);
    return [`${words}: ${told.join(', ')}`];
  });
}
