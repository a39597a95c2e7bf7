/** Any model, key by key, by the search alone. */
import type { Anomaly, Budget, Evidence, Semantics } from '../checker.ts';
import type { Decision, Machine, Model } from '../model.ts';
import { METHODS, NEVER, NONE, READ, TRANSACTION } from '../../history/history.ts';
import type { History } from '../../history/history.ts';
import { wholeOf } from '../explain/whole.ts';
import type { Whole } from '../explain/whole.ts';
import { layOut } from '../search/problem.ts';
import type { Problem } from '../search/problem.ts';
import { search } from '../search/search.ts';
import type { SearchResult } from '../search/search.ts';
import { shrink } from '../search/shrink.ts';
import { explainCloser, explainCore } from './core.ts';
import { LONG, MANY, explainLong, lastFew } from './long-keys.ts';
import { type Objects, objectsOf, rowsByObject } from './partition.ts';
import { show } from './words.ts';

/** What became of a history, before it is made a verdict. */
export interface Outcome {
  readonly anomalies: readonly Anomaly[];
  readonly count: number;
  /** Why keys stayed undecided, one sentence part each. */
  readonly undecided: readonly string[];
  /** Set where no operation was answered. */
  readonly seesNothing: string | undefined;
  readonly examined: Evidence;
}

/** Explaining costs more than deciding: later anomalies are only counted. */
export const ANOMALIES_EXPLAINED = 10;
/** Of longer keys it takes too long to find a moment at which all orders agree. */
const CUT_OF_MAX = 50_000;
/** More operations than these are not shown where it is not known that all are needed. */
const SHOWN_MAX = 40;
/** So few operations are told whole. */
const HANDFUL = 24;
/** Orders tried where it is known that there is none. */
const STEPS_TO_EXPLAIN = 200_000;

/** All rows that `keep`, by key, each ascending; linear in the history. */
export function rowsByKey(history: History, keep: (row: number) => boolean): (key: number) => Int32Array {
  return rowsByObject(history.length, { of: history.key, count: history.keys.length }, keep);
}

export function foreignReason(history: History, model: Model, row: number): string {
  const x = show(history.keys[history.key[row]]);
  const method = METHODS[history.f[row]];
  if ((history.flags[row] & TRANSACTION) !== 0) {
    return model.transactions === true
      ? `key ${x} was asked for ${method} in a transaction; the model '${model.name}' knows transactions, but not ${method}`
      : `key ${x} takes part in transactions, which '${model.name}' does not know`;
  }
  return `key ${x} was asked for ${method}, which the model '${model.name}' does not know`;
}

export interface SearchContext {
  readonly history: History;
  readonly machine: Machine;
  readonly semantics: Semantics;
  readonly budget: Budget;
  readonly explains: boolean;
  /** Where a batch is one operation, named by its first row. */
  readonly whole?: Whole;
  /** Where the state is that of a cut: the operation at whose end it was. */
  readonly after?: number;
}

export type KeyOutcome =
  | { readonly type: 'found' }
  | { readonly type: 'impossible'; readonly anomaly?: Anomaly }
  | { readonly type: 'undecided'; readonly reason: string };

/** Searches one key; `rows` are its relevant rows, ascending. */
export function searchKey(context: SearchContext, rows: Int32Array, stepsMax?: number): KeyOutcome {
  const { history, machine, budget } = context;
  if (rows.length === 0) return { type: 'found' };
  const x = show(history.keys[history.key[rows[0]]]);
  const exhausted = budget.spent();
  if (exhausted !== undefined) return { type: 'undecided', reason: `key ${x}: ${exhausted} before it was looked at` };
  const problem = layOut(history, machine, rows);
  const result = search(problem, machine, stepsMax === undefined ? { budget } : { budget, stepsMax });
  if (result.type === 'found') return { type: 'found' };
  if (result.type === 'stopped') {
    const { reason, placed } = result;
    const widest = `at most ${problem.slots} at once`;
    return {
      type: 'undecided',
      reason: `key ${x}: ${reason} with ${placed} of ${problem.count} operations placed (${widest})`,
    };
  }
  if (!context.explains) return { type: 'impossible' };
  return { type: 'impossible', anomaly: explained(context, rows, problem, result) };
}

function explained(
  context: SearchContext,
  rows: Int32Array,
  problem: Problem,
  result: SearchResult & { readonly type: 'impossible' },
): Anomaly {
  const { history, machine, budget } = context;
  const stuck = problem.row[result.stuck];
  // Of cells, what could make no difference to the few is not looked at: a long object takes no longer than a short one.
  const isLong = problem.count > LONG && machine.deeds === undefined;
  const long = isLong ? explainLong(context, rows, stuck) : undefined;
  if (long !== undefined) return long;
  const core = shrink(history, machine, problem, result, budget);
  const ofEnd = !isLong && core.rows.length > MANY ? explainLong(context, rows, stuck) : undefined;
  if (ofEnd !== undefined) return ofEnd;
  const isTooMuch = !core.minimal && core.rows.length > SHOWN_MAX;
  return isTooMuch ? lastFew(context, rows, stuck) : explainCore(context, rows, core);
}

