/** Objects as their definitions have them, driven by random clients, and a checker that tries every order. For tests only. */
import type { Event, Value } from '../../history/operation.ts';
import type { Random } from '../../history/random.ts';

export interface Asked {
  readonly f: string;
  readonly value: Value;
}

/** An object one operation at a time, written for clarity. */
export interface Definition {
  readonly initial: Value;
  ask(random: Random, fresh: () => number): Asked;
  /** What the operation may leave, by what was answered; undefined: nobody knows the answer. Empty: it cannot have gone so. */
  after(state: Value, asked: Asked, answer: Value | undefined): readonly Value[];
  /** What the object answers, and undefined where it refuses. */
  answer(state: Value, asked: Asked): Value | undefined;
  lie(random: Random, answer: Value): Value;
}

const list = (state: Value): readonly Value[] => state as readonly Value[]; // of queues and sets
const number = (state: Value): number => state as number; // of counters
const equal = (a: Value, b: Value): boolean => JSON.stringify(a) === JSON.stringify(b);
const sorted = (values: readonly Value[]): readonly Value[] => [...values].map(Number).sort((a, b) => a - b);
const without = (values: readonly Value[], at: number): readonly Value[] => values.filter((_, i) => i !== at);

const lieOfList = (random: Random, answer: Value): Value => {
  const values = list(answer);
  const draw = random.below(3);
  if (draw === 0 || values.length === 0) return [...values, random.between(1, 6)];
  return draw === 1 ? without(values, random.below(values.length)) : random.shuffle(values);
};

function queue(isFifo: boolean, values: number, drains: boolean): Definition {
  return {
    initial: [],
    ask(random, fresh) {
      const draw = random.below(100);
      if (drains && draw < 10) return { f: 'drain', value: null };
      if (draw < 55) return { f: 'enqueue', value: values === 0 ? fresh() : random.between(1, values) };
      return { f: 'dequeue', value: null };
    },
    answer(state, { f, value }) {
      if (f === 'drain') return state;
      return f === 'enqueue' ? value : (list(state)[0] ?? null);
    },
    after(state, { f, value }, answer) {
      const held = list(state);
      if (f === 'enqueue') return [[...held, value]];
      if (f === 'drain') {
        if (answer === undefined) return [[]];
        return equal(isFifo ? held : sorted(held), isFifo ? answer : sorted(list(answer))) ? [[]] : [];
      }
      if (answer === null) return held.length === 0 ? [[]] : [];
      const takes = held.flatMap((one, at) => {
        return (answer === undefined || equal(one, answer)) && (at === 0 || !isFifo) ? [without(held, at)] : [];
      });
      return answer === undefined ? [state, ...takes] : takes;
    },
    lie: (random, answer) =>
      Array.isArray(answer) ? lieOfList(random, answer) : random.pick<Value>([null, 1, 2, 3, 4, 5]),
  };
}

const set: Definition = {
  initial: [],
  ask: (random, fresh) => {
    if (random.chance(0.5)) return { f: 'read', value: null };
    return { f: 'add', value: random.chance(0.7) ? fresh() : random.between(1, 4) };
  },
  answer: (state, { f, value }) => (f === 'read' ? [...list(state)].reverse() : value),
  after(state, { f, value }, answer) {
    if (f === 'add') return [list(state).includes(value) ? state : sorted([...list(state), value])];
    // An answer is a list, and says twice what it says once.
    return answer === undefined || equal(state, sorted([...new Set(list(answer))])) ? [state] : [];
  },
  lie: lieOfList,
};

const counter: Definition = {
  initial: 0,
  ask: (random) => (random.chance(0.5) ? { f: 'read', value: null } : { f: 'add', value: random.between(-2, 3) }),
  answer: (state, { f, value }) => (f === 'read' ? state : value),
  after(state, { f, value }, answer) {
    if (f === 'add') return [number(state) + number(value)];
    return answer === undefined || answer === state ? [state] : [];
  },
  lie: (random, answer) => number(answer) + random.between(-2, 2),
};

const mutex: Definition = {
  initial: false,
  ask: (random) => ({ f: random.chance(0.5) ? 'acquire' : 'release', value: null }),
  answer: (state, { f }) => ((f === 'acquire') === state ? undefined : null),
  after: (state, { f }) => ((f === 'acquire') === state ? [] : [f === 'acquire']),
  lie: (_, answer) => answer,
};

