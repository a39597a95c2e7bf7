import { describe, expect, test } from 'vitest';
import { Random } from '../../history/random.ts';
import { drawMoments, dueOf, marks, type Mark, stages } from './moments.ts';

describe('moments of kills', () => {
  test('thirty strike every stage, faults most; a seed always draws the same', () => {
    const drawn = drawMoments(30, new Random(1));
    const of = (stage: string): number => drawn.filter((moment) => moment.stage === stage).length;
    expect(stages.map(of)).toEqual([1, 6, 3, 8, 3, 2, 2, 5]);
    expect(drawMoments(30, new Random(1))).toEqual(drawn);
    expect(drawMoments(30, new Random(2))).not.toEqual(drawn);
    expect(
      drawMoments(31, new Random(1))
        .slice(0, 30)
        .map(({ stage }) => stage),
    ).toEqual(drawn.map(({ stage }) => stage));
  });

  test('lie within their stage as long as an undisturbed run had it', () => {
    const timeline = new Map<Mark, number>(marks.map((mark, i) => [mark, (i + 1) * 100]));
    const due = (stage: (typeof stages)[number], share: number) => dueOf({ stage, share, frozen: false }, timeline, 60);
    expect(due('prepare', 0.5)).toEqual({ after: undefined, ns: 50 });
    expect(due('deploy', 0.5)).toEqual({ after: 'folder', ns: 50 });
    expect([due('faults', 0), due('faults', 1)]).toEqual([
      { after: 'faults', ns: 0 },
      { after: 'faults', ns: 60 },
    ]);
    expect([due('heal', 0), due('heal', 1)]).toEqual([
      { after: 'faults', ns: 60 },
      { after: 'faults', ns: 100 },
    ]);
    expect(due('judge', 0.25)).toEqual({ after: 'end', ns: 25 });
  });
});
