/** Histories of transactions with known verdicts, from AWDIT's test suite. */
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { readJsonlSync } from '../../history/codec/jsonl.ts';
import { need, vectors } from '../../test-support/need.ts';
import { check } from '../index.ts';

interface Known {
  readonly valid: boolean;
  readonly strongest: string;
}

describe('known verdicts', () => {
  need('vectors');

  test('AWDIT', () => {
    const known = JSON.parse(readFileSync(vectors('verdicts.json'), 'utf8')) as Record<string, Known>;
    const names = readdirSync(vectors('awdit-causal'));
    expect(names.length).toBeGreaterThan(5);
    for (const name of names) {
      const { history } = readJsonlSync(vectors(`awdit-causal/${name}`));
      const { valid } = known[`awdit-causal/${name}`];
      expect(check('causal', history).type, name).toBe(valid ? 'valid' : 'invalid');
      if (valid) expect(check('causal-weak', history).type, name).toBe('valid');
    }
  });
});