const string: Definition = {
  initial: '',
  ask(random) {
    const word = random.pick(['a', 'b', 'ab']);
    return random.pick<Asked>([
      { f: 'get', value: null },
      { f: 'append', value: word },
      { f: 'put', value: word },
    ]);
  },
  answer: (state, { f, value }) => (f === 'get' ? state : value),
  after(state, { f, value }, answer) {
    if (f === 'put') return [value];
    if (f === 'append') return [`${state as string}${value as string}`];
    return answer === undefined || answer === state ? [state] : [];
  },
  lie: (random, answer) => random.pick(['', 'a', 'b', 'ab', 'ba', `${answer as string}a`]),
};

/** Some of these keys, now and then one of them twice: a transaction that reads what it wrote itself. */
function someOf(random: Random, keys: readonly string[]): readonly string[] {
  const parts = random.shuffle(keys).slice(0, random.between(1, 3));
  return random.chance(0.3) ? [...parts, random.pick(parts)] : parts;
}

/** Transactions over three keys; a read of many keys is one that only reads. */
const registers: Definition = {
  initial: { a: null, b: null, c: null },
  ask(random) {
    if (random.chance(0.3))
      return { f: 'readMany', value: random.shuffle(['a', 'b', 'c']).slice(0, random.between(1, 3)) };
    return {
      f: 'txn',
      value: someOf(random, ['a', 'b', 'c']).map(
        (key): Value => (random.chance(0.5) ? ['r', key, null] : ['w', key, random.between(1, 3)]),
      ),
    };
  },
  answer(state, { f, value }) {
    const held = { ...(state as { readonly [key: string]: Value }) };
    if (f === 'readMany') return list(value).map((key) => held[key as string]);
    return list(value).map((part) => {
      const [what, key, written] = part as readonly string[];
      if (what === 'w') held[key] = written;
      return what === 'r' ? [what, key, held[key]] : part;
    });
  },
  after(state, { f, value }, answer) {
    const held = { ...(state as { readonly [key: string]: Value }) };
    for (const [i, part] of list(value).entries()) {
      const [what, key, written] = f === 'readMany' ? ['r', part as string] : (part as readonly string[]);
      if (what === 'w') held[key] = written;
      const told = answer === undefined ? undefined : list(answer)[i];
      const found = f === 'readMany' ? told : told === undefined ? undefined : list(told)[2];
      if (what === 'r' && found !== undefined && found !== held[key]) return [];
    }
    return [held];
  },
  lie: (random, answer) =>
    list(answer).map((one) => {
      if (random.chance(0.5)) return one;
      const value = random.pick<Value>([null, 1, 2, 3]);
      if (!Array.isArray(one)) return value;
      const [what, key] = one as readonly string[];
      return what === 'r' ? [what, key, value] : one;
    }),
};

/** Words that nothing takes away again; most lies go another way than the word does, which two reads show at a glance. */
const appended: Definition = {
  ...string,
  ask: (random) =>
    random.chance(0.65) ? { f: 'get', value: null } : { f: 'append', value: random.pick(['a', 'b', 'ab']) },
  lie: (random, answer) => (random.chance(0.15) ? string.lie(random, answer) : random.pick(['aa', 'ba', 'bb'])),
};

/** Values that are written once. */
const registersOnce: Definition = {
  ...registers,
  ask(random, fresh) {
    return {
      f: 'txn',
      value: someOf(random, ['a', 'b', 'c', 'd']).map((key) =>
        random.chance(0.5) ? ['r', key, null] : ['w', key, fresh()],
      ),
    };
  },
  initial: { a: null, b: null, c: null, d: null },
};

export const definitions: readonly (readonly [string, string, Definition])[] = [
  ['fifo-queue', 'values enqueued once', queue(true, 0, false)],
  ['fifo-queue', 'values enqueued once, and drains', queue(true, 0, true)],
  ['fifo-queue', 'values that repeat', queue(true, 3, true)],
  ['unordered-queue', 'values enqueued once', queue(false, 0, false)],
  ['unordered-queue', 'values enqueued once, and drains', queue(false, 0, true)],
  ['unordered-queue', 'values that repeat', queue(false, 3, true)],
  ['set', 'elements, some added twice', set],
  ['counter', 'small amounts', counter],
  ['mutex', 'any', mutex],
  ['string', 'short words', string],
  ['string', 'words appended only', appended],
  ['multi-register', 'transactions over three keys, values that repeat', registers],
  ['multi-register', 'values written once', registersOnce],
];

export interface Drive {
  readonly processes: number;
  readonly operations: number;
  readonly infoPercent: number;
  readonly lies: number;
  /** How many neighbouring events change places. */
  readonly swaps: number;
}

