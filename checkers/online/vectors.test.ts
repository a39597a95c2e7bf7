/** Histories with known verdicts, followed event by event: they break if they are invalid, at an event that says so. */
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { historyFromEvents } from '../../history/builder.ts';
import { readEdn } from '../../history/codec/edn.ts';
import { readJsonlSync } from '../../history/codec/jsonl.ts';
import type { History } from '../../history/history.ts';
import type { Event } from '../../history/operation.ts';
import { need, vectors } from '../../test-support/need.ts';
import { defaultSemantics, type Semantics, unlimited } from '../checker.ts';
import linearizable from '../guarantees/linearizable.ts';
import { eventsOf, follow } from './testing.ts';

type Verdicts = Readonly<Record<string, { readonly valid: boolean; readonly property: string }>>;

/** In `npm test` a few of the many; all of them in `npm run test:deep`. */
const deep = process.env['TIDEMARK_DEEP'] !== undefined;

/** Follows it, holds what was found against what is known, and tells whether it was found before the end. */
function followed(history: History, semantics: Semantics, valid: boolean, label: string): boolean {
  const { brokenAt, anomaly, end } = follow(linearizable, eventsOf(history), semantics);
  expect(end.type, label).toBe(valid ? 'valid' : 'invalid');
  if (brokenAt === undefined) return false;
  expect(valid, label).toBe(false);
  expect(anomaly?.sentence, label).not.toBe('');
  return true;
}

describe('known verdicts', () => {
  need('vectors');
  const verdicts = JSON.parse(readFileSync(vectors('verdicts.json'), 'utf8')) as Verdicts;
  const linear = Object.entries(verdicts).filter(([, { property }]) => property === 'linearizable');

  const single = linear.filter(([file]) => !file.startsWith('register-batches'));
  for (const family of ['etcd', 'knossos', 'kv'])
    test(family, { timeout: 60_000 }, () => {
      let files = 0;
      for (const [file, { valid }] of single) {
        if (!file.includes(family) || (!deep && ++files % 10 !== 0)) continue;
        const knossos = { ...defaultSemantics, initial: 0, nilRead: 'any', failedCas: 'ignore' } as const;
        const semantics = file.startsWith('knossos')
          ? knossos
          : file.startsWith('porcupine-kv')
            ? { ...defaultSemantics, model: 'string' }
            : defaultSemantics;
        const history = file.endsWith('.edn')
          ? readEdn(readFileSync(vectors(file), 'utf8')).history
          : readJsonlSync(vectors(file)).history;
        followed(history, semantics, valid, file);
      }
    });

  for (const name of readdirSync(vectors('register-batches'))) {
    test(`generated: ${name}`, () => {
      const semantics = { ...defaultSemantics, initial: 0 };
      let early = 0;
      let invalid = 0;
      const lines = readFileSync(vectors(`register-batches/${name}`), 'utf8')
        .trim()
        .split('\n');
      lines.forEach((line, at) => {
        if (!deep && at % 25 !== 0) return;
        const { valid, history: events } = JSON.parse(line) as { valid: boolean; history: Event[] };
        const history = historyFromEvents(events, { processes: 'overlapping' });
        const label = `${name}, line ${at + 1}`;
        // Where answers may belong to several reads of one process, another dealing of them may be valid: this is the oldest's.
        const oldest = linearizable.check(history, unlimited, semantics).type === 'valid';
        if (oldest) expect(valid, label).toBe(true);
        else invalid++;
        if (followed(history, semantics, oldest, label)) early++;
      });
      expect(early, 'found before the end').toBe(invalid);
    });
  }
});
