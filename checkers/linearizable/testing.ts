/** Small random histories and a checker that tries every order. Not for production code. */
import { historyFromEvents } from '../../history/builder.ts';
import type { History } from '../../history/history.ts';
import type { Completion, Event, Key, Value } from '../../history/operation.ts';
import type { Random } from '../../history/random.ts';

export interface Shape {
  readonly keys: number;
  readonly processes: number;
  readonly operations: number;
  /** Per cent of operations that are cas, and of failed cas that say what they found. */
  readonly casPercent: number;
  readonly actualPercent: number;
  /** Values are drawn from 1 … this; 0: every written value is new. */
  readonly values: number;
  /** Per cent of writes and cas whose outcome is unknown. */
  readonly infoPercent: number;
  /** Per cent of answers that are replaced by something else. */
  readonly lies: number;
}

interface Pending {
  readonly f: 'read' | 'write' | 'cas';
  readonly key: Key;
  readonly asked: Value;
  done: boolean;
  answer: Value;
  swapped: boolean;
}

/** Drives true registers by random clients whose operations overlap; then a few answers lie. The registers begin at 0. */
export function randomEvents(random: Random, shape: Shape): Event[] {
  const registers = new Map<Key, number>();
  const events: Event[] = [];
  const pending = new Map<number, Pending>();
  const written: number[] = [0];
  let fresh = 0;
  let started = 0;
  let nextProcess = shape.processes;
  const clients = Array.from({ length: shape.processes }, (_, i) => i);
  const push = (event: Record<string, unknown>): void =>
    void events.push({ time: events.length * 1000, ...event } as unknown as Event);
  const value = (): number => {
    const next = shape.values === 0 ? ++fresh : 1 + random.below(shape.values);
    written.push(next);
    return next;
  };
  const act = (p: Pending): void => {
    const held = registers.get(p.key) ?? 0;
    p.done = true;
    if (p.f === 'read') p.answer = held;
    else if (p.f === 'write') registers.set(p.key, p.asked as number);
    else {
      const [expected, next] = p.asked as [number, number];
      p.swapped = held === expected;
      if (p.swapped) registers.set(p.key, next);
      else p.answer = held;
    }
  };
  while (started < shape.operations || pending.size > 0) {
    const at = random.below(clients.length);
    const process = clients[at];
    const p = pending.get(process);
    if (p === undefined) {
      if (started >= shape.operations) continue;
      started++;
      const kind = random.below(100);
      const key = `k${random.below(shape.keys)}`;
      const f =
        kind < shape.casPercent ? 'cas' : kind < shape.casPercent + (100 - shape.casPercent) / 2 ? 'write' : 'read';
      const held = registers.get(key) ?? 0;
      const asked: Value =
        f === 'read' ? null : f === 'write' ? value() : [random.chance(0.6) ? held : random.pick(written), value()];
      pending.set(process, { f, key, asked, done: false, answer: null, swapped: true });
      push({ type: 'invoke', process, f, key, value: asked });
    } else if (p.f !== 'read' && random.below(100) < shape.infoPercent) {
      if (!p.done && random.chance(0.5)) act(p);
      pending.delete(process);
      clients[at] = nextProcess++;
      push({ type: 'info', process, f: p.f, key: p.key, value: p.asked });
    } else if (!p.done) {
      act(p);
    } else {
      pending.delete(process);
      const lies = random.below(100) < shape.lies;
      if (p.f === 'read')
        push({ type: 'ok', process, f: 'read', key: p.key, value: lies ? random.pick(written) : p.answer });
      else if (p.f === 'write' || (p.swapped && !lies))
        push({ type: 'ok', process, f: p.f, key: p.key, value: p.asked });
      else {
        const says = random.below(100) < shape.actualPercent;
        const actual = lies ? random.pick(written) : p.answer;
        push({
          type: 'fail',
          process,
          f: 'cas',
          key: p.key,
          value: p.asked,
          error: 'mismatch',
          ...(says ? { actual } : {}),
        });
      }
    }
  }
  return events;
}

export const randomHistory = (random: Random, shape: Shape): History => historyFromEvents(randomEvents(random, shape));

