import { describe, expect, test } from 'vitest';
import { skipReason } from './need.ts';
import { skipLines } from './skip-reporter.ts';

describe('a need', () => {
  test('that is met lets the test go on, demanded or not', () => {
    expect(skipReason('docker', undefined)).toBeUndefined();
    expect(skipReason('docker', undefined, 'docker,postgres')).toBeUndefined();
  });

  test('that is missing is the reason to skip', () => {
    expect(skipReason('docker', 'no Docker engine answers', 'postgres')).toBe('needs docker: no Docker engine answers');
  });

  test('that is missing and demanded makes the test fail', () => {
    expect(() => skipReason('docker', 'no Docker engine answers', 'postgres,docker')).toThrow(
      'needs docker, which TIDEMARK_REQUIRE demands: no Docker engine answers',
    );
  });

  test('that nobody knows is refused, so that a slip of the pen demands nothing unnoticed', () => {
    expect(() => skipReason('docker', undefined, 'dokcer')).toThrow(
      "TIDEMARK_REQUIRE names 'dokcer'; valid: docker, postgres, browser, vectors",
    );
  });
});

describe('the reporter', () => {
  test('prints one line a reason with its count, the most frequent first', () => {
    expect(skipLines(['b', 'a', 'b', 'c'])).toEqual(['skipped 2: b', 'skipped 1: a', 'skipped 1: c']);
  });
});
