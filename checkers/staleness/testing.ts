/** Small random histories with stale reads, and Δ and k by trying every order. Not for production code. */
import type { Completion, Event, Value } from '../../history/operation.ts';
import type { Random } from '../../history/random.ts';

export interface Shape {
  readonly keys: number;
  readonly processes: number;
  readonly operations: number;
  /** How many versions a read may be behind. */
  readonly lag: number;
  readonly versions: boolean;
  readonly casPercent: number;
  /** Per cent of writes and cas whose outcome is unknown, and of reads that return just anything. */
  readonly infoPercent: number;
  readonly lies: number;
}

interface Pending {
  readonly f: 'read' | 'write' | 'cas';
  readonly key: string;
  readonly value: Value;
  answer: Value | undefined;
  at: number;
}

/** Times are multiples of 1,000 with many ties. Every written value is new. The registers begin at null. */
export function staleEvents(random: Random, shape: Shape): Event[] {
  const events: Record<string, unknown>[] = [];
  const states = new Map<string, { value: Value; at: number }[]>();
  const written: Value[] = [null];
  const clients = Array.from({ length: shape.processes }, (_, process) => process);
  const pending = new Map<number, Pending>();
  let nextProcess = shape.processes;
  let started = 0;
  let fresh = 0;
  let index = 0;
  let time = 0;
  const push = (event: Record<string, unknown>): void => {
    time += 1000 * random.below(3);
    events.push({ time, ...event });
  };
  const statesOf = (key: string): { value: Value; at: number }[] => {
    const list = states.get(key) ?? [{ value: null, at: 0 }];
    states.set(key, list);
    return list;
  };
  const act = (p: Pending): void => {
    const list = statesOf(p.key);
    if (p.f === 'read') {
      const seen = list[Math.max(0, list.length - 1 - random.below(shape.lag + 1))];
      p.answer = random.below(100) < shape.lies ? random.pick(written) : seen.value;
      p.at = list.find(({ value }) => value === p.answer)?.at ?? 0;
      return;
    }
    const next = p.f === 'cas' ? (p.value as Value[])[1] : p.value;
    p.answer = p.value;
    if (p.f === 'cas' && (p.value as Value[])[0] !== list[list.length - 1].value) return; // refused
    p.at = ++index;
    list.push({ value: next, at: p.at });
  };
  while (started < shape.operations || pending.size > 0) {
    const slot = random.below(clients.length);
    const process = clients[slot];
    const p = pending.get(process);
    if (p === undefined) {
      if (started++ >= shape.operations) continue;
      const key = `k${random.below(shape.keys)}`;
      const kind = random.below(100);
      const f = kind < shape.casPercent ? 'cas' : kind < 50 + shape.casPercent / 2 ? 'write' : 'read';
      const next = f === 'read' ? null : ++fresh;
      if (f !== 'read') written.push(next);
      const list = statesOf(key);
      const value = f === 'cas' ? [list[list.length - 1].value, next] : next;
      pending.set(process, { f, key, value, answer: undefined, at: 0 });
      push({ type: 'invoke', process, f, key, value });
    } else if (p.f !== 'read' && random.below(100) < shape.infoPercent) {
      if (p.answer === undefined && random.chance(0.5)) act(p);
      pending.delete(process);
      clients[slot] = nextProcess++;
      push({ type: 'info', process, f: p.f, key: p.key, value: p.value });
    } else if (p.answer === undefined) {
      act(p);
    } else {
      pending.delete(process);
      const version = shape.versions && p.at > 0 ? { version: ['g0', 1, p.at] } : {};
      const refused = p.f === 'cas' && p.at === 0;
      push({ type: refused ? 'fail' : 'ok', process, f: p.f, key: p.key, value: p.answer, ...version });
    }
  }
  return events as unknown as Event[];
}

interface Step {
  readonly changes: boolean;
  readonly optional: boolean;
  readonly value: string;
  /** Of a cas. */
  readonly expected: string | undefined;
  readonly version: number;
  readonly call: number;
  readonly callTime: number;
  readonly ret: number;
  readonly retTime: number;
}

function stepsOf(events: readonly Event[]): Map<string, Step[]> {
  const byKey = new Map<string, Step[]>();
  const calls = new Map<unknown, number>();
  const versions = new Map<string, number>(); // of a value: who wrote it need not have heard it
  for (const { value, version } of events as readonly Completion[]) {
    if (version !== undefined) versions.set(JSON.stringify(value), (version as unknown as [string, number, number])[2]);
  }
  events.forEach((event, at) => {
    if (event.type === 'invoke') calls.set(event.process, at);
    if (event.type === 'invoke' || event.type === 'fail') return;
    const { f, key, value, type } = event as Completion;
    if (f === 'read' && type === 'info') return;
    const call = calls.get(event.process) ?? 0;
    const list = byKey.get(String(key)) ?? [];
    byKey.set(String(key), list);
    const [expected, next] = f === 'cas' ? (value as Value[]) : [undefined, value];
    const known = type === 'ok';
    list.push({
      changes: f !== 'read',
      optional: !known,
      value: JSON.stringify(next),
      expected: expected === undefined ? undefined : JSON.stringify(expected),
      version: versions.get(JSON.stringify(next)) ?? 0,
      call,
      callTime: events[call].time,
      ret: known ? at : Number.POSITIVE_INFINITY,
      retTime: known ? event.time : Number.POSITIVE_INFINITY,
    });
  });
  return byKey;
}

/**
 * Whether every read can return one of the k latest writes, in some order that respects real time with the calls of reads moved
 * back by Δ; in the order of versions, where they are to count.
 */
function canStand(steps: readonly Step[], k: number, delta: number, versioned: boolean): boolean {
  const before = (a: Step, b: Step): boolean =>
    a.ret < b.call && (b.changes || delta === Number.NEGATIVE_INFINITY || a.retTime < b.callTime - delta);
  const go = (left: readonly Step[], latest: readonly string[], version: number): boolean => {
    if (left.every(({ optional }) => optional)) return true;
    return left.some((step) => {
      if (left.some((other) => other !== step && before(other, step))) return false;
      const rest = left.filter((other) => other !== step);
      if (step.optional && go(rest, latest, version)) return true;
      if (!step.changes) return latest.includes(step.value) && go(rest, latest, version);
      if (step.expected !== undefined && step.expected !== latest[0]) return false;
      if (versioned && !(step.version > version)) return false;
      return go(rest, [step.value, ...latest].slice(0, k), step.version);
    });
  };
  return go(steps, ['null'], 0);
}

/** Nanoseconds; infinite where no Δ will do. */
export function deltaByBruteForce(events: readonly Event[], versioned: boolean): number {
  const needs = [...stepsOf(events).values()].map((steps) => {
    const spans = steps.flatMap((b) => steps.map((a) => b.callTime - a.retTime).filter((ns) => ns > 0));
    const candidates = [0, ...new Set(spans.sort((a, b) => a - b))];
    return candidates.find((delta) => canStand(steps, 1, delta, versioned)) ?? Number.POSITIVE_INFINITY;
  });
  return Math.max(0, ...needs);
}

/** Infinite where no k will do. */
export function kByBruteForce(events: readonly Event[], versioned: boolean): number {
  const needs = [...stepsOf(events).values()].map((steps) => {
    for (let k = 1; k <= steps.length + 1; k++) {
      if (canStand(steps, k, Number.NEGATIVE_INFINITY, versioned)) return k;
    }
    return Number.POSITIVE_INFINITY;
  });
  return Math.max(1, ...needs);
}
