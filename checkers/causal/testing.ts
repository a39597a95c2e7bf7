/** Small random histories of causal stores, and the definitions by enumeration of all orders. Not for production code. */
import type { Completion, Event, Key, Value } from '../../history/operation.ts';
import type { Random } from '../../history/random.ts';

export interface Shape {
  readonly sessions: number;
  readonly operations: number;
  readonly keys: number;
  /** Per cent of operations that are transactions, and that are cas. */
  readonly transactions: number;
  readonly cas: number;
  /** Per cent of failed cas that say what they found. */
  readonly actual: number;
  /** Per cent of writing operations whose outcome is unknown, and of sessions' operations sent by a second device. */
  readonly info: number;
  readonly devices: number;
  /** Per cent of reads that return any value ever written to the key, written later perhaps, and not what a replica holds. */
  readonly lies: number;
  /** Per cent of single operations that write. */
  readonly writes: number;
  /** Whether all ask one copy (then nothing but lies is wrong), or each session its own, to which writes come late. */
  readonly replicas: boolean;
}

/** Reads and writes of three clients, each of a replica of its own; a shape says how it differs. */
export const plainShape: Shape = {
  sessions: 3,
  operations: 11,
  keys: 2,
  transactions: 0,
  cas: 0,
  actual: 100,
  info: 0,
  devices: 0,
  lies: 0,
  replicas: true,
  writes: 50,
};

type Part = ['r' | 'w', Key, Value];

interface Replica {
  readonly held: Map<Key, { value: Value; stamp: number }>;
  readonly waiting: Part[][];
}

/** Events of clients of replicas that exchange their writes in any order, at any pace: nothing is promised. */
export function randomEvents(random: Random, shape: Shape): Event[] {
  const events: Event[] = [];
  const replicas = Array.from({ length: shape.sessions }, (): Replica => ({ held: new Map(), waiting: [] }));
  const open = new Map<string, () => void>();
  const process = new Map<string, number>();
  const written = new Map<Key, Value[]>();
  let processes = 0;
  let fresh = 0;
  let started = 0;
  const push = (event: Record<string, unknown>): void =>
    void events.push({ time: events.length * 1000, ...event } as unknown as Event);
  const replicaOf = (s: number): Replica => replicas[shape.replicas ? s : 0];
  const lookup = (s: number, key: Key): Value => {
    if (random.below(100) < shape.lies) return random.pick([0, ...(written.get(key) ?? [])]);
    return replicaOf(s).held.get(key)?.value ?? 0;
  };
  const apply = (s: number, parts: Part[]): void => {
    for (const [, key, value] of parts) {
      replicaOf(s).held.set(key, { value, stamp: fresh });
      if (!written.get(key)?.includes(value)) written.set(key, [...(written.get(key) ?? []), value]);
    }
    if (shape.replicas) replicas.forEach((replica, i) => i !== s && replica.waiting.push(parts));
  };
  const deliver = (s: number): void => {
    const { waiting, held } = replicaOf(s);
    while (waiting.length > 0 && random.chance(0.6)) {
      const [parts] = waiting.splice(random.chance(0.8) ? 0 : random.below(waiting.length), 1);
      for (const [, key, value] of parts) held.set(key, { value, stamp: 0 });
    }
  };
  const keyOf = (): Key => `k${random.below(shape.keys)}`;
  while (started < shape.operations || open.size > 0) {
    const s = random.below(shape.sessions);
    const who = `${s}.${random.below(100) < shape.devices ? 1 : 0}`;
    const finish = open.get(who);
    if (finish !== undefined) {
      finish();
      open.delete(who);
      continue;
    }
    if (started >= shape.operations) {
      for (const [name, end] of [...open].slice(0, 1)) {
        end();
        open.delete(name);
      }
      continue;
    }
    started++;
    deliver(s);
    const p = process.get(who) ?? processes++;
    process.set(who, p);
    const say = (type: string, fields: Record<string, unknown>): void =>
      push({ type, process: p, session: `s${s}`, ...fields });
    const kind = random.below(100);
    const isInfo = random.below(100) < shape.info;
    const lose = (): void => void process.delete(who);
    if (kind < shape.transactions) {
      const parts: Part[] = Array.from({ length: random.between(1, 3) }, () =>
        random.chance(0.5) ? ['r', keyOf(), null] : ['w', keyOf(), ++fresh],
      );
      say('invoke', { f: 'txn', value: parts });
      open.set(who, () => {
        const own = new Map<Key, Value>();
        const done = parts.map(([f, key, value]): Part => {
          if (f === 'w') own.set(key, value);
          return f === 'w' ? [f, key, value] : [f, key, own.get(key) ?? lookup(s, key)];
        });
        if (!isInfo || random.chance(0.6))
          apply(
            s,
            done.filter(([f]) => f === 'w'),
          );
        say(isInfo ? 'info' : 'ok', { f: 'txn', value: isInfo ? parts : done });
        if (isInfo) lose();
      });
    } else if (kind < shape.transactions + shape.cas) {
      const key = keyOf();
      const expected = random.chance(0.5) ? lookup(s, key) : random.pick([0, ...(written.get(key) ?? [])]);
      const value = [expected, ++fresh];
      const next = fresh;
      say('invoke', { f: 'cas', key, value });
      open.set(who, () => {
        const held = lookup(s, key);
        if (isInfo || held === expected) {
          if (!isInfo || (held === expected && random.chance(0.6))) apply(s, [['w', key, next]]);
          say(isInfo ? 'info' : 'ok', { f: 'cas', key, value });
          if (isInfo) lose();
        } else {
          const actual = random.below(100) < shape.actual ? { actual: held } : {};
          say('fail', { f: 'cas', key, value, error: 'mismatch', ...actual });
        }
      });
    } else if (random.below(100) < shape.writes) {
      const key = keyOf();
      const value = ++fresh;
      say('invoke', { f: 'write', key, value });
      open.set(who, () => {
        if (!isInfo || random.chance(0.6)) apply(s, [['w', key, value]]);
        say(isInfo ? 'info' : 'ok', { f: 'write', key, value });
        if (isInfo) lose();
      });
    } else {
      const key = keyOf();
      say('invoke', { f: 'read', key, value: null });
      open.set(who, () => say('ok', { f: 'read', key, value: lookup(s, key) }));
    }
  }
  return events;
}

