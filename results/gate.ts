/**
 * Whether a candidate has become worse than its baseline.
 *
 * A broken promise always fails; one that is kept in the baseline and in none of the candidate's runs is not passed over. A figure fails only when it is worse by more than the policy allows and beyond the noise, and
 * only when runs made afresh show it again; so does one that the candidate does not have any more. Where the noise hides a change
 * of the size that the policy asks about, the answer is that it cannot be told, and how many runs it would take.
 */
import type { RunBlock } from './change.ts';
import {
  added,
  type Calibration,
  type Finding,
  holm,
  look,
  overruled,
  pWorse,
  type Rules,
  unmatched,
  worsening,
} from './look.ts';
import { measureName } from './measures.ts';
import { type Breach, breachesOf, type Unkept, unkeptOf, type Verdicts, verdictsOf } from './promises.ts';

/** What the gate says in the end. */
export interface Gated {
  readonly outcome: 'passed' | 'failed' | 'cannot tell';
  readonly breaches: readonly Breach[];
  /** What the baseline kept, and the candidate does not keep any more, without breaking it. */
  readonly unkept: readonly Unkept[];
  /** How many runs of each side have which verdict. */
  readonly verdicts: Verdicts;
  readonly findings: readonly Finding[];
  /** Names of the measures that were suspected, and of those that fresh runs showed again. */
  readonly suspected: readonly string[];
  readonly confirmed: readonly string[];
  /** What limits name, and no run has taken; and what has a limit, and only the candidate has taken. */
  readonly unmatched: readonly string[];
  readonly added: readonly string[];
  /** Limits that decide nothing, since others hold wherever they would. */
  readonly overruled: readonly string[];
  readonly blocks: readonly RunBlock[];
  /** Whether suspicions could be looked into by running again. */
  readonly live: boolean;
}

/** Makes so many more blocks of runs; fewer when there are no more. */
export type Source = (blocks: number) => Promise<readonly RunBlock[]>;

/** Runs as many blocks as it takes, no more than the rules allow. */
export async function gate(source: Source, rules: Rules, calibration?: Calibration): Promise<Gated> {
  const blocks: RunBlock[] = [];
  const suspected = new Map<string, Suspicion>();
  const confirmed = new Set<string>();
  const { first, most } = rules.blocks;
  /** Runs of a suspicion, which it is not to be confirmed by. */
  let lookedAt = 0;
  for (;;) {
    const more = await source(blocks.length === 0 ? first : Math.min(first, most - blocks.length));
    blocks.push(...more);
    const breaches = breachesOf(blocks);
    const unkept = unkeptOf(blocks, rules.alpha);
    const findings = look(blocks, rules, { calibration });
    const unmet = unmatched(blocks, rules);
    const done = (outcome: Gated['outcome']): Gated => ({
      outcome,
      breaches,
      unkept,
      verdicts: verdictsOf(blocks),
      findings,
      suspected: [...suspected.keys()],
      confirmed: [...confirmed],
      unmatched: unmet,
      added: added(blocks, rules),
      overruled: overruled(blocks, rules),
      blocks,
      live: true,
    });
    if (breaches.length > 0) return done('failed');
    if (findings.length === 0) return done('cannot tell');
    if (more.length === 0) return done('cannot tell');
    const worse = findings.filter(({ verdict }) => verdict === 'worse');
    const again = worse.map(nameOf).filter((name) => suspected.has(name));
    if (again.length > 0 && lookedAt > 0) {
      const shown = shownAgain(suspected, look(blocks.slice(lookedAt), rules, { calibration }), rules);
      for (const name of again) if (shown.includes(name)) confirmed.add(name);
      if (confirmed.size > 0) return done('failed');
    }
    if (worse.length > 0) {
      for (const finding of worse)
        suspected.set(nameOf(finding), finding.lacking?.decides === true ? 'lacking' : 'slower');
      lookedAt = blocks.length;
    } else if (findings.every(({ verdict }) => verdict === 'not worse'))
      return done(unmet.length + unkept.length > 0 ? 'cannot tell' : 'passed');
    if (blocks.length >= most) return done('cannot tell');
  }
}

type Suspicion = 'slower' | 'lacking';

function nameOf({ measure }: Finding): string {
  return measureName(measure);
}

/**
 * Names of those that fresh runs alone show again: worse, and hardly by chance, over all that were suspected. That it is more than the
 * limit is told by all runs together.
 */
function shownAgain(
  suspected: ReadonlyMap<string, Suspicion>,
  fresh: readonly Finding[],
  { alpha }: Rules,
): readonly string[] {
  const hypotheses = [...suspected].map(([name, kind]) => {
    const found = fresh.find((one) => nameOf(one) === name);
    return { of: name, p: found === undefined ? 1 : kind === 'lacking' ? (found.lacking?.p ?? 1) : pSlower(found) };
  });
  return holm(hypotheses, alpha);
}

function pSlower(finding: Finding): number {
  const isSo = finding.basis === 'runs' && worsening(finding.measure, finding.change).estimate > 0;
  return isSo ? pWorse(finding) : 1;
}

/**
 * The same on runs that were made before, one heap on each side. Nothing can be run again, so the level is what two looks would
 * have come to.
 */
export function gateStored(block: RunBlock, rules: Rules, calibration?: Calibration): Gated {
  const breaches = breachesOf([block]);
  const unkept = unkeptOf([block], rules.alpha);
  const findings = look([block], { ...rules, alpha: rules.alpha * rules.alpha }, { calibration, isHeap: true });
  const worse = findings.filter(({ verdict }) => verdict === 'worse').map(nameOf);
  const unmet = unmatched([block], rules);
  const isPassed =
    findings.length > 0 &&
    unmet.length + unkept.length === 0 &&
    findings.every(({ verdict }) => verdict === 'not worse');
  return {
    outcome: breaches.length > 0 || worse.length > 0 ? 'failed' : isPassed ? 'passed' : 'cannot tell',
    breaches,
    unkept,
    verdicts: verdictsOf([block]),
    findings,
    suspected: worse,
    confirmed: worse,
    unmatched: unmet,
    added: added([block], rules),
    overruled: overruled([block], rules),
    blocks: [block],
    live: false,
  };
}
