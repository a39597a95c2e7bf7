/**
 * Verdicts in the shape of Knossos's analyses, for tools that read those. What we add to its meaning: `op` is the operation at
 * whose completion the history became impossible; `previous-ok` the completion before that; `last-op` what the first
 * configuration placed last; `configs` are those just before `op`, each with what it had not placed; `final-paths` lead
 * from one of them to `op`, which the model then refuses. Where that takes too long to find, `op` is the one that fits nowhere among those
 * that explain the verdict, and the rest is left out. Indices are those of the history that was read.
 */
import type { Anomaly, Budget, Semantics, Verdict } from '../checker.ts';
import { connectedRegisters } from '../linearizable/many-registers.ts';
import type { Machine, Model, State } from '../model.ts';
import { ILLEGAL } from '../model.ts';
import { NONE } from '../../history/history.ts';
import type { History, Operation } from '../../history/history.ts';
import type { Key, Value } from '../../history/operation.ts';
import { shownValue } from '../../history/shown.ts';
import { firstFailure } from './first-failure.ts';
import type { Failure } from './first-failure.ts';
import type { Path, Standing } from './frontier.ts';
import { withoutOp } from './knossos-text.ts';
import { configurationOf, fullest, previousOk } from './last-state.ts';
import type { Stuck } from './last-state.ts';
import { wholeOf } from './whole.ts';
import type { Whole } from './whole.ts';

export interface KnossosOp {
  readonly process: number;
  readonly type: 'invoke' | 'ok' | 'fail' | 'info';
  readonly f: string;
  /** Only where the object is registers of several keys, and the operation of one of them. */
  readonly key?: Key;
  readonly value: Value;
  readonly index: number;
  readonly time?: number;
}

/** Its models are records: a lock has another field. */
export type KnossosModel = { readonly value: Value } | { readonly 'locked?': boolean };

export interface KnossosConfig {
  readonly model: KnossosModel;
  readonly 'last-op': KnossosOp | null;
  readonly pending: readonly KnossosOp[];
}

