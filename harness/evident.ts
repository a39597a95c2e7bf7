/** Which guarantees a history tells anything about. */
import type { Header } from '../history/codec/jsonl.ts';
import { boundMsOf, type Guarantee, guaranteeNames } from '../history/guarantee.ts';
import { CAS, type History, METHODS, NONE, OK, READ, TRANSACTION, WRITE } from '../history/history.ts';

/** In the order of the columns; never none. */
export function evident(
  history: History,
  header: Header | undefined,
  asked: {
    readonly path: string | undefined;
    readonly boundMs: number | undefined;
    /** Whether somebody said what the keys are. */
    readonly modelGiven?: boolean;
  },
): readonly Guarantee[] {
  const sessions = some(history.session);
  const states = some(history.batch) || (some(history.node) && some(history.positionGroup));
  const noted = (process: string, f: string, value?: string): boolean =>
    history.notes.some(
      (note) => note.process === process && note.f === f && (value === undefined || note.value === value),
    );
  const paths = asked.path === undefined ? history.paths : [asked.path];
  const bounded = paths.filter((path) => boundMsOf(path) !== undefined);
  const ended = header !== undefined && noted('harness', 'phase', 'epilogue');
  const objects = collections(history);
  const has: Readonly<Record<Guarantee, boolean>> = {
    linearizable:
      objects.registers ||
      asked.modelGiven === true ||
      !Object.values(objects).includes(true) ||
      evidentModel(history) !== undefined,
    'read-your-writes': sessions,
    'monotonic-reads': sessions,
    'monotonic-writes': sessions && states,
    'writes-follow-reads': sessions && states,
    'bounded-staleness': timed(history) && (asked.boundMs !== undefined || bounded.length > 0),
    durable: ended,
    fenced: some(history.versionGroup),
    convergent: ended,
    'one-leader-per-term': noted('cluster', 'sighting'),
    // What takes long, or is implied by the others, is judged where it is asked for.
    sequential: false,
    // Of transactions, besides strict serializability: what a weaker store may still promise.
    causal: objects.transactions,
    'causal-memory': false,
    'causal-weak': false,
    'consistent-prefix': false,
    set: objects.set,
    queue: objects.queue,
    log: objects.log,
    counter: objects.counter,
    lock: objects.lock,
  };
  return guaranteeNames.filter((name) => has[name]);
}

/**
 * The model of a history of which nobody said it: transactions of reads and writes alone are linearizable as operations on all their keys
 * at once, which is strict serializability. Undefined: none that differs from what single operations tell.
 */
export function evidentModel({ length, f, flags }: History): string | undefined {
  let transactions = false;
  for (let row = 0; row < length; row++) {
    if (f[row] !== READ && f[row] !== WRITE) return undefined;
    if ((flags[row] & TRANSACTION) !== 0) transactions = true;
  }
  return transactions ? 'multi-register' : undefined;
}

/** What the keys hold, by what was asked of them. */
function collections({
  length,
  f,
  flags,
  key,
  keys,
  outcome,
  value,
  values,
}: History): Readonly<Record<Held, boolean>> {
  const bits = new Uint32Array(keys.length);
  let transactions = false;
  for (let row = 0; row < length; row++) {
    if ((flags[row] & TRANSACTION) === 0) bits[key[row]] |= 1 << f[row];
    else transactions = true;
  }
  const did = (k: number, ...methods: readonly (typeof METHODS)[number][]): boolean =>
    methods.some((name) => ((bits[k] >> METHODS.indexOf(name)) & 1) === 1);
  // Something is added to sets and to counters: what reads return, or what was added, tells which.
  const counts = new Uint8Array(keys.length);
  for (let row = 0; row < length; row++) {
    const k = key[row];
    if (counts[k] !== 0 || f[row] !== READ || outcome[row] !== OK || !did(k, 'add')) continue;
    const held = values.get(value[row]);
    if (held !== null) counts[k] = typeof held === 'number' ? 1 : 2;
  }
  // What a key holds that was only read, its neighbours tell, if anything does (checkers/kinds.ts).
  const areOthers = bits.some((some) => some >> (CAS + 1) !== 0);
  const has = { registers: false, transactions, set: false, queue: false, log: false, counter: false, lock: false };
  for (let k = 0; k < keys.length; k++) {
    const adds = did(k, 'add');
    if (did(k, 'write', 'cas', 'append') || (bits[k] === 1 << READ && !areOthers)) has.registers = true;
    if (adds && counts[k] === 1) has.counter = true;
    else if (adds) has.set = true;
    if (did(k, 'enqueue', 'dequeue', 'drain')) has.queue = true;
    if (did(k, 'send', 'poll')) has.log = true;
    if (did(k, 'acquire', 'release')) has.lock = true;
  }
  return has;
}

type Held = 'registers' | 'transactions' | 'set' | 'queue' | 'log' | 'counter' | 'lock';

function some(column: Int32Array): boolean {
  for (let row = 0; row < column.length; row++) if (column[row] !== NONE) return true;
  return false;
}

function timed({ length, callTime }: History): boolean {
  return length > 0 && !Number.isNaN(callTime[0]);
}
