import { describe, expect, test } from 'vitest';
import { closed, nearest, unknownName, worst } from './errors.ts';

describe('the worst of several exit codes', () => {
  test('goes 1, 255, 254, 2, 0: nothing hides a broken promise', () => {
    const order = [1, 255, 254, 2, 0] as const;
    for (const [i, worse] of order.entries()) {
      for (const better of order.slice(i)) {
        expect(worst([better, worse])).toBe(worse);
        expect(worst([worse, better, better])).toBe(worse);
      }
    }
  });

  test('of nothing is undecided', () => {
    expect(worst([])).toBe(2);
  });
});

describe('an unknown name', () => {
  const faults = ['isolate-leader', 'kill-leader', 'slow-disk'];

  test('is named, with the nearest and all the valid ones', () => {
    expect(unknownName('fault', 'isolate-leder', faults).message).toBe(
      "There is no fault 'isolate-leder'. Did you mean 'isolate-leader'? Valid: isolate-leader, kill-leader, slow-disk.",
    );
  });

  test('far from everything gets no suggestion', () => {
    expect(unknownName('fault', 'earthquake', faults).message).toBe(
      "There is no fault 'earthquake'. Valid: isolate-leader, kill-leader, slow-disk.",
    );
  });

  test('says so where nothing is valid', () => {
    expect(unknownName('run', 'x', []).message).toBe("There is no run 'x'. There is none.");
  });
});

test('what somebody else said gets one full stop', () => {
  expect(['no', 'no.', 'no!', 'no?'].map(closed)).toEqual(['no.', 'no.', 'no!', 'no?']);
});

describe('the nearest name', () => {
  test('counts insertions, deletions, substitutions and swapped neighbours as one edit', () => {
    const names = ['read', 'write'];
    for (const typed of ['reda', 'rea', 'raed', 'reads', 'REED']) expect(nearest(typed, names)).toBe('read');
  });

  test('is none for what would have to be written anew', () => {
    expect(nearest('x', ['a', 'b'])).toBeUndefined();
    expect(nearest('', ['a'])).toBeUndefined();
  });
});
