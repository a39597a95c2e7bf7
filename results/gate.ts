/**
 * Whether a candidate has become worse than its baseline.
 *
 * A broken promise always fails. A figure fails only when it is worse by more than the policy allows and beyond the noise, and
 * only when runs made afresh show it again. Where the noise hides a change of the size that the policy asks about, the answer
 * is that it cannot be told, and how many runs it would take.
 */
import { Random } from '../history/random.ts';
import { exp, ln } from './arithmetic.ts';
import { type Comparison, compareMeasure, type RunBlock } from './change.ts';
import { isCost, type Measure, measureName, measuresOf, take } from './measures.ts';
import type { Cell, RunRecord } from './record.ts';
import { mean, median } from './statistics.ts';

/** How much worse some measures may be. Fields that are not said fit all. */
export interface Limit {
  readonly type: Measure['type'];
  readonly methods?: readonly string[];
  readonly paths?: readonly string[];
  readonly phases?: readonly string[];
  readonly percentiles: readonly number[];
  /** 0.1: a tenth. */
  readonly worseBy: number;
  /** And at least by so much: nanoseconds, or operations per second. */
  readonly andBy: number;
}

export interface Rules {
  readonly limits: readonly Limit[];
  /** Of a false alarm in one look, over all measures together. */
  readonly alpha: number;
  /** Blocks of A B B A: at first, and at most in all. */
  readonly blocks: { readonly first: number; readonly most: number };
  readonly seed: string;
}

/** What this machine made of comparing the same with the same: blocks of runs, all of one kind. */
export interface Calibration {
  readonly blocks: readonly RunBlock[];
}

export interface Finding extends Comparison {
  readonly limit: Limit;
  /** So much change, or more, is seen in one of twenty comparisons of the same with the same, on this machine. */
  readonly noise?: number;
  readonly verdict: 'worse' | 'not worse' | 'cannot tell';
  /** One sentence's half. */
  readonly why: string;
  /** Runs of each side that could tell. */
  readonly runsNeeded?: number;
}

/** The findings of one look at runs. */
export function look(blocks: readonly RunBlock[], rules: Rules, calibration?: Calibration): readonly Finding[] {
  const records = blocks.flatMap(({ a, b }) => [...a, ...b]);
  const percentiles = [...new Set(rules.limits.flatMap((limit) => limit.percentiles))];
  const compared = measuresOf(records, percentiles).flatMap((measure) => {
    const limit = rules.limits.find((one) => fits(one, measure));
    if (limit === undefined) return [];
    const random = new Random(`${rules.seed}/${measureName(measure)}`);
    const comparison = compareMeasure(blocks, measure, { confidence: 0.9, random });
    return comparison === undefined ? [] : [{ limit, comparison }];
  });
  // Holm's order: the smallest of m must be below alpha / m, the next below alpha / (m - 1), …
  const order = compared.toSorted((x, y) => pWorse(x.comparison) - pWorse(y.comparison));
  const passes = new Set<Comparison>();
  for (const [i, { comparison }] of order.entries()) {
    if (pWorse(comparison) > rules.alpha / (order.length - i)) break;
    passes.add(comparison);
  }
  return compared.map(({ limit, comparison }) =>
    judged(comparison, limit, passes.has(comparison), noiseOf(calibration, comparison.measure, blocks.length, rules)),
  );
}

function fits(limit: Limit, measure: Measure): boolean {
  if (limit.type !== measure.type) return false;
  const allows = (names: readonly string[] | undefined, name: string): boolean => names?.includes(name) !== false;
  if (!allows(limit.paths, measure.path)) return false;
  if (measure.type === 'ladder') return true;
  if (!allows(limit.methods, measure.method) || !allows(limit.phases, measure.phase)) return false;
  return measure.type === 'throughput' || limit.percentiles.includes(measure.percentile);
}

export function pWorse({ measure, pMore, pLess }: Comparison): number {
  return isCost(measure) ? pMore : pLess;
}