/** An operation with all its parts. `denies`: found anything but this. */
interface Unit {
  readonly session: string;
  readonly call: number;
  readonly ret: number;
  readonly parts: readonly Part[];
  readonly optional: boolean;
  readonly denies: { readonly key: Key; readonly value: Value } | undefined;
}

function unitsOf(events: readonly Event[]): Unit[] {
  const units: Unit[] = [];
  const calls = new Map<unknown, number>();
  events.forEach((event, at) => {
    if (event.type === 'invoke') calls.set(event.process, at);
    if (event.type === 'invoke' || typeof event.process === 'string') return;
    const { f, key = '', value, type, error, actual } = event as Completion;
    const session = (event as unknown as { session?: string }).session ?? `p${event.process}`;
    const optional = type === 'info';
    const call = calls.get(event.process) ?? 0;
    const push = (parts: readonly Part[], denies?: Unit['denies']): void =>
      void units.push({ session, call, ret: optional ? Infinity : at, parts, optional, denies });
    if (f === 'read' && type === 'ok') push([['r', key, value]]);
    if (f === 'write' && type !== 'fail') push([['w', key, value]]);
    if (f === 'txn' && type !== 'fail') {
      const parts = value as unknown as Part[];
      push(optional ? parts.filter(([what]) => what === 'w') : parts);
    }
    if (f !== 'cas') return;
    const [expected, next] = value as [Value, Value];
    if (type !== 'fail') {
      push([
        ['r', key, expected],
        ['w', key, next],
      ]);
    } else if (error === 'mismatch' && actual !== undefined) push([['r', key, actual]]);
    else if (error === 'mismatch') push([], { key, value: expected });
  });
  return units.sort((a, b) => a.call - b.call);
}

/** All ways in which the doubtful may have been: each unknown outcome either way, each denial a read of some other value. */
function* completions(units: readonly Unit[]): Generator<Unit[]> {
  const at = units.findIndex(({ optional, denies }) => optional || denies !== undefined);
  if (at === -1) {
    yield [...units];
    return;
  }
  const unit = units[at];
  const others = units.filter((_, i) => i !== at);
  if (unit.optional) {
    yield* completions(others);
    yield* completions(units.with(at, { ...unit, optional: false }));
    return;
  }
  const { key, value } = unit.denies ?? { key: '', value: 0 };
  const found = new Set<Value>([0]);
  for (const { parts } of units) for (const [f, k, v] of parts) if (f === 'w' && k === key) found.add(v);
  found.delete(value);
  for (const v of found) yield* completions(units.with(at, { ...unit, denies: undefined, parts: [['r', key, v]] }));
}

type State = ReadonlyMap<Key, Value>;

/** The state after a unit; undefined if a read of it is another. Registers begin at 0. */
function run(state: State, { parts }: Unit, reads: boolean): State | undefined {
  const after = new Map(state);
  for (const [f, key, value] of parts) {
    if (f === 'w') after.set(key, value);
    else if (reads && (after.get(key) ?? 0) !== value) return undefined;
  }
  return after;
}

/** Whether a is before b: session order, and reads-from, transitively; undefined if that is a circle or a value is nobody's. */
function causalOrder(units: readonly Unit[]): boolean[][] | undefined {
  const n = units.length;
  const before = units.map((a) => units.map((b) => a.session === b.session && a.ret < b.call));
  for (const [b, { parts }] of units.entries()) {
    const own = new Map<Key, Value>();
    for (const [f, key, value] of parts) {
      if (f === 'w') own.set(key, value);
      else if (own.has(key)) {
        if (own.get(key) !== value) return undefined;
      } else if (value !== 0) {
        const a = units.findIndex((u) => u.parts.findLast(([g, k]) => g === 'w' && k === key)?.[2] === value);
        if (a === -1 || a === b) return undefined;
        before[a][b] = true;
      }
    }
  }
  for (let k = 0; k < n; k++) {
    for (let i = 0; i < n; i++) for (let j = 0; j < n; j++) if (before[i][k] && before[k][j]) before[i][j] = true;
  }
  return before.some((row, i) => row[i]) ? undefined : before;
}

