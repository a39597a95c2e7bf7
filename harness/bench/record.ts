/** A bench that has ended, judged by its sample, as a run's record. */
import type { RunRecord } from '../../results/record.ts';
import { BAD_INPUT, BROKEN, HARNESS_FAILED, KEPT, UNDECIDED, worst } from '../errors.ts';
import { judgeRun } from '../record-run.ts';
import type { Benched, Resolved } from './bench.ts';
import type { BenchResult } from './plan.ts';

export interface Recording {
  readonly bench: Resolved;
  readonly benched: Benched;
  readonly journal: string;
  readonly id: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly command: string;
}

/** Figures of a store that broke a promise are not kept: nobody is to publish them. */
export async function recordBench({ bench, benched, journal, id, labels, command }: Recording): Promise<RunRecord> {
  const { ended, steps, rungs, latencies } = benched;
  const { plan, targets, writePath, run } = bench;
  const judged = await judgeRun({ plan: run, ended, journal, id, labels, histograms: false });
  const isBroken = judged.verdict === 'broken';
  const verdict = isBroken ? 'broken' : isVouchedFor(judged) ? 'kept' : 'undecided';
  const result: BenchResult = {
    mix: plan.mix,
    distribution: plan.distribution,
    records: plan.records,
    valueBytes: plan.valueBytes,
    targets: targets.map(({ name }) => name),
    writePath,
    warmUpNs: plan.warmUpNs,
    durationNs: plan.durationNs,
    repeats: plan.repeats,
    sessions: plan.sessions,
    checkedKeys: Math.min(plan.checkedKeys, plan.records),
    checked: {
      operations: steps.reduce((sum, step) => sum + step.sampled, 0),
      of: steps.reduce((sum, step) => sum + step.arrivals, 0),
    },
    virtualTime: run.environment === 'simulation',
    steps: isBroken ? [] : steps,
    ...(plan.ladder !== undefined && { ladder: { ...plan.ladder, rungs: isBroken ? [] : rungs } }),
  };
  const { asked: _, strikes: __, ...planned } = judged.plan;
  const failed = judged.exitCode === HARNESS_FAILED || judged.exitCode === BAD_INPUT ? judged.exitCode : KEPT;
  return {
    ...judged,
    command,
    exitCode: worst([isBroken ? BROKEN : verdict === 'kept' ? KEPT : UNDECIDED, failed]),
    verdict,
    plan: { ...planned, bench: result, ...(isBroken && { withheld: true }) },
    latencies: isBroken ? [] : inOnePhase(latencies, plan.rates.length === 1 && plan.ladder === undefined),
  };
}

/** At one rate it is the calm, as in any run; at several, each rate is a phase. */
function inOnePhase(latencies: RunRecord['latencies'], isOne: boolean): RunRecord['latencies'] {
  return isOne ? latencies.map((latency) => ({ ...latency, phase: 'calm' })) : latencies;
}

/**
 * A bench is no test of everything that is promised: it is vouched for when nothing was broken, and of each read path at least one
 * promise was seen to be kept. (So is a store that promises nothing of a path; but not one that answers nothing.)
 */
export function isVouchedFor({ cells, plan }: RunRecord): boolean {
  const paths = plan['readPaths'] as readonly string[]; // put there by record-run.ts
  const decided = cells.filter(({ state }) => state === 'kept' || state === 'undecided');
  return (
    cells.some(({ state }) => state === 'kept') &&
    paths.every((path) => {
      const own = decided.filter(({ readPath }) => readPath === path);
      return own.length === 0 || own.some(({ state }) => state === 'kept');
    })
  );
}
