/** What the three guarantees of causality share: the units, their past, and how findings become a verdict. */
import type { History } from '../../history/history.ts';
import type { Anomaly, Budget, Evidence, Semantics, Verdict } from '../checker.ts';
import { type Threads, threadsOf } from '../sessions/threads.ts';
import { type Convergence, converge } from './converge.ts';
import { explainBadRead, explainCircle, explainPast } from './explain.ts';
import { SessionOrder } from './order.ts';
import { Past } from './past.ts';
import { guess } from './denials.ts';
import { type Units, unitsOf } from './units.ts';
import type { Teller } from './words.ts';

const ANOMALIES_SHOWN = 10;

/** A history as the judges of causality see it. */
export interface Case extends Teller {
  readonly history: History;
  readonly semantics: Semantics;
  readonly budget: Budget;
  readonly past: Past;
  readonly examined: Evidence;
  /** What is wrong whichever of the guarantees is asked for. */
  readonly wrong: Wrong;
}

export interface Wrong {
  readonly anomalies: readonly Anomaly[];
  readonly count: number;
}

const nothingWrong: Wrong = { anomalies: [], count: 0 };

/**
 * The verdict of `decide`. Failed cas that do not say what they found are left out of it at first; where they may matter, each is
 * taken for a read of some value: if that can stand, so can they.
 *
 * @param quickly whether it is certain that the history is valid; false says nothing
 */
export function judge(
  history: History,
  budget: Budget,
  semantics: Semantics,
  decide: (of: Case) => Verdict,
  doubtful: 'open denials' | 'all denials' | 'none' = 'open denials',
  quickly?: (units: Units, sessions: SessionOrder, threads: Threads, budget: Budget) => boolean,
): Verdict {
  const threads = threadsOf(history, semantics);
  const units = unitsOf(history, semantics);
  const sessions = new SessionOrder(units, threads);
  if (quickly?.(units, sessions, threads, budget) === true) {
    return standing({ units, examined: { ...units.examined, sessions: threads.count } });
  }
  const at = open({ history, budget, semantics }, units, sessions, threads);
  const verdict = early(at) ?? decide(at);
  const denials = doubtful === 'open denials' ? at.past.openDenials : at.past.denials;
  if (verdict.type !== 'valid' || denials.length === 0 || doubtful === 'none') return verdict;
  for (const latest of ['before its end', 'before its beginning'] as const) {
    const others = guess(units, denials, latest);
    const guessed = open(at, others, new SessionOrder(others, threads), threads);
    const stands = early(guessed) ?? decide(guessed);
    const left = doubtful === 'open denials' ? guessed.past.openDenials : guessed.past.denials;
    if (stands.type === 'valid' && left.length === 0) return verdict;
  }
  return { type: 'unknown', reason: denialDoubt(denials.length), examined: at.examined };
}

function open(
  { history, budget, semantics }: Pick<Case, 'history' | 'budget' | 'semantics'>,
  units: Units,
  sessions: SessionOrder,
  threads: Threads,
): Case {
  const past = new Past(units, sessions, budget, false);
  const teller = { units, sessions, threads, place: past.place };
  const anomalies = [
    ...units.bad.slice(0, ANOMALIES_SHOWN).map((bad) => explainBadRead(teller, bad)),
    ...past.findings.map((finding) => explainPast(teller, finding)),
  ];
  const wrong = { anomalies: anomalies.slice(0, ANOMALIES_SHOWN), count: units.bad.length + past.count };
  const examined = { ...units.examined, sessions: threads.count };
  return { ...teller, history, semantics, budget, past, examined, wrong };
}

/** The verdict where something is wrong, or nothing more can be said. Undefined: go on. */
function early({ wrong, past, examined }: Case): Verdict | undefined {
  if (wrong.count > 0) return invalid(wrong, examined);
  return past.stopped === undefined ? undefined : { type: 'unknown', reason: past.stopped, examined };
}

export function invalid({ anomalies, count }: Wrong, examined: Evidence): Verdict {
  const [first, ...rest] = anomalies;
  return { type: 'invalid', anomalies: [first, ...rest], count, examined };
}

/** Valid, unless something was left out of the judgement or there was nothing to judge. */
export function standing({ units, examined }: Pick<Case, 'units' | 'examined'>, doubt?: string): Verdict {
  const reason = doubt ?? units.doubt ?? nothingSeen(examined);
  return reason === undefined ? { type: 'valid', examined } : { type: 'unknown', reason, examined };
}

function nothingSeen({ answered }: Evidence): string | undefined {
  return answered > 0 ? undefined : 'nothing to examine: no operation on a register was answered';
}

export function convergence({ units, sessions, past }: Case): Convergence {
  return converge(units, sessions, past);
}

/** What no order of its causal past explains, by a pass that keeps all clocks. Without `wrong`, conflicts are merely global. */
export function exactPast(of: Case): { readonly past: Past; readonly wrong: Wrong } {
  const past = new Past(of.units, of.sessions, of.budget, true);
  if (past.count === 0) return { past, wrong: nothingWrong };
  return { past, wrong: { anomalies: past.findings.map((finding) => explainPast(of, finding)), count: past.count } };
}

export function wrongCircles(of: Case, { circles, count }: Convergence): Wrong {
  return { anomalies: circles.map((circle) => explainCircle(of, circle)), count };
}

function denialDoubt(open: number): string {
  return (
    `${open} failed cas ${open === 1 ? 'does' : 'do'} not say what was found, and which write explains ${open === 1 ? 'it' : 'each'} is not ` +
    'known; a store that says what it found, or failedCas: ignore, decides it'
  );
}