/** Whether some order of `members` that `before` allows lets `place` go on to the end. */
function someOrder<T>(
  members: readonly number[],
  before: readonly (readonly boolean[])[],
  start: T,
  place: (so: T, unit: number) => T | undefined,
): boolean {
  const go = (left: readonly number[], so: T): boolean =>
    left.length === 0 ||
    left.some((unit) => {
      if (left.some((other) => before[other][unit])) return false;
      const next = place(so, unit);
      return (
        next !== undefined &&
        go(
          left.filter((other) => other !== unit),
          next,
        )
      );
    });
  return go(members, start);
}

const empty: State = new Map();

/**
 * Whose reads have to stand in one order, by units: for each session what was answered to it, and for each operation that it was
 * never told the outcome of, that operation; either with all that precedes it in the session. Whose value the session has read,
 * that it knows to have happened, as if it had been answered.
 */
function viewsOf(units: readonly Unit[]): Set<number>[] {
  const known = (members: readonly number[]): Set<number> => {
    const view = new Set(members);
    for (const b of view) {
      units.forEach((a, i) => {
        if (a.session === units[b].session && (a.ret < units[b].call || readsFrom(units[b], a))) view.add(i);
      });
    }
    return view;
  };
  const isOpen = (i: number): boolean => units[i].ret === Infinity;
  return [...new Set(units.map(({ session }) => session))].flatMap((session) => {
    const own = [...units.keys()].filter((i) => units[i].session === session);
    return [known(own.filter((i) => !isOpen(i))), ...own.filter(isOpen).map((i) => known([i]))];
  });
}

function readsFrom(b: Unit, a: Unit): boolean {
  return b.parts.some(
    ([f, key, value]) => f === 'r' && a.parts.some(([g, k, v]) => g === 'w' && k === key && v === value),
  );
}

const definitions = {
  'causal-weak': (units: readonly Unit[]): boolean => {
    const before = causalOrder(units);
    if (before === undefined) return false;
    return units.every((_, o) => {
      const past = units.flatMap((_u, i) => (before[i][o] ? [i] : []));
      return someOrder([...past, o], before, empty, (state, i) => run(state, units[i], i === o));
    });
  },
  causal: (units: readonly Unit[]): boolean => {
    const before = causalOrder(units);
    if (before === undefined) return false;
    return someOrder(
      units.map((_, i) => i),
      before,
      [] as readonly number[],
      (placed, o) => {
        let state: State | undefined = empty;
        for (const i of placed) if (before[i][o]) state = run(state ?? empty, units[i], false);
        return run(state ?? empty, units[o], true) === undefined ? undefined : [...placed, o];
      },
    );
  },
  'causal-memory': (units: readonly Unit[]): boolean => {
    const before = causalOrder(units);
    if (before === undefined) return false;
    return viewsOf(units).every((view) =>
      someOrder(
        units.map((_, i) => i),
        before,
        empty,
        (state, i) => run(state, units[i], view.has(i)),
      ),
    );
  },
  sequential: (units: readonly Unit[]): boolean => {
    const before = units.map((a) => units.map((b) => a.session === b.session && a.ret < b.call));
    // What no session has read and nobody acknowledged precedes nothing; what has been read precedes what follows the read.
    const order = causalOrder(units) ?? before;
    return someOrder(
      units.map((_, i) => i),
      order,
      empty,
      (state, i) => run(state, units[i], true),
    );
  },
} as const;

export type Defined = keyof typeof definitions;

/** Sequential consistency where the writes of each key lie in the order of these numbers, by value. */
export function holdsInVersionOrder(events: readonly Event[], version: ReadonlyMap<Value, number>): boolean {
  // Whatever has no version was read by nobody, and need not have happened.
  const all = unitsOf(events).filter(({ optional, parts }) => !optional || parts.some(([, , v]) => version.has(v)));
  const units = all.map((unit): Unit => ({ ...unit, optional: false }));
  const order = causalOrder(units);
  if (order === undefined) return false;
  const members = units.map((_, i) => i);
  return someOrder(members, order, empty, (state, i) => {
    const after = run(state, units[i], true);
    const falls = units[i].parts.some(
      ([f, key, value]) => f === 'w' && (version.get(state.get(key) ?? 0) ?? 0) > (version.get(value) ?? 0),
    );
    return falls ? undefined : after;
  });
}

/** Straight from the definition, by trying all orders. Values are written once, and registers begin at 0. */
export function holdsByBruteForce(guarantee: Defined, events: readonly Event[]): boolean {
  for (const units of completions(unitsOf(events))) if (definitions[guarantee](units)) return true;
  return false;
}

export const hasDenials = (events: readonly Event[]): boolean =>
  events.some((event) => event.type === 'fail' && !('actual' in event));