/** How many of an object's operations overlapped another one; counted as clusters.ts has it for registers. Rows ascend. */
function concurrentIn({ call, ret }: History, rows: Int32Array): number {
  let concurrent = 0;
  let latest = -1; // the latest return so far
  let uncounted = -1; // that of the operation before; -1 once it has been counted
  for (const row of rows) {
    const [began, ended] = [call[row], ret[row]];
    if (ended === NEVER) continue;
    if (began < uncounted) concurrent++;
    if (began < latest) concurrent++;
    uncounted = began < latest ? -1 : ended;
    latest = Math.max(latest, ended);
  }
  return concurrent;
}

export function checkObjects(history: History, model: Model, semantics: Semantics, budget: Budget): Outcome {
  const machine = model.machine(history, semantics);
  const objects = objectsOf(history, model);
  const isFirst = (row: number): boolean =>
    model.partition === undefined || history.batch[row] === NONE || history.batch[row] === row;
  const foreign = strangersIn(history, model, machine, objects);
  const rows = rowsByObject(
    history.length,
    objects,
    (row) => foreign[objects.of[row]] === undefined && isFirst(row) && machine.relevant(row),
  );
  const whole = model.partition === undefined ? {} : { whole: wholeOf(history, model) };
  const anomalies: Anomaly[] = [];
  const undecided: string[] = [];
  const examined = { operations: 0, keys: 0, reads: 0, writes: 0, concurrent: 0 };
  let count = 0;
  let answered = 0;
  for (let object = 0; object < objects.count; object++) {
    const reason = foreign[object];
    if (reason !== undefined) undecided.push(reason);
    const own = rows(object);
    if (own.length === 0) continue;
    examined.operations += own.length;
    examined.concurrent += concurrentIn(history, own);
    const keys = new Set<number>();
    for (const row of own) {
      const end = model.partition === undefined ? row + 1 : endOfBatch(history, row);
      for (let part = row; part < end; part++) {
        keys.add(history.key[part]);
        const isRead = history.batch[part] === NONE ? machine.pure(part) : history.f[part] === READ;
        examined[isRead ? 'reads' : 'writes']++;
      }
      if (history.ret[row] !== NEVER) answered++;
    }
    examined.keys += keys.size;
    const explains = anomalies.length < ANOMALIES_EXPLAINED;
    const context = { history, machine, semantics, budget, explains, ...whole };
    const outcome = decided(context, own, model.decide?.(history, own, semantics, budget)) ?? searchKey(context, own);
    if (outcome.type === 'undecided') undecided.push(outcome.reason);
    if (outcome.type !== 'impossible') continue;
    count++;
    if (outcome.anomaly !== undefined && context.explains) anomalies.push(outcome.anomaly);
  }
  const seesNothing = answered > 0 ? undefined : 'nothing to examine: no operation was answered';
  return { anomalies, count, undecided, seesNothing, examined };
}

/** Behind the last row of the batch that begins there; of a row by itself, behind that. */
function endOfBatch({ batch, length }: History, row: number): number {
  let end = row + 1;
  while (batch[row] !== NONE && end < length && batch[end] === row) end++;
  return end;
}

function decided(context: SearchContext, rows: Int32Array, decision: Decision | undefined): KeyOutcome | undefined {
  if (decision === undefined) return undefined;
  if (decision === 'possible') return { type: 'found' };
  if (!('rough' in decision)) return { type: 'impossible', anomaly: decision };
  // Of a handful the whole story is told, and not only what clashes once what came before is left out.
  const isHandful = context.explains && rows.length <= HANDFUL;
  const story = isHandful ? searchKey(context, rows, STEPS_TO_EXPLAIN) : undefined;
  if (story?.type === 'impossible') return story;
  const closer = context.explains ? decision.closer?.() : undefined;
  if (closer !== undefined && closer.core.rows.length <= SHOWN_MAX) {
    return { type: 'impossible', anomaly: explainCloser(context, closer) };
  }
  const searched =
    context.explains && !isHandful && rows.length <= LONG ? searchKey(context, rows, STEPS_TO_EXPLAIN) : undefined;
  if (searched?.type === 'impossible') return searched;
  const { stuck } = decision;
  const isLong = context.explains && rows.length > LONG && rows.length <= CUT_OF_MAX;
  const told = stuck === undefined || !isLong ? undefined : explainLong(context, rows, stuck);
  if (told !== undefined) return { type: 'impossible', anomaly: told };
  const { kind, operations, sentence } = decision.rough;
  const anomaly = { kind, operations, sentence: `${sentence} There may be fewer operations, or others, that show it.` };
  return { type: 'impossible', anomaly };
}

/** Per object, why it cannot be judged by the model; undefined where it can. */
function strangersIn(history: History, model: Model, machine: Machine, { of, count }: Objects): (string | undefined)[] {
  const { batch, f, flags, key, keys, length } = history;
  const knows = METHODS.map((method) => model.methods.includes(method));
  const reasons: (string | undefined)[] = Array.from({ length: count }, () => undefined);
  for (let row = 0; row < length; row++) {
    if (reasons[of[row]] !== undefined) continue;
    const isPart = (flags[row] & TRANSACTION) !== 0;
    const isKnown = isPart
      ? model.transactions === true && (knows[f[row]] || model.methods.includes('txn'))
      : knows[f[row]] || (batch[row] !== NONE && model.methods.includes('readMany'));
    if (!isKnown) {
      reasons[of[row]] = foreignReason(history, model, row);
      continue;
    }
    const strange = machine.relevant(row) ? machine.meaningless?.(row) : undefined;
    if (strange !== undefined) reasons[of[row]] = `key ${show(keys[key[row]])} ${strange}`;
  }
  return reasons;
}