/** Changes for the worse are positive, whatever is measured. */
function worsening(
  measure: Measure,
  change: { readonly estimate?: number; readonly low: number; readonly high: number },
) {
  const { estimate = Number.NaN, low, high } = change;
  // A tenth less of a rate is as bad as a tenth more of a latency is taken to be: of what it was.
  return isCost(measure) ? { estimate, low, high } : { estimate: -estimate, low: -high, high: -low };
}

function judged(comparison: Comparison, limit: Limit, passes: boolean, noise: number | undefined): Finding {
  const { measure, a, b, basis, runs } = comparison;
  const { estimate, low, high } = worsening(measure, comparison.change);
  const drawn = worsening(measure, comparison.drawn);
  const by = isCost(measure) ? b - a : a - b;
  const finding = { ...comparison, limit, ...(noise !== undefined && { noise }) };
  const fewest = Math.min(runs.a, runs.b);
  if (basis === 'operations') {
    return { ...finding, verdict: 'cannot tell', why: 'one run says nothing of how runs differ', runsNeeded: 4 };
  }
  const tooMuch = estimate > limit.worseBy && by > limit.andBy;
  if (tooMuch && passes && drawn.low > 0 && estimate > (noise ?? 0))
    return { ...finding, verdict: 'worse', why: 'more than the limit, and beyond the noise' };
  if (high <= limit.worseBy || a * high <= limit.andBy)
    return { ...finding, verdict: 'not worse', why: 'a change of more than the limit is ruled out' };
  const halfWidth = (high - low) / 2;
  const gap = Math.abs(limit.worseBy - estimate);
  const wanted = tooMuch ? estimate : Math.max(gap, limit.worseBy / 10);
  const needed = Number.isFinite(halfWidth) ? Math.ceil(fewest * (halfWidth / wanted) ** 2) : 2 * fewest;
  return {
    ...finding,
    verdict: 'cannot tell',
    why: tooMuch
      ? 'more than the limit, but within the noise'
      : 'the noise would hide a change of the size of the limit',
    runsNeeded: Math.max(fewest + 1, needed),
  };
}

const NOISE_ROUNDS = 400;

/** The 95th percentile of changes that are none: the calibration's blocks drawn again, sides dealt anew. */
export function noiseOf(
  calibration: Calibration | undefined,
  measure: Measure,
  blocks: number,
  { seed }: Pick<Rules, 'seed'>,
): number | undefined {
  if (calibration === undefined) return undefined;
  const logs = calibration.blocks
    .map(({ a, b }) => [...a, ...b].flatMap((record) => ln(take(record, measure)?.value ?? Number.NaN)))
    .filter((values) => values.length >= 2 && values.every((value) => !Number.isNaN(value)));
  if (logs.length < 3) return undefined;
  const random = new Random(`${seed}/noise/${measureName(measure)}`);
  const changes = Array.from({ length: NOISE_ROUNDS }, () =>
    Math.abs(
      median(
        Array.from({ length: blocks }, () => {
          const dealt = random.shuffle(random.pick(logs));
          const half = dealt.length >> 1;
          return mean(dealt.slice(half)) - mean(dealt.slice(0, half));
        }),
      ),
    ),
  ).sort((x, y) => x - y);
  return exp(changes[Math.floor(0.95 * NOISE_ROUNDS)]) - 1;
}

/** A promise that the candidate broke. */
export interface Breach {
  readonly run: string;
  readonly cell: Cell;
  /** The baseline broke it too: no regression, and no less a failure. */
  readonly alsoInBaseline: boolean;
}

export function breachesOf(blocks: readonly RunBlock[]): readonly Breach[] {
  const broken = (records: readonly RunRecord[]) =>
    records.flatMap(({ id, cells }) =>
      cells.filter(({ state }) => state === 'broken').map((cell) => ({ run: id, cell })),
    );
  const inBaseline = new Set(broken(blocks.flatMap(({ a }) => a)).map(({ cell }) => promiseName(cell)));
  return broken(blocks.flatMap(({ b }) => b)).map(({ run, cell }) => ({
    run,
    cell,
    alsoInBaseline: inBaseline.has(promiseName(cell)),
  }));
}

