import { describe, expect, test } from 'vitest';
import { type Course, isPartOf, sequenceOf, termOf, turnsOf } from './gtid.ts';

describe('a position', () => {
  test('is the last sequence number of its one domain, whichever server made it', () => {
    expect(sequenceOf('0-1-105')).toBe(105);
    expect(sequenceOf('0-3-105')).toBe(105);
    expect(sequenceOf('')).toBe(0);
    expect(sequenceOf(null)).toBe(0);
  });

  test.each(['0-1-105,1-1-7', '0-1', '0-1-', 'x', '0-1-9007199254740993', '-1-1-5'])('%s is none', (text) => {
    expect(() => sequenceOf(text)).toThrow();
  });
});

describe('two histories', () => {
  const course = (turns: string, at: number): Course => ({ turns: turnsOf(turns), at });
  // n1 led to 104, where n3 took over, which led to 200, where n2 did.
  const whole = course('1:n1:0,2:n3:104,3:n2:200', 250);

  test('have the term of their last turn', () => {
    expect(termOf(whole)).toBe(3);
    expect(termOf(course('', 0))).toBe(0);
  });

  test('one is part of the other as far as that one had not turned from it', () => {
    expect(isPartOf(course('1:n1:0', 104), whole)).toBe(true);
    expect(isPartOf(course('1:n1:0', 105), whole)).toBe(false);
    expect(isPartOf(course('1:n1:0,2:n3:104', 200), whole)).toBe(true);
    expect(isPartOf(course('1:n1:0,2:n3:104', 201), whole)).toBe(false);
    expect(isPartOf(course('1:n1:0,2:n3:104,3:n2:200', 250), whole)).toBe(true);
    expect(isPartOf(course('1:n1:0,2:n3:104,3:n2:200', 251), whole)).toBe(false);
  });

  test('a turn that the other one has not had, or had otherwise, is its own', () => {
    expect(isPartOf(course('1:n1:0,2:n2:104', 110), whole)).toBe(false);
    expect(isPartOf(course('1:n1:0,2:n3:103', 104), whole)).toBe(false);
    expect(isPartOf(course('1:n1:0,2:n3:104,3:n2:200,4:n1:210', 220), whole)).toBe(false);
  });
});
