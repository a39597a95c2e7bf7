/** What the session guarantees have in common, and where they differ. */
import { CAS, FAIL, INFO, NONE, OK, READ, WRITE } from '../../history/history.ts';
import { ambiguity } from './ambiguity.ts';
import type { Anomaly, Budget, Evidence, Semantics, Verdict } from '../checker.ts';
import type { History } from '../../history/history.ts';
import { companionsOf, shownRow, withCasReads } from './cas-reads.ts';
import { committed, replacedWrite } from './committed.ts';
import { deedOf } from '../linearizable/words.ts';
import { explainClaim } from './claim-words.ts';
import { type Findings, onceOf } from './findings.ts';
import { operationsOf } from './operations.ts';
import { INITIAL, Registers, UNWRITTEN } from './registers.ts';
import { eventsOf, type Threads, threadsOf } from './threads.ts';
import type { Wanted, WantedOrder } from './wanted-order.ts';
import { answer, key, value } from './words.ts';

export { operationsOf } from './operations.ts';

/** A history prepared for any of them. */
export interface Prepared {
  readonly history: History;
  readonly registers: Registers;
  readonly threads: Threads;
  readonly events: Int32Array;
}

/** Threads and events are for those who ask for them. */
class Parts implements Prepared {
  readonly history: History;
  readonly registers: Registers;
  readonly #semantics: Semantics;
  #threads: Threads | undefined;
  #events: Int32Array | undefined;

  constructor(history: History, semantics: Semantics) {
    this.history = history;
    this.registers = new Registers(history, semantics);
    this.#semantics = semantics;
  }

