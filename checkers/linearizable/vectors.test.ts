/** Histories with known verdicts, from other projects' test suites and from a generator judged by Porcupine. */
import { readFileSync, readdirSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { readEdn } from '../../history/codec/edn.ts';
import { readJsonlSync } from '../../history/codec/jsonl.ts';
import type { Event } from '../../history/operation.ts';
import { need, vectors } from '../../test-support/need.ts';
import type { Semantics } from '../checker.ts';
import { defaultSemantics, unlimited } from '../checker.ts';
import linearizable from '../guarantees/linearizable.ts';
import { checkLinearizable } from '../index.ts';

const verdicts = (): Record<string, { readonly valid: boolean }> =>
  JSON.parse(readFileSync(vectors('verdicts.json'), 'utf8')) as Record<string, { readonly valid: boolean }>;

const expected = (valid: boolean): 'valid' | 'invalid' => (valid ? 'valid' : 'invalid');

describe('known verdicts', () => {
  need('vectors');

  test('etcd, recorded by Jepsen', () => {
    for (const name of readdirSync(vectors('porcupine-etcd'))) {
      const { history } = readJsonlSync(vectors(`porcupine-etcd/${name}`));
      const verdict = linearizable.check(history, unlimited, defaultSemantics);
      expect(verdict.type, name).toBe(expected(verdicts()[`porcupine-etcd/${name}`].valid));
    }
  });

  test('Knossos', () => {
    const semantics: Semantics = { ...defaultSemantics, initial: 0, nilRead: 'any', failedCas: 'ignore' };
    for (const folder of ['good', 'bad']) {
      for (const name of readdirSync(vectors(`knossos-cas-register/${folder}`))) {
        const file = `knossos-cas-register/${folder}/${name}`;
        const { history } = readEdn(readFileSync(vectors(file), 'utf8'));
        const verdict = linearizable.check(history, unlimited, semantics);
        expect(verdict.type, file).toBe(expected(verdicts()[file].valid));
      }
    }
  });

  test('strings', () => {
    for (const name of readdirSync(vectors('porcupine-kv'))) {
      const { history } = readJsonlSync(vectors(`porcupine-kv/${name}`));
      const verdict = linearizable.check(history, unlimited, { ...defaultSemantics, model: 'string' });
      expect(verdict.type, name).toBe(expected(verdicts()[`porcupine-kv/${name}`].valid));
    }
  });

  for (const name of ['batch.jsonl', 'b2-reg.jsonl', 'b2-cas.jsonl', 'b2-casok.jsonl']) {
    test(`generated: ${name}`, () => {
      const lines = readFileSync(vectors(`register-batches/${name}`), 'utf8')
        .trim()
        .split('\n');
      expect(lines).toHaveLength(1000);
      // Some were mutated so that a process has two operations open at once.
      const options = { initial: 0, processes: 'overlapping' } as const;
      lines.forEach((line, at) => {
        const { valid, history } = JSON.parse(line) as { valid: boolean; history: Event[] };
        expect(checkLinearizable(history, options).type, `${name}, line ${at + 1}`).toBe(expected(valid));
      });
    });
  }
});
