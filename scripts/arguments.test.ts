import { describe, expect, test } from 'vitest';
import { BadInput } from '../harness/errors.ts';
import { readArguments } from './arguments.ts';

const known = { runs: 'count', defective: 'share', defect: 'text', json: 'flag' } as const;
const read = (...given: string[]): unknown => readArguments(known, given);

describe('arguments of a script', () => {
  test('are read by kind; what is not given is not there', () => {
    expect(read('--runs', '20', '--defective', '0', '--defect', 'x', '--json')).toEqual({
      runs: 20,
      defective: 0,
      defect: 'x',
      json: true,
    });
    expect(read()).toEqual({});
  });

  test.each([
    [['--runs', 'abc'], "--runs must be a whole number from 1, not 'abc'."],
    [['--runs', '0'], "--runs must be a whole number from 1, not '0'."],
    [['--runs', '1.5'], "--runs must be a whole number from 1, not '1.5'."],
    [['--runs', ''], "--runs must be a whole number from 1, not ''."],
    [['--defective', '2'], "--defective must be a number from 0 to 1, not '2'."],
    [['--bogus'], 'Options: --runs, --defective, --defect, --json.'],
    [['more'], 'Options: --runs, --defective, --defect, --json.'],
  ])('%j is one sentence', (given, sentence) => {
    expect(() => read(...given)).toThrow(BadInput);
    expect(() => read(...given)).toThrow(sentence);
  });
});