  get threads(): Threads {
    return (this.#threads ??= threadsOf(this.history, this.#semantics));
  }

  get events(): Int32Array {
    return (this.#events ??= eventsOf(this.history));
  }
}

/** The last preparation of each history that is still in use: they are judged on the same one. */
const prepared = new WeakMap<History, { readonly semantics: Semantics; readonly parts: Prepared }>();

export function prepare(history: History, semantics: Semantics): Prepared {
  const known = prepared.get(history);
  if (known !== undefined && alike(known.semantics, semantics)) return known.parts;
  const parts = new Parts(history, semantics);
  prepared.set(history, { semantics, parts });
  return parts;
}

/** The preparation of the history in which a cas is a read too (cas-reads.ts): with rows of its own. */
const preparedSessions = new WeakMap<History, { readonly semantics: Semantics; readonly parts: Prepared }>();

/** A history prepared for the session guarantees. Its rows are not those of the history it is made from. */
export function prepareSessions(history: History, semantics: Semantics): Prepared {
  const known = preparedSessions.get(history);
  if (known !== undefined && alike(known.semantics, semantics) && known.semantics.failedCas === semantics.failedCas) {
    return known.parts;
  }
  const parts = prepare(withCasReads(committed(history), semantics), semantics);
  const companions = companionsOf(parts.history);
  // What a cas found it cannot have written itself.
  companions?.forEach((is, row) => {
    if (is === 1 && parts.registers.source[row] === row + 1) parts.registers.disown(row);
  });
  preparedSessions.set(history, { semantics, parts });
  return parts;
}

function alike(a: Semantics, b: Semantics): boolean {
  return (
    a.thread === b.thread &&
    a.model === b.model &&
    a.nilRead === b.nilRead &&
    JSON.stringify(a.initial) === JSON.stringify(b.initial)
  );
}

/**
 * What binds a session: its own acknowledged writes; those, and its own of unknown outcome once it has read them; or the
 * writes whose values it read.
 */
export type Binding = 'acknowledged' | 'own' | 'seen';

/** Which write a completed operation binds its session to. */
export class Bound {
  readonly #binding: Binding;
  readonly #f: Uint8Array;
  readonly #outcome: Uint8Array;
  readonly #source: Int32Array;
  readonly #threadOf: Int32Array;

  constructor({ history, registers, threads }: Prepared, binding: Binding) {
    this.#binding = binding;
    this.#f = history.f;
    this.#outcome = history.outcome;
    this.#source = registers.source;
    this.#threadOf = threads.of;
  }

  /** The write, or a negative number. */
  by(row: number): number {
    const outcome = this.#outcome;
    if (this.#f[row] !== READ) {
      return this.#binding !== 'seen' && this.#f[row] <= CAS && outcome[row] === OK ? row : INITIAL;
    }
    if (this.#binding === 'acknowledged' || outcome[row] !== OK) return INITIAL;
    const write = this.#source[row];
    if (this.#binding === 'seen' || write < 0) return write;
    return outcome[write] === INFO && this.#threadOf[write] === this.#threadOf[row] ? write : INITIAL;
  }
}

/**
 * Adds the contradictions that all of them report alike: reads of what nobody wrote, false claims, and circles of what the guarantee
 * wants.
 */
export function reportCommon(
  prepared: Prepared,
  order: WantedOrder,
  findings: Findings,
  budget: Budget,
  clause: (wanted: Wanted) => { readonly text: string; readonly rows: readonly number[] },
): string | undefined {
  const { history, registers } = prepared;
  reportUnwritten(prepared, findings);
  for (const claim of registers.falseClaims) findings.add(() => explainClaim(registers, claim));
  const { circles, stopped } = order.circles(budget);
  for (const { wanted: circle, byVersions } of circles) {
    findings.add(() => {
      const clauses = circle.map(clause);
      return {
        kind: 'contradictory order',
        sentence: `No order of the writes to ${key(history, circle[0].read)}${byVersions ? ' that keeps to their versions' : ''} allows that ${clauses.map(({ text }) => text).join(', and that ')}.`,
        operations: operationsOf(
          history,
          clauses.flatMap(({ rows }) => rows),
        ),
      };
    });
  }
  return stopped;
}

/** Whatever order the writes had, none of them left that value there: no guarantee about orders stands. */
export function reportUnwritten({ history, registers }: Prepared, findings: Findings): void {
  const { source } = registers;
  if (!registers.hasUnwritten) return;
  for (let row = 0; row < history.length; row++) {
    if (source[row] !== UNWRITTEN) continue;
    findings.add(() => explainUnwritten(history, row), onceOf(history, row, history.value[row]));
  }
}

export function explainUnwritten(history: History, row: number): Anomaly {
  const read = `The read of ${key(history, row)}${answer(history, row)} returned ${value(history, row)}, which`;
  const replaced = replacedWrite(history, row);
  if (replaced !== undefined) {
    const { write, by } = replaced;
    return {
      kind: 'intermediate read',
      sentence: `${read} the transaction that wrote it replaced by ${value(history, by)}: nobody may see it.`,
      operations: operationsOf(history, [write, by, row]),
    };
  }
  const refused = refusedWrite(history, row);
  if (refused !== NONE) {
    return {
      kind: 'read of a refused write',
      sentence: `${read} never took effect on ${key(history, row)}: ${deedOf(history, refused)} was refused.`,
      operations: operationsOf(history, [refused, row]),
    };
  }
  return {
    kind: 'read of a value never written',
    sentence: `${read} no write can have left there.`,
    operations: operationsOf(history, [row]),
  };
}

/** The first refused write of what a row read; NONE if there is none. What a cas found, it is not the one that tried to write. */
export function refusedWrite(history: History, read: number): number {
  const { f, key: keyOf, length, outcome, value: valueOf } = history;
  const own = shownRow(history, read);
  for (let row = 0; row < length; row++) {
    if (outcome[row] !== FAIL || (f[row] !== WRITE && f[row] !== CAS) || row === own) continue;
    if (keyOf[row] === keyOf[read] && valueOf[row] === valueOf[read]) return row;
  }
  return NONE;
}

export function verdictOf(
  { registers }: Prepared,
  findings: Findings,
  examined: Evidence & { readonly pairs: number; readonly ambiguous: number },
  nothing: string,
  unsure?: string,
): Verdict {
  const { pairs, ambiguous } = examined;
  const doubt =
    unsure !== undefined ? unsure : ambiguous > 0 ? ambiguity(registers, ambiguous) : pairs === 0 ? nothing : undefined;
  return findings.verdict(examined, doubt);
}

/** Where versions place a key in several groups, nobody knows which reads were of one state. */
export function movedDoubt(history: History, moved: number): string | undefined {
  return moved === NONE
    ? undefined
    : `versions place ${history.keys[moved]} in several replication groups, so that its states are not known`;
}

export const NO_STATES =
  'no state is known: the reads are neither of several keys at once nor tied to a place in a node';