/** The same with a value that is null: written, expected, read, and found by a failed cas. */
export function withNull(events: readonly Event[], value: number): Event[] {
  const swap = (one: Value | undefined): Value => (one === value ? null : (one ?? null));
  return events.map((event) => {
    const { f, value: old, actual } = event as Completion;
    const [expected, next] = Array.isArray(old) ? (old as readonly Value[]) : [];
    const now = f === 'cas' ? [swap(expected), swap(next)] : swap(old);
    return { ...event, value: now, ...(actual === undefined ? {} : { actual: swap(actual) }) };
  });
}

/** What such events say: null that was read, or found by a failed cas, is the initial value 0, or nothing at all. */
export function nullsRead(events: readonly Event[], nilRead: 'initial' | 'any'): Event[] {
  return events.map((event): Event => {
    const { f, type, value, actual, ...rest } = event as Completion;
    const told = { ...rest, f, type, value: f === 'read' && type === 'ok' ? (value ?? 0) : value };
    if (nilRead === 'initial') return { ...told, ...(actual === undefined ? {} : { actual: actual ?? 0 }) };
    if (f === 'read' && type === 'ok' && value === null) return { ...event, type: 'fail' } as Event;
    return { ...told, ...(actual === undefined || actual === null ? {} : { actual }) };
  });
}

interface Step {
  readonly call: number;
  readonly ret: number;
  /** Position of the invocation among the events. */
  readonly index: number;
  readonly changes: boolean;
  /** It may never have happened. */
  readonly optional: boolean;
  /** The state after it, or undefined where it could not have gone like that. */
  apply(state: string): string | undefined;
}

const text = (value: Value): string => JSON.stringify(value);

/** What each operation that says or does anything does to its register, by key. */
function stepsOf(events: readonly Event[]): Map<Key, Step[]> {
  const steps = new Map<Key, Step[]>();
  const calls = new Map<unknown, number>();
  events.forEach((event, at) => {
    if (event.type === 'invoke') calls.set(event.process, at);
    if (event.type === 'invoke' || typeof event.process === 'string') return;
    const { f, key = '', value, type, error, actual } = event as Completion;
    const index = calls.get(event.process) ?? 0;
    const list = steps.get(key) ?? [];
    steps.set(key, list);
    const optional = type === 'info';
    const push = (changes: boolean, apply: Step['apply']): void =>
      void list.push({ call: index, ret: optional ? Number.POSITIVE_INFINITY : at, index, changes, optional, apply });
    if (f === 'read' && type === 'ok') push(false, (state) => (state === text(value) ? state : undefined));
    if (f === 'write' && type !== 'fail') push(true, () => text(value));
    if (f !== 'cas') return;
    const [expected, next] = (value as [Value, Value]).map(text);
    if (type !== 'fail') push(true, (state) => (state === expected ? next : undefined));
    else if (error === 'mismatch') {
      const mayHold = (state: string): boolean =>
        state !== expected && (actual === undefined || state === text(actual));
      push(false, (state) => (mayHold(state) ? state : undefined));
    }
  });
  return steps;
}

/** Registers that begin at 0, by trying every order of each key: the definition, and nothing else. */
export function isLinearizableByBruteForce(events: readonly Event[]): boolean {
  return [...stepsOf(events).values()].every((list) => canFinish(list, '0'));
}

/**
 * Whether the operations invoked at these positions, all of one key, could all stand if nobody knew which of the other
 * operations happened: what an anomaly shows must not.
 */
export function couldStand(events: readonly Event[], key: Key, indices: ReadonlySet<number>): boolean {
  const list = (stepsOf(events).get(key) ?? []).filter(({ changes, index }) => changes || indices.has(index));
  return canFinish(
    list.map((step) => (indices.has(step.index) ? step : { ...step, optional: true })),
    '0',
  );
}

function canFinish(steps: readonly Step[], state: string): boolean {
  if (steps.every(({ optional }) => optional)) return true;
  const soonest = Math.min(...steps.filter(({ optional }) => !optional).map(({ ret }) => ret));
  return steps.some((step, i) => {
    if (step.call > soonest) return false;
    const after = step.apply(state);
    if (after === undefined) return false;
    // Whatever returned before this one was called can have happened no more.
    const rest = steps.filter((other, j) => j !== i && other.ret >= step.call);
    return canFinish(rest, after);
  });
}
