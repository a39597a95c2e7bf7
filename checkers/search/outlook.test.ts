/** What an outlook saves, and what sections forget, changes no answer. */
import { describe, expect, test } from 'vitest';
import { historyFromEvents } from '../../history/builder.ts';
import { NONE } from '../../history/history.ts';
import type { Random } from '../../history/random.ts';
import { eachRound, rounds } from '../../test-support/rounds.ts';
import { defaultSemantics, unlimited } from '../checker.ts';
import { modelNamed } from '../linearizable/models.ts';
import { definitions, drive } from '../linearizable/objects-testing.ts';
import type { Definition } from '../linearizable/objects-testing.ts';
import { layOut } from './problem.ts';
import type { SearchLimits, SearchResult } from './search.ts';
import { search } from './search.ts';

/** Words that are used once: who reads one knows who wrote it. */
const wordsOnce: Definition = {
  initial: '',
  ask(random, fresh) {
    if (random.chance(0.5)) return { f: 'get', value: null };
    return { f: random.chance(0.3) ? 'put' : 'append', value: `x${fresh()}.` };
  },
  answer: (state, { f, value }) => (f === 'get' ? state : value),
  after: (state, { f, value }) =>
    f === 'put' ? [value] : f === 'append' ? [`${state as string}${value as string}`] : [state],
  lie: (random, answer) => {
    const words = (answer as string).split('.').slice(0, -1);
    return random.chance(0.5)
      ? `${answer as string}x${random.between(1, 5)}.`
      : random.shuffle(words.map((word) => `${word}.`)).join('');
  },
};

const all: typeof definitions = [...definitions, ['string', 'words used once', wordsOnce]];

describe.each(all)('%s, %s', (name, what, definition) => {
  test('with an outlook, and in sections', { timeout: 900_000 }, () => {
    const model = modelNamed(name);
    if (model === undefined) throw new Error(`no model ${name}`);
    const seen: { [type in SearchResult['type']]: number } = { found: 0, impossible: 0, stopped: 0 };
    const attempt = (random: Random, label: string): void => {
      const history = historyFromEvents(
        drive(random, definition, {
          processes: random.between(2, 6),
          operations: random.between(6, 20),
          infoPercent: random.pick([0, 0, 10]),
          lies: random.pick([0, 10, 40]),
          swaps: random.pick([0, 0, 3]),
        }),
      );
      const machine = model.machine(history, { ...defaultSemantics, model: name });
      const rows = Int32Array.from({ length: history.length }, (_, row) => row).filter(
        (row) =>
          (model.partition === undefined || history.batch[row] === NONE || history.batch[row] === row) &&
          machine.relevant(row),
      );
      // As when an anomaly is made small: some may be missing.
      const missing = Uint8Array.from(rows, (row) => (!machine.pure(row) && random.chance(0.1) ? 1 : 0));
      const asked = (outlook: typeof machine.outlook, more: Partial<SearchLimits> = {}): SearchResult => {
        const { outlook: _, ...plain } = machine;
        const used = outlook === undefined ? plain : { ...plain, outlook };
        return search(layOut(history, used, rows, missing), used, { budget: unlimited, stepsMax: 200_000, ...more });
      };
      const plain = asked(undefined);
      seen[plain.type]++;
      if (plain.type === 'stopped') return;
      // Where it ended matters as well: explanations begin there.
      const told = (result: SearchResult): unknown => (result.type === 'impossible' ? result.stuck : result.type);
      const sectionEvents = random.between(1, 12);
      expect(told(asked(undefined, { sectionEvents })), label).toBe(told(plain));
      expect(told(asked(machine.outlook)), label).toBe(told(plain));
      expect(told(asked(machine.outlook, { sectionEvents })), label).toBe(told(plain));
    };
    const times = rounds > 1000 ? rounds : rounds / 10;
    eachRound(`outlook ${name} ${what}`, attempt, times);
    expect(seen.stopped, JSON.stringify(seen)).toBeLessThan(times / 20);
    expect(Math.min(seen.found, seen.impossible), JSON.stringify(seen)).toBeGreaterThan(times / 50);
  });
});
