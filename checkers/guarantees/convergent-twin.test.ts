/** Convergence against its definition: every two answers for one key, of nodes that were up and could be judged. */
import { expect, test } from 'vitest';
import { historyFromEvents } from '../../history/builder.ts';
import type { Event, Value } from '../../history/operation.ts';
import type { Random } from '../../history/random.ts';
import { drawn, eachRound, rounds } from '../../test-support/rounds.ts';
import { defaultSemantics, unlimited } from '../checker.ts';
import convergent from './convergent.ts';

/** A read after the end of the run: of one node by its name, or through the strongest path. */
interface Asked {
  readonly of: string | undefined;
  readonly key: string;
  readonly answer: Value | undefined;
  /** Who answered, where that was told. */
  readonly by: string | undefined;
  /** Which of the nodes were down when it was asked for. */
  readonly down: ReadonlySet<string>;
}

interface Drawn {
  readonly events: Event[];
  readonly asked: readonly Asked[];
  /** Nodes that the journal says of that they went up or down, and those that are down in the end. */
  readonly named: ReadonlySet<string>;
  readonly down: ReadonlySet<string>;
  /** Those that were down when the epilogue began. */
  readonly downThen: ReadonlySet<string>;
  /** Who takes part, by the last word of the last leader; undefined: nobody said. */
  readonly members: readonly string[] | undefined;
  readonly isHealed: boolean;
}

const NODES = ['n1', 'n2', 'n3'];

/** Nodes that mostly hold the same, of which some do not answer, are down, are spoken for, have left the group. */
function epilogue(random: Random): Drawn {
  const events: Event[] = [];
  const asked: Asked[] = [];
  const push = (event: object): void => void events.push({ time: events.length, ...event } as Event);
  const note = (process: string, f: string, value: Value): void => push({ type: 'info', process, f, value });
  const keys = random.pick([['x'], ['x', 'y'], ['x', 'y', 'z']]);
  const odds = random.pick([0, 0, 0.1, 0.3]);
  const named = new Set<string>();
  const down = new Set<string>();
  const change = (): void => {
    const node = random.pick(NODES);
    named.add(node);
    if (down.has(node)) down.delete(node);
    else down.add(node);
    note('cluster', down.has(node) ? 'down' : 'up', { node });
  };
  let members: readonly string[] | undefined;
  let term = 0;
  for (let left = random.below(3); left > 0; left--) {
    const isKnown = random.chance(0.5);
    const said = random.pick([NODES, NODES.slice(0, 2), ['n1', 'n2', 'n3', 'n4']]);
    const of = random.between(1, 3);
    const leader = { node: 'n1', role: 'leader', term: of, commit: ['g0', of, 1], applied: ['g0', of, 1] };
    note('cluster', 'sighting', { ...leader, ...(isKnown && { members: said }) });
    if (isKnown && of >= term) [term, members] = [of, said];
  }
  const isHealed = random.chance(0.93);
  if (random.chance(0.3) || !isHealed) note('nemesis', 'isolate', { do: 'inject', id: 1, targets: ['n1'] });
  if (isHealed && random.chance(0.9)) note('nemesis', 'isolate', { do: 'heal', id: 1, targets: ['n1'] });
  else if (isHealed) note('nemesis', 'isolate', { do: 'heal', id: 1, targets: ['n1'], effect: {} });
  if (random.chance(odds / 2)) change();
  const truth = new Map<string, Value>(keys.map((key) => [key, random.pick([null, 1, 2])]));
  const isReal = random.chance(0.97);
  note('harness', 'phase', isReal ? 'epilogue' : 'healed');
  const downThen = new Set(down);
  const read = (of: string | undefined, key: string): void => {
    const path = of === undefined ? 'leader' : `node:${of}`;
    push({ type: 'invoke', process: asked.length, f: 'read', key, path, value: null });
    const downNow = new Set(down);
    if (random.chance(odds / 6)) change();
    const answer = random.chance(odds) ? random.pick([null, 1, 2]) : truth.get(key);
    const type = random.chance(odds / 2) ? random.pick(['info', 'fail']) : 'ok';
    const by = of !== undefined && random.chance(odds / 3) ? random.pick(NODES) : random.pick([of, undefined]);
    const value = type === 'ok' ? (answer as Value) : null;
    push({
      type,
      process: asked.length,
      f: 'read',
      key,
      value,
      ...(type === 'ok' && by !== undefined && { node: by }),
    });
    asked.push({ of, key, answer: type === 'ok' ? value : undefined, by, down: downNow });
  };
  const byName = NODES.flatMap((node) => keys.map((key) => [node, key] as const));
  const isAsked = random.pick([0.5, 1, 1, 1]);
  const again = byName.filter(() => random.chance(0.2));
  for (const [node, key] of [...random.shuffle(byName), ...again]) if (random.chance(isAsked)) read(node, key);
  const isFinal = random.pick([0, 1, 1]);
  for (const key of keys) if (random.chance(isFinal)) read(undefined, key);
  return { events, asked: isReal ? asked : [], named, down, downThen, members, isHealed };
}

