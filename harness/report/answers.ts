/** What a stranger asks of a run, each answered in a sentence or two: the head of every report, whatever its format. */
import { SECOND } from '../../history/clock.ts';
import type { Cell, LatencyRecord, RunRecord } from '../../results/record.ts';
import type { BenchResult } from '../bench/plan.ts';
import { heldText, measured } from '../bench/text.ts';
import { overloadLines } from '../load-text.ts';
import { calmLines, failuresOf, title, verdictText } from '../report-text.ts';
import { commandElsewhere } from '../replay.ts';
import { count, duration, percent } from '../table.ts';
import { type Absence, absencesOf } from './absences.ts';
import { lost, outageNs } from './failover-pictures.ts';
import { comparedReads, readPaths } from './followers.ts';

export interface Answer {
  readonly question: string;
  readonly answer: string;
  /** Further sentences, each on a line. */
  readonly more: readonly string[];
  /** The answer is a command; this one does the same where the run's files are not. */
  readonly elsewhere?: string;
  /** The part of the page that says it in full. */
  readonly section: string;
}

export function answersOf(record: RunRecord): readonly Answer[] {
  return [promises(record), broken(record), failures(record), followers(record), again(record)];
}

/** `26 of 119 promises broken`, without the word that stands large beside it. */
export function verdictSentence(record: RunRecord): string {
  const text = verdictText(record);
  const sentence = text.slice(text.indexOf(':') + 1).trim();
  return `${sentence.charAt(0).toUpperCase()}${sentence.slice(1)}.`;
}

function promises(record: RunRecord): Answer {
  const judged = { kept: 'Yes.', broken: 'No.', undecided: 'Not everything could be decided.' }[record.verdict];
  const word = failuresOf(record).length > 0 ? 'The run went wrong, so it vouches for nothing.' : judged;
  const done = (record.counts['ok'] ?? 0) + (record.counts['mismatch'] ?? 0);
  return {
    question: 'Did it keep its promises?',
    answer: `${word} ${verdictSentence(record)}`,
    more: [`Judged on ${count(done)} answered operations.`],
    section: 'promises',
  };
}

const TOLD_MAX = 3;

function broken(record: RunRecord): Answer {
  const cells = record.cells.filter(({ state }) => state === 'broken');
  const question = 'What exactly broke?';
  if (cells.length === 0) {
    const found = record.cells.filter(
      ({ state, suspendedBy }) => state === 'violated' && suspendedBy === undefined,
    ).length;
    const findings =
      found === 0
        ? []
        : [`What is not promised did not always hold: ${count(found)} ${found === 1 ? 'finding' : 'findings'}.`];
    return {
      question,
      answer: 'Nothing that was promised.',
      more: findings,
      section: found === 0 ? 'promises' : 'findings',
    };
  }
  const kinds = [...new Set(cells.map(({ guarantee }) => guarantee))].map((guarantee) =>
    cells.filter((cell) => cell.guarantee === guarantee).reduce((a, b) => (b.anomalyCount > a.anomalyCount ? b : a)),
  );
  const told = kinds.map(brokenText);
  const more = told.slice(1, TOLD_MAX);
  if (told.length > TOLD_MAX) more.push(`and ${told.length - TOLD_MAX} more of the guarantees`);
  return { question, answer: told[0], more, section: 'broken' };
}

/** `durable (writes quorum-ack): 310 of 4,894 acknowledged writes lost (6.3 %)` */
export function brokenText(cell: Cell): string {
  return `${title(cell)}: ${cell.note}`;
}

function failures(record: RunRecord): Answer {
  const { failovers } = record;
  const question = 'When did the leader fail, and for how long?';
  const section = 'failovers';
  if (failovers.length === 0) return { question, ...unreplaced(record), section };
  const outages = failovers.map((one) => ({ one, ns: outageNs(one, failovers) }));
  const first = outages.reduce((a, b) => (b.one.start < a.one.start ? b : a));
  const longest = outages.reduce((a, b) => (b.ns > a.ns ? b : a));
  const median = outages.map(({ ns }) => ns).sort((a, b) => a - b)[Math.floor((outages.length - 1) / 2)];
  const when = ({ start, cause }: RunRecord['failovers'][number]): string =>
    `${(start / SECOND).toFixed(2)} s (${cause === '' || cause === 'none' ? 'no fault in force' : cause})`;
  const times = failovers.length === 1 ? 'Once, at' : `${count(failovers.length)} times, first at`;
  const more = [];
  if (failovers.length > 1)
    more.push(`Median ${outageText(median)}; the longest, ${outageText(longest.ns)}, at ${when(longest.one)}.`);
  const losses = failovers.filter((one) => lost(one) !== '0').length;
  if (losses > 0) more.push(`Acknowledged writes were lost in ${count(losses)} of them.`);
  const later = first.one.firstWriteNs === undefined ? '; the leader that came next answered none' : '';
  const until = Number.isFinite(first.ns) ? ` until a write was answered again${later}` : '';
  return { question, answer: `${times} ${when(first.one)}: ${outageText(first.ns)}${until}.`, more, section };
}