export function promiseName({
  guarantee,
  writePath,
  readPath,
}: Pick<Cell, 'guarantee' | 'writePath' | 'readPath'>): string {
  return [guarantee, writePath, readPath].filter((part) => part !== undefined).join(' · ');
}

/** What the gate says in the end. */
export interface Gated {
  readonly outcome: 'passed' | 'failed' | 'cannot tell';
  readonly breaches: readonly Breach[];
  readonly findings: readonly Finding[];
  /** Names of the measures that were suspected, and of those that fresh runs showed again. */
  readonly suspected: readonly string[];
  readonly confirmed: readonly string[];
  readonly blocks: readonly RunBlock[];
  /** Whether suspicions could be looked into by running again. */
  readonly live: boolean;
}

/** Makes so many more blocks of runs; fewer when there are no more. */
export type Source = (blocks: number) => Promise<readonly RunBlock[]>;

/** Runs as many blocks as it takes, no more than the rules allow. */
export async function gate(source: Source, rules: Rules, calibration?: Calibration): Promise<Gated> {
  const blocks: RunBlock[] = [];
  const suspected = new Set<string>();
  const confirmed = new Set<string>();
  const { first, most } = rules.blocks;
  /** Runs of a suspicion, which it is not to be confirmed by. */
  let lookedAt = 0;
  for (;;) {
    const more = await source(blocks.length === 0 ? first : Math.min(first, most - blocks.length));
    blocks.push(...more);
    const breaches = breachesOf(blocks);
    const findings = look(blocks, rules, calibration);
    const done = (outcome: Gated['outcome']): Gated => ({
      outcome,
      breaches,
      findings,
      suspected: [...suspected],
      confirmed: [...confirmed],
      blocks,
      live: true,
    });
    if (breaches.length > 0) return done('failed');
    if (findings.length === 0) return done('cannot tell');
    if (more.length === 0) return done('cannot tell');
    const worse = findings.filter(({ verdict }) => verdict === 'worse');
    const again = worse.filter(({ measure }) => suspected.has(measureName(measure)));
    if (again.length > 0 && lookedAt > 0) {
      const fresh = look(blocks.slice(lookedAt), rules, calibration);
      for (const { measure } of again) {
        const found = fresh.find((one) => measureName(one.measure) === measureName(measure));
        if (found !== undefined && showsAgain(found, rules)) confirmed.add(measureName(measure));
      }
      if (confirmed.size > 0) return done('failed');
    }
    if (worse.length > 0) {
      for (const { measure } of worse) suspected.add(measureName(measure));
      lookedAt = blocks.length;
    } else if (findings.every(({ verdict }) => verdict === 'not worse')) return done('passed');
    if (blocks.length >= most) return done('cannot tell');
  }
}

/** Fresh runs alone: worse, and hardly by chance. That it is more than the limit is told by all runs together. */
function showsAgain(finding: Finding, { alpha }: Rules): boolean {
  return (
    finding.basis === 'runs' && pWorse(finding) <= alpha && worsening(finding.measure, finding.change).estimate > 0
  );
}

/**
 * The same on runs that were made before, one heap on each side. Nothing can be run again, so the level is what two looks would
 * have come to.
 */
export function gateStored(block: RunBlock, rules: Rules, calibration?: Calibration): Gated {
  const breaches = breachesOf([block]);
  const findings = look([block], { ...rules, alpha: rules.alpha * rules.alpha }, calibration);
  const worse = findings.filter(({ verdict }) => verdict === 'worse').map(({ measure }) => measureName(measure));
  const outcome =
    breaches.length > 0 || worse.length > 0
      ? 'failed'
      : findings.length > 0 && findings.every(({ verdict }) => verdict === 'not worse')
        ? 'passed'
        : 'cannot tell';
  return { outcome, breaches, findings, suspected: worse, confirmed: worse, blocks: [block], live: false };
}
