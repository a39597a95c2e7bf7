/**
 * Verdicts in the shape of Knossos's analyses, for tools that read those. What we add to its meaning: `op` is the operation at
 * whose completion the history became impossible; `previous-ok` the completion before that; `last-op` what the first
 * configuration placed last; `configs` are those just before `op`, each with what it had not placed; `final-paths` lead
 * from one of them to `op`, which the model then refuses. Indices are those of the history that was read.
 */
import type { Budget, Verdict } from '../checker.ts';
import type { Machine, State } from '../model.ts';
import { NONE } from '../../history/history.ts';
import type { History, Operation } from '../../history/history.ts';
import type { Value } from '../../history/operation.ts';
import { firstFailure } from './first-failure.ts';
import type { Failure } from './first-failure.ts';
import type { Path, Standing } from './frontier.ts';
import { configurationOf, fullest, previousOk } from './last-state.ts';

export interface KnossosOp {
  readonly process: number;
  readonly type: 'invoke' | 'ok' | 'fail' | 'info';
  readonly f: string;
  readonly value: Value;
  readonly index: number;
  readonly time?: number;
}

export interface KnossosConfig {
  readonly model: { readonly value: Value };
  readonly 'last-op': KnossosOp | null;
  readonly pending: readonly KnossosOp[];
}

export interface KnossosStep {
  readonly op: KnossosOp;
  readonly model: { readonly value: Value } | { readonly msg: string };
}

export type KnossosResult = KnossosAnalysis | KnossosResults;

/** Of one key. */
export interface KnossosAnalysis {
  readonly 'valid?': boolean | 'unknown';
  readonly analyzer: 'linear';
  readonly op?: KnossosOp;
  readonly 'previous-ok'?: KnossosOp | null;
  readonly 'last-op'?: KnossosOp | null;
  readonly configs?: readonly KnossosConfig[];
  readonly 'final-paths'?: readonly (readonly KnossosStep[])[];
  /** `timeout`, `out-of-memory`, or what else kept us from an answer. */
  readonly cause?: string;
  readonly error?: string;
}

/** Of independent keys, as `jepsen.independent` has it: the first ten keys that fail, by name. */
export interface KnossosResults {
  readonly 'valid?': false;
  readonly results: readonly { readonly key: Value; readonly result: KnossosAnalysis }[];
  readonly failures: readonly Value[];
}

export function knossosOf(
  history: History,
  machine: Machine | undefined,
  verdict: Verdict,
  judge: (part: History) => Verdict,
  budget: Budget,
): KnossosResult {
  if (verdict.type !== 'invalid') return withoutOp(verdict);
  const names = verdict.anomalies.flatMap(({ operations }) => operations.slice(0, 1).map(({ key }) => key));
  const keys = [...new Set(names.map((name) => history.keys.indexOf(name)))];
  const results = keys.map((key) => {
    const failure = machine === undefined ? undefined : firstFailure(history, machine, key, judge, budget);
    const result: KnossosAnalysis =
      machine === undefined || failure === undefined ? withoutOp(verdict) : analysisOf(history, machine, failure);
    return { key: history.keys[key], result };
  });
  if (history.keys.length === 1 && results.length === 1) return results[0].result;
  return { 'valid?': false, results, failures: results.map(({ key }) => key) };
}

/** What a verdict alone tells. */
export function withoutOp(verdict: Verdict): KnossosAnalysis {
  switch (verdict.type) {
    case 'valid':
      return { 'valid?': true, analyzer: 'linear' };
    case 'invalid':
      return { 'valid?': false, analyzer: 'linear', error: verdict.anomalies[0].sentence };
    case 'unknown':
      return { 'valid?': 'unknown', analyzer: 'linear', cause: causeOf(verdict.reason), error: verdict.reason };
  }
}

function causeOf(reason: string): string {
  if (/[GM]B (spent|used)|memory/.test(reason)) return 'out-of-memory';
  return /spent/.test(reason) ? 'timeout' : 'undecided';
}

const PATHS_MAX = 10;

function analysisOf(history: History, machine: Machine, { row, frontier, window }: Failure): KnossosAnalysis {
  const op = (of: number): KnossosOp => opOf(history.operation(of));
  const base = { 'valid?': false, analyzer: 'linear', op: op(row) } as const;
  if (frontier === undefined || window === undefined) return base;
  const previous = previousOk(history, window, row);
  const standings = fullest(frontier);
  const last = standings[0]?.placed;
  return {
    ...base,
    'previous-ok': previous === NONE ? null : op(previous),
    'last-op': last === undefined ? null : op(last.row),
    configs: standings.map((standing) => configOf(history, machine, standing, frontier.pending)),
    'final-paths': frontier.paths.slice(0, PATHS_MAX).map((path) => pathOf(history, machine, path)),
  };
}

function configOf(history: History, machine: Machine, standing: Standing, pending: readonly number[]): KnossosConfig {
  const { held, last, pending: open } = configurationOf(history, machine, standing, pending);
  return { model: { value: held }, 'last-op': last === undefined ? null : opOf(last), pending: open.map(invocationOf) };
}

function pathOf(history: History, machine: Machine, { start, steps }: Path): KnossosStep[] {
  const value = (state: State): Value => (machine.show === undefined ? state : machine.show(state));
  const path: KnossosStep[] = [];
  if (start.placed !== undefined) {
    path.push({ op: opOf(history.operation(start.placed.row)), model: { value: value(start.state) } });
  }
  let held = start.state;
  steps.forEach(({ row, state }, i) => {
    const operation = history.operation(row);
    const model = i === steps.length - 1 ? { msg: messageOf(operation, value(held)) } : { value: value(state) };
    path.push({ op: opOf(operation), model });
    held = state;
  });
  return path;
}

function messageOf({ f, outcome, value, expected }: Operation, held: Value): string {
  const text = JSON.stringify;
  if (f === 'read') return `can't read ${text(value)} from register ${text(held)}`;
  if (f !== 'cas') return `can't ${f} ${text(value)} in ${text(held)}`;
  const what = `CAS ${text(held)} from ${text(expected ?? null)} to ${text(value)}`;
  return outcome === 'fail' ? `can't fail to ${what}` : `can't ${what}`;
}

/** The completion where there is one, the invocation where not. */
function opOf(operation: Operation): KnossosOp {
  const { completionIndex, outcome, retTime } = operation;
  if (completionIndex === undefined) return invocationOf(operation);
  return opWith(operation, outcome, completionIndex, retTime);
}

/** As Knossos completes them: with the value that the operation is known to have had in the end. */
function invocationOf(operation: Operation): KnossosOp {
  return opWith(operation, 'invoke', operation.index, operation.callTime);
}

function opWith(operation: Operation, type: KnossosOp['type'], index: number, time: number | undefined): KnossosOp {
  const { process, f, value, expected } = operation;
  const timed = time === undefined || !Number.isFinite(time) ? {} : { time };
  return { process, type, f, value: f === 'cas' ? [expected ?? null, value] : value, index, ...timed };
}