export interface KnossosStep {
  readonly op: KnossosOp;
  readonly model: KnossosModel | { readonly msg: string };
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

/**
 * Of independent keys, as `jepsen.independent` has it: the first ten keys that fail, by name. Keys that are linearizable each by itself,
 * and not together, are one: a list of them.
 */
export interface KnossosResults {
  readonly 'valid?': false;
  readonly results: readonly { readonly key: Value; readonly result: KnossosAnalysis }[];
  readonly failures: readonly Value[];
}

/** How a history was judged. */
export interface Judged {
  readonly verdict: Verdict;
  readonly model: Model | undefined;
  readonly semantics: Semantics;
  /** Decides any part of it. */
  readonly judge: (part: History) => Verdict;
  readonly budget: Budget;
}

export function knossosOf(history: History, judged: Judged): KnossosResult {
  const { verdict, model, semantics, judge, budget } = judged;
  if (verdict.type !== 'invalid') return withoutOp(verdict);
  const machine = model?.machine(history, semantics);
  const whole = wholeOf(history, model);
  const objects = new Map<number, Value>();
  const results: { key: Value; result: KnossosAnalysis }[] = [];
  const together = new Set<string>();
  let isAll = true;
  for (const anomaly of verdict.anomalies) {
    const [first] = anomaly.operations;
    if (first === undefined) continue;
    if (machine?.register !== undefined && anomaly.operations.some(({ f }) => f === 'readMany')) {
      const keys = keysOf(anomaly);
      const name = JSON.stringify(keys);
      if (together.has(name)) continue;
      together.add(name);
      const of = new Set(keys.map((key) => history.keys.indexOf(key)));
      const part = history.filter((row) => of.has(history.key[row]));
      results.push({ key: keys.length === 1 ? keys[0] : keys, result: togetherOf(part, judged) });
      isAll = part.length === history.length;
      continue;
    }
    const object = whole.of[history.key.indexOf(history.keys.indexOf(first.key))];
    if (objects.has(object)) continue;
    objects.set(object, first.key);
    const failure = machine === undefined ? undefined : firstFailure(history, machine, object, judge, budget, whole);
    const result: KnossosAnalysis =
      machine === undefined || failure === undefined
        ? withStuck(whole, verdict, anomaly)
        : analysisOf(machine, whole, failure, history);
    results.push({ key: first.key, result });
    isAll = history.keys.length === 1 || whole.of.every((other) => other === 0);
  }
  if (isAll && results.length === 1) return results[0].result;
  return { 'valid?': false, results, failures: results.map(({ key }) => key) };
}

/** Keys that reads of many connect, each linearizable by itself: `part` is all that was done to them. */
function togetherOf(part: History, { verdict, semantics, judge, budget }: Judged): KnossosAnalysis {
  const machine = connectedRegisters.machine(part, semantics);
  const whole = wholeOf(part, connectedRegisters);
  const failure = firstFailure(part, machine, whole.of[0], judge, budget, whole);
  return failure === undefined ? withoutOp(verdict) : analysisOf(machine, whole, failure, part);
}

/** Where nobody can tell at whose completion the history became impossible: the operation that fits nowhere among those shown. */
function withStuck(whole: Whole, verdict: Verdict, { lastState, operations }: Anomaly): KnossosAnalysis {
  const stuck =
    lastState?.stuck ??
    operations
      .filter(({ retTime }) => retTime !== undefined)
      .sort(byReturn)
      .at(-1);
  return { ...withoutOp(verdict), ...(stuck !== undefined && { op: opOf(whole, stuck) }) };
}

const byReturn = (a: Operation, b: Operation): number => (a.retTime ?? 0) - (b.retTime ?? 0);

/** In the order in which the anomaly's operations name them. */
function keysOf({ operations }: Anomaly): readonly Key[] {
  const keys = new Set<Key>();
  for (const { f, key, value } of operations) {
    if (f !== 'readMany') keys.add(key);
    else for (const [, of] of value as readonly (readonly [string, Key, Value])[]) keys.add(of);
  }
  return [...keys];
}

/** As many as Jepsen keeps of them would be 10. */
const PATHS_MAX = 32;
/** Orders looked at for them. */
const STEPS_MAX = 5000;

/**
 * Every order of what was pending, from each of the configurations, up to the step that the model refuses: first those that lead to
 * the operation which got stuck, the shortest before the others; then those that end before.
 */
function finalPaths(machine: Machine, standings: readonly Standing[], { row, pending }: Stuck): readonly Path[] {
  const toStuck: Path[] = [];
  const others: Path[] = [];
  let paths: Path[] = standings.map((start) => ({ start, steps: [] }));
  for (let steps = 0; paths.length > 0 && toStuck.length < PATHS_MAX && steps < STEPS_MAX; ) {
    const longer: Path[] = [];
    for (const { start, steps: so } of paths) {
      const state = so.at(-1)?.state ?? start.state;
      for (const next of pending) {
        if (start.done.has(next) || so.some((step) => step.row === next)) continue;
        if (++steps > STEPS_MAX) break;
        const after = machine.step(state, next);
        const path = { start, steps: [...so, { row: next, state: after }] };
        if (after !== ILLEGAL) longer.push(path);
        else (next === row ? toStuck : others).push(path);
      }
    }
    paths = longer;
  }
  return [...toStuck, ...others].slice(0, PATHS_MAX);
}

function analysisOf(
  machine: Machine,
  whole: Whole,
  { row, frontier, window }: Failure,
  history: History,
): KnossosAnalysis {
  const op = (of: number): KnossosOp => opOf(whole, whole.operation(of));
  const base = { 'valid?': false, analyzer: 'linear', op: op(row) } as const;
  if (frontier === undefined || window === undefined) return base;
  const previous = previousOk(history, window, row);
  const standings = fullest(frontier);
  const last = standings[0]?.placed;
  return {
    ...base,
    'previous-ok': previous === NONE ? null : op(previous),
    'last-op': last === undefined ? null : op(last.row),
    configs: standings.map((standing) => configOf(whole, machine, standing, frontier.pending)),
    'final-paths': finalPaths(machine, standings, frontier).map((path) => pathOf(whole, machine, path)),
  };
}

function configOf(whole: Whole, machine: Machine, standing: Standing, pending: readonly number[]): KnossosConfig {
  const { held, last, pending: open } = configurationOf(whole, machine, standing, pending);
  return {
    model: modelOf(whole.operation(pending[0]).f, held),
    'last-op': last === undefined ? null : opOf(whole, last),
    pending: open.map((of) => invocationOf(whole, of)),
  };
}

function pathOf(whole: Whole, machine: Machine, { start, steps }: Path): KnossosStep[] {
  const value = (state: State): Value => (machine.show === undefined ? state : machine.show(state));
  const path: KnossosStep[] = [];
  if (start.placed !== undefined) {
    path.push({
      op: opOf(whole, whole.operation(start.placed.row)),
      model: modelOf(whole.operation(start.placed.row).f, value(start.state)),
    });
  }
  let held = start.state;
  steps.forEach(({ row, state }, i) => {
    const operation = whole.operation(row);
    const model =
      i === steps.length - 1
        ? { msg: messageOf(operation, heldBy(whole, operation, value(held))) }
        : modelOf(operation.f, value(state));
    path.push({ op: opOf(whole, operation), model });
    held = state;
  });
  return path;
}

/** Of a model that is asked for `f`. */
function modelOf(f: string, held: Value): KnossosModel {
  return f === 'acquire' || f === 'release' ? { 'locked?': held === 'held' } : { value: held };
}

/** What is of one key among several says what that held; a key that is not shown is not known to have changed. */
function heldBy(whole: Whole, { f, key }: Operation, held: Value): Value {
  if (!whole.isJoint || isOfMany(f)) return held;
  const cells = held as Readonly<Record<string, Value>>;
  return Object.hasOwn(cells, key) ? cells[key] : held;
}

const isOfMany = (f: string): boolean => f === 'txn' || f === 'readMany';

function messageOf({ f, outcome, value, expected }: Operation, held: Value): string {
  const text = (of: Value): string => shownValue(of);
  if (f === 'read' && outcome === 'ok') return `can't read ${text(value)} from register ${text(held)}`;
  if (f === 'acquire') return 'already held';
  if (f === 'release') return 'not held';
  if (f !== 'cas') return `can't ${f} ${text(value)} in ${text(held)}`;
  const what = `CAS ${text(held)} from ${text(expected ?? null)} to ${text(value)}`;
  return outcome === 'fail' ? `can't fail to ${what}` : `can't ${what}`;
}

/** The completion where there is one, the invocation where not. */
function opOf(whole: Whole, operation: Operation): KnossosOp {
  const { completionIndex, outcome, retTime } = operation;
  if (completionIndex === undefined) return invocationOf(whole, operation);
  return opWith(whole, operation, outcome, completionIndex, retTime);
}

/** As Knossos completes them: with the value that the operation is known to have had in the end. */
function invocationOf(whole: Whole, operation: Operation): KnossosOp {
  return opWith(whole, operation, 'invoke', operation.index, operation.callTime);
}

function opWith(
  { isJoint }: Whole,
  operation: Operation,
  type: KnossosOp['type'],
  index: number,
  time: number | undefined,
): KnossosOp {
  const { process, f, key, value, expected } = operation;
  const timed = time === undefined || !Number.isFinite(time) ? {} : { time };
  const keyed = isJoint && !isOfMany(f) ? { key } : {};
  return { process, type, f, ...keyed, value: f === 'cas' ? [expected ?? null, value] : value, index, ...timed };
}