/** Valid where all that can be judged hold the same and nothing is left open; how many anomalies, where not. */
function judge(all: Drawn): 'valid' | 'unknown' | number {
  const { asked, named, members, isHealed } = all;
  if (!isHealed || !asked.some(({ of }) => of !== undefined)) return 'unknown';
  const expected = [...new Set([...named, ...asked.flatMap(({ of }) => of ?? [])])].filter(
    (node) => members === undefined || members.includes(node),
  );
  if (!asked.some(({ of }) => of !== undefined && expected.includes(of))) return 'unknown';
  const last = (of: string | undefined, key: string): Value | undefined =>
    asked.findLast((one) => one.of === of && one.key === key && one.answer !== undefined)?.answer;
  const isJudged = (node: string): boolean => {
    const its = asked.filter(({ of }) => of === node);
    const downThen = its.at(-1)?.down ?? all.downThen;
    return (
      its.length > 0 &&
      !downThen.has(node) &&
      its.every(({ answer, by }) => answer === undefined || (by ?? node) === node)
    );
  };
  const judged = expected.filter(isJudged);
  let isOpen = judged.length < expected.length;
  let compared = 0;
  const silent = new Set<string>();
  let differing = 0;
  for (const key of new Set(asked.map((one) => one.key))) {
    const final = last(undefined, key);
    const answers = judged.flatMap((node) => last(node, key) ?? (hasAnswered(asked, node, key) ? null : []));
    const isKnown = hasAnswered(asked, undefined, key) || answers.length > 0;
    const votes = (value: Value): number => answers.filter((other) => other === value).length;
    const right = hasAnswered(asked, undefined, key) ? final : Math.max(...answers.map(votes));
    differing += hasAnswered(asked, undefined, key)
      ? answers.filter((answer) => answer !== right).length
      : answers.length - (answers.length === 0 ? 0 : (right as number));
    if (answers.length + Number(hasAnswered(asked, undefined, key)) > 1) compared++;
    for (const node of judged) {
      if (hasAnswered(asked, node, key)) continue;
      const inVain = asked.some((one) => one.of === node && one.key === key);
      if (inVain && isKnown) silent.add(node);
      else if (inVain || isKnown) isOpen = true;
    }
  }
  if (differing + silent.size > 0) return differing + silent.size;
  return isOpen || compared === 0 ? 'unknown' : 'valid';
}

const hasAnswered = (asked: readonly Asked[], of: string | undefined, key: string): boolean =>
  asked.some((one) => one.of === of && one.key === key && one.answer !== undefined);

test('convergent: every two answers', () => {
  const seen = { valid: 0, invalid: 0, unknown: 0 };
  eachRound('convergent twin', (random, label) => {
    const all = epilogue(random);
    const verdict = convergent.check(historyFromEvents(all.events), unlimited, defaultSemantics);
    const expected = judge(all);
    seen[typeof expected === 'number' ? 'invalid' : expected]++;
    const told = verdict.type === 'invalid' ? verdict.count : verdict.type;
    if (told === expected) return;
    const reason = verdict.type === 'unknown' ? verdict.reason : '';
    expect(told, `${label} ${reason}\n${all.events.map((event) => JSON.stringify(event)).join('\n')}`).toBe(expected);
  });
  for (const [type, count] of Object.entries(seen)) expect(count, `${type}, ${drawn}`).toBeGreaterThan(rounds / 20);
});
