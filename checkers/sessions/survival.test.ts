import { expect, test } from 'vitest';
import { h } from '../../history/testing.ts';
import { undoneWrites } from './survival.ts';

test('undone is what was acknowledged or seen and is gone; what may never have happened is not', () => {
  const history = h(
    'p1: w a 1',
    'p2 w b 2',
    'p2 info',
    'p3 w c 3',
    'p3 info',
    'p4: r c 3',
    'harness phase "epilogue"',
    'p9: r* a,b,c null,null,null',
  );
  expect([...undoneWrites(history)]).toEqual([history.call[0], history.call[2]]);
  expect(undoneWrites(history.filter((row) => row < 4)).size).toBe(0);
});