interface Pending {
  readonly asked: Asked;
  done: boolean;
  answer: Value | undefined;
}

/** Clients of a true object, whose operations overlap; then some answers lie, and some events come early. */
export function drive(random: Random, definition: Definition, how: Drive): Event[] {
  const events: Event[] = [];
  const pending = new Map<number, Pending>();
  const clients = Array.from({ length: how.processes }, (_, i) => i);
  let state = definition.initial;
  let started = 0;
  let values = 0;
  let nextProcess = how.processes;
  const act = (p: Pending): void => {
    p.done = true;
    p.answer = definition.answer(state, p.asked);
    if (p.answer !== undefined) state = definition.after(state, p.asked, p.answer)[0];
  };
  const push = (type: string, process: number, { f }: Asked, value: Value): void => {
    const key = f === 'txn' || f === 'readMany' ? {} : { key: 'k' };
    events.push({ type, process, f, ...key, value, time: 0 } as Event); // the definitions ask for what there is
  };
  while (started < how.operations || pending.size > 0) {
    const at = random.below(clients.length);
    const process = clients[at];
    const p = pending.get(process);
    if (p === undefined) {
      if (started >= how.operations) continue;
      started++;
      const asked = definition.ask(random, () => ++values);
      pending.set(process, { asked, done: false, answer: null });
      push('invoke', process, asked, asked.value);
    } else if (random.below(100) < how.infoPercent) {
      if (!p.done && random.chance(0.5)) act(p);
      pending.delete(process);
      clients[at] = nextProcess++;
      push('info', process, p.asked, p.asked.value);
    } else if (!p.done) {
      act(p);
    } else {
      pending.delete(process);
      const tellsNews = !['add', 'enqueue', 'append', 'put', 'acquire', 'release'].includes(p.asked.f);
      if (p.answer === undefined) push(random.below(100) < how.lies ? 'ok' : 'fail', process, p.asked, p.asked.value);
      else if (tellsNews && random.below(100) < how.lies)
        push('ok', process, p.asked, definition.lie(random, p.answer));
      else push('ok', process, p.asked, p.answer);
    }
  }
  for (let i = 0; i < how.swaps && events.length > 1; i++) {
    const at = random.below(events.length - 1);
    const [a, b] = [events[at], events[at + 1]];
    if (a.process !== b.process) [events[at], events[at + 1]] = [b, a];
  }
  return events.map((event, time) => ({ ...event, time }));
}

export interface Step {
  /** Position of the invocation among the events. */
  readonly index: number;
  readonly asked: Asked;
  readonly answer: Value | undefined;
  readonly call: number;
  readonly ret: number;
  /** It may have happened in its time, or not. */
  readonly optional?: boolean;
}

/** What happened, or may have happened. */
export function stepsOf(events: readonly Event[]): Step[] {
  const calls = new Map<unknown, number>();
  const steps: Step[] = [];
  events.forEach((event, at) => {
    const { process, type, value } = event;
    if (type === 'invoke') calls.set(process, at);
    if (type === 'invoke' || type === 'fail') return;
    const index = calls.get(process) ?? 0;
    const asked = { f: event.f, value: events[index].value };
    const isKnown = type === 'ok';
    const ret = isKnown ? at : Number.POSITIVE_INFINITY;
    steps.push({ index, asked, answer: isKnown ? value : undefined, call: index, ret });
  });
  return steps;
}

/** Whether there is an order: the definition, and nothing else. */
export function hasOrder(events: readonly Event[], definition: Definition): boolean {
  return canAllStand(stepsOf(events), definition);
}

export function canAllStand(steps: readonly Step[], definition: Definition): boolean {
  return canFinish(steps, definition.initial, definition, new Set());
}

/** `hopeless` remembers what was tried: which operations were left, and the state. */
function canFinish(steps: readonly Step[], state: Value, definition: Definition, hopeless: Set<string>): boolean {
  const soonest = Math.min(...steps.map(({ optional, ret }) => (optional === true ? Number.POSITIVE_INFINITY : ret)));
  if (soonest === Number.POSITIVE_INFINITY) return true;
  const here = JSON.stringify([state, ...steps.map(({ call }) => call)]);
  if (hopeless.has(here)) return false;
  hopeless.add(here);
  return steps.some((step, i) => {
    if (step.call > soonest) return false;
    // Whatever returned before this one was called can have happened no more.
    const rest = steps.filter((other, j) => j !== i && other.ret >= step.call);
    return definition.after(state, step.asked, step.answer).some((next) => canFinish(rest, next, definition, hopeless));
  });
}