/** Where no leader was replaced: one may have been away, and come back. */
function unreplaced(record: RunRecord): Pick<Answer, 'answer' | 'more'> {
  if (record.standings?.every(({ role }) => role !== 'leader') === true)
    return { answer: 'This run cannot tell: no node said that it led.', more: [] };
  const absences = absencesOf(record);
  if (absences.length === 0) return { answer: 'Never: no leader was replaced.', more: [] };
  const [first] = absences;
  const length = ({ from, until }: Absence): number => until - from;
  const longest = absences.reduce((a, b) => (length(b) > length(a) ? b : a));
  const when = (one: Absence): string =>
    `${one.how} at ${(one.from / SECOND).toFixed(2)} s, for ${duration(length(one))}`;
  return absences.length === 1
    ? { answer: `No leader was replaced, but ${first.node}, which led, was ${when(first)}.`, more: [] }
    : {
        answer: `No leader was replaced, but whoever led was away ${count(absences.length)} times: first ${first.node} was ${when(first)}.`,
        more: longest === first ? [] : [`The longest: ${longest.node} was ${when(longest)}.`],
      };
}

function outageText(ns: number): string {
  return Number.isFinite(ns) ? duration(ns) : 'no write was answered again';
}

/** What reads of each path cost beside the strongest, and how many of them there can be. */
function measurements(bench: BenchResult): Answer {
  const more: string[] = [];
  const held = (bench.ladder?.rungs ?? []).map(
    (rung) => `${rung.target} ${heldText(rung, bench.ladder?.limitNs ?? 0)}`,
  );
  if (bench.ladder !== undefined)
    more.push(`Highest rate with p99 of the reads within ${duration(bench.ladder.limitNs)}: ${held.join(', ')}.`);
  const alone = bench.steps.find(({ target }) => target === undefined);
  const reads = alone?.series.filter(({ method }) => method === 'read') ?? [];
  const told = reads.map(({ path, p50Ns, p99Ns }) => `${path} ${duration(p50Ns)}, p99 ${duration(p99Ns)}`);
  if (alone !== undefined && told.length > 0) more.push(`At ${count(alone.rate)}/s median ${told.join('; ')}.`);
  const [answer = 'Nothing was measured.', ...rest] = more;
  return { question: 'What does a follower read save and cost?', answer, more: rest, section: 'measured' };
}

function followers(record: RunRecord): Answer {
  const bench = measured(record);
  if (bench !== undefined) return measurements(bench);
  const question = 'What does a follower read save and cost?';
  const section = 'followers';
  const strongest = String(record.plan['strongestReadPath'] ?? 'leader');
  const both = (since: LatencyRecord['since']): readonly (LatencyRecord | undefined)[] =>
    ['leader', 'follower'].map((role) => comparedReads(record, 'calm', role, since));
  const [leader, follower] = both('intended');
  const saved =
    leader === undefined || follower === undefined
      ? byPath(record, strongest)
      : `Median ${duration(follower.p50Ns)} from a follower, ${duration(leader.p50Ns)} by the strongest path (${change(follower.p50Ns, leader.p50Ns)}); p99 ${duration(follower.p99Ns)} against ${duration(leader.p99Ns)}: from the intended start.`;
  const [leaderSent, followerSent] = both('sent');
  const uncorrected =
    leaderSent === undefined || followerSent === undefined
      ? []
      : [
          `Uncorrected, from sending: median ${duration(followerSent.p50Ns)} against ${duration(leaderSent.p50Ns)}, p99 ${duration(followerSent.p99Ns)} against ${duration(leaderSent.p99Ns)}.`,
        ];
  const others = record.staleness.filter(({ readPath }) => readPath !== strongest);
  const sum = (of: (one: (typeof others)[number]) => number): number =>
    others.reduce((total, one) => total + of(one), 0);
  const [reads, stale] = [sum((one) => one.reads), sum((one) => one.staleReads)];
  const worst = Math.max(0, ...others.map(({ maxNs }) => maxNs));
  const cost =
    reads === 0
      ? []
      : [
          stale === 0
            ? `None of ${count(reads)} reads off the strongest path was out of date.`
            : `${percent(stale, reads)} of ${count(reads)} reads off the strongest path were out of date, the worst by ${duration(worst)} at least.`,
        ];
  return { question, answer: saved, more: [...overloadLines(record), ...cost, ...uncorrected], section };
}

/** Where the store does not say who answered: the fastest other path beside the strongest. */
function byPath(record: RunRecord, strongest: string): string {
  const paths = readPaths(record).filter(({ p50Ns }) => p50Ns !== undefined);
  const best = paths.find(({ path }) => path === strongest);
  const [fastest] = paths.filter((one) => one !== best).sort((a, b) => (a.p50Ns ?? 0) - (b.p50Ns ?? 0));
  if (best === undefined || fastest === undefined)
    return 'This run cannot tell: too few reads of one or the other while all was calm.';
  const [now, before] = [fastest.p50Ns ?? 0, best.p50Ns ?? 0];
  return `Median ${duration(now)} by ${fastest.path}, ${duration(before)} by ${strongest} (${change(now, before)}), from the intended start; who answered is not said.`;
}

/** `−94 %` */
function change(now: number, before: number): string {
  if (before === 0) return '–';
  const share = Math.round((100 * (now - before)) / before);
  return `${share > 0 ? '+' : share < 0 ? '−' : '±'}${Math.abs(share)} %`;
}

function again(record: RunRecord): Answer {
  const { command, seed, versions } = record;
  const elsewhere = commandElsewhere(record);
  const version = versions['tidemark'] === undefined ? '' : `Tidemark ${versions['tidemark']}, `;
  return {
    question: 'How do I run it again?',
    answer: command,
    more: [`${version}seed ${seed}`],
    ...(elsewhere !== undefined && { elsewhere }),
    section: 'plan',
  };
}

/** The share of requests that were answered while nothing was wrong. */
export function calmAnswers(record: RunRecord): readonly string[] {
  return calmLines(record.counts);
}

/** What stands before {@link Answer.elsewhere}. */
export const ELSEWHERE = 'Where this run’s files are not, the same plan, though its faults may strike others:';
