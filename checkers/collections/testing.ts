/** Random histories of collections, valid and not, and their checkers held against naive twins. Not for production code. */
import { expect } from 'vitest';
import { historyFromEvents } from '../../history/builder.ts';
import type { Guarantee } from '../../history/guarantee.ts';
import type { Event, Value } from '../../history/operation.ts';
import type { Random } from '../../history/random.ts';
import { check } from '../index.ts';

/** An operation as the naive twins see it: positions among all events, `ret` infinite where nobody knows. */
export interface Op {
  readonly f: string;
  readonly key: string;
  readonly process: number;
  readonly asked: Value;
  answer: Value;
  readonly call: number;
  ret: number;
  type: 'ok' | 'fail' | 'info';
}

/** What a client may ask of the object of one key, and what it answers; wrong now and then. */
export interface Object {
  ask(random: Random, process: number): { f: string; value: Value };
  act(random: Random, op: { f: string; asked: Value; process: number }): Value;
  lie(random: Random, op: { f: string; answer: Value }): Value;
}

export function run(
  random: Random,
  make: (random: Random) => Object,
  infoPercent: number,
): { events: Event[]; ops: Op[] } {
  const objects = [make(random), make(random)];
  const events: Record<string, unknown>[] = [];
  const ops: Op[] = [];
  const clients = [0, 1, 2].map((process) => ({
    process,
    op: undefined as (Op & { done: boolean; of: Object }) | undefined,
  }));
  const lies = random.chance(0.6) ? 20 : 0;
  let next = 3;
  for (let left = 4 + random.below(10); left > 0 || clients.some(({ op }) => op !== undefined); ) {
    const client = random.pick(clients);
    const { op, process } = client;
    const at = events.length;
    if (op === undefined) {
      if (left-- <= 0) continue;
      const k = random.below(4) === 0 ? 1 : 0;
      const { f, value } = objects[k].ask(random, process);
      client.op = {
        f,
        key: `k${k}`,
        process,
        asked: value,
        answer: value,
        call: at,
        ret: Number.POSITIVE_INFINITY,
        type: 'info',
        done: false,
        of: objects[k],
      };
      ops.push(client.op);
      events.push({ type: 'invoke', process, f, key: `k${k}`, value, time: at * 1000 });
    } else if (random.below(100) < infoPercent) {
      const refused = random.chance(0.4);
      if (!op.done && !refused && random.chance(0.5)) op.of.act(random, op);
      if (refused && op.done && random.chance(0.5)) continue; // now and then it happened all the same
      op.type = refused ? 'fail' : 'info';
      op.ret = refused ? at : Number.POSITIVE_INFINITY;
      client.op = undefined;
      if (!refused) client.process = next++;
      events.push({ type: op.type, process, f: op.f, key: op.key, value: op.asked, time: at * 1000 });
    } else if (!op.done) {
      op.answer = op.of.act(random, op);
      op.done = true;
    } else {
      if (random.below(100) < lies) op.answer = op.of.lie(random, op);
      [op.type, op.ret, client.op] = ['ok', at, undefined];
      events.push({ type: 'ok', process, f: op.f, key: op.key, value: op.answer, time: at * 1000 });
    }
  }
  return { events: events as unknown as Event[], ops };
}

export const text = (value: Value): string => JSON.stringify(value);
export const list = (value: Value): readonly Value[] => (value === null ? [] : (value as readonly Value[]));
const keysOf = (ops: readonly Op[]): string[] => [...new Set(ops.map(({ key }) => key))];

/** Calls `attempt` again and again: `eachRound`. */
type Rounds = (name: string, attempt: (random: Random, label: string) => void) => void;

/** Holds the kinds of anomalies, each once, against those of a naive twin, which takes them straight from the definitions. */
export function agrees(
  rounds: Rounds,
  guarantee: Guarantee,
  make: (random: Random) => Object,
  kindsOf: readonly string[],
  naive: (ops: readonly Op[], all: readonly Op[]) => Set<string>,
  model = 'cas-register',
): void {
  const seen = { valid: 0, invalid: 0, unknown: 0 };
  const met = new Set<string>();
  rounds(`collections ${guarantee} ${model}`, (random, label) => {
    const { events, ops } = run(random, make, random.pick([0, 10, 25]));
    const verdict = check(guarantee, historyFromEvents(events), { model });
    const wanted = new Set(
      keysOf(ops).flatMap((key) => [
        ...naive(
          ops.filter((op) => op.key === key),
          ops,
        ),
      ]),
    );
    const kinds = verdict.type === 'invalid' ? verdict.anomalies.map(({ kind }) => kind) : [];
    seen[verdict.type]++;
    for (const kind of wanted) met.add(kind);
    if (verdict.type === 'invalid' && verdict.count > verdict.anomalies.length) return; // kinds beyond the first ten are not told
    const [told, due] = [[...new Set(kinds)].sort(), [...wanted].sort()];
    if (told.join() === due.join()) return;
    expect(told, `${label}\n${events.map((event) => JSON.stringify(event)).join('\n')}`).toEqual(due);
  });
  expect(Math.min(seen.valid, seen.invalid), JSON.stringify(seen)).toBeGreaterThan(10);
  expect([...met].sort(), 'a kind never occurred').toEqual(kindsOf);
}
