import { describe, expect, test } from 'vitest';
import { type Box, type Dot, type DotLabel, labelsOf } from './dot-labels.ts';

const within = { left: 58, right: 904, top: 10, bottom: 260 };
const boxOf = ({ at: [x, y] }: Dot): Box => ({ left: x - 5, right: x + 5, top: y - 5, bottom: y + 5 });
const overlap = (a: Box, b: Box): boolean =>
  a.left < b.right && a.right > b.left && a.top < b.bottom && a.bottom > b.top;

function overlaps(labels: readonly DotLabel[], dots: readonly Dot[]): readonly string[] {
  return labels.flatMap((label, i) => [
    ...dots.filter((dot) => overlap(label.box, boxOf(dot))).map((dot) => `${label.name} upon the dot of ${dot.name}`),
    ...labels
      .slice(i + 1)
      .filter((other) => overlap(label.box, other.box))
      .map((other) => `${label.name} upon ${other.name}`),
  ]);
}

/** The paths of a run of the reference store by seed 2, where they lay. */
const run: readonly Dot[] = [
  { name: 'bounded-500ms', at: [151.9, 191] },
  { name: 'follower+token', at: [84, 190.7] },
  { name: 'leader', at: [84, 50.6] },
  { name: 'leader-lease', at: [84, 73.3] },
  { name: 'follower', at: [690.2, 191.2] },
  { name: 'follower-linearizable', at: [84, 40.1] },
  { name: 'shared-token', at: [84, 47.4] },
  { name: 'bounded-2000ms', at: [564.6, 191] },
  { name: 'follower+timestamp', at: [84, 191.3] },
  { name: 'own-leader', at: [84, 54.9] },
  { name: 'monotonic', at: [649.9, 190.6] },
  { name: 'leader-window', at: [84, 62.9] },
  { name: 'region', at: [84, 72.4] },
  { name: 'local', at: [800.2, 192.5] },
];

describe('the names of dots', () => {
  test('lie upon no dot and upon no name, and no line runs through them', () => {
    const line = [
      [84, 191.3],
      [800.2, 191.3],
      [800.2, 192.5],
    ] as const;
    const labels = labelsOf(run, run, { ...within, line });
    expect(labels.map(({ name }) => name).sort()).toEqual(run.map(({ name }) => name).sort());
    expect(overlaps(labels, run)).toEqual([]);
    const isStruck = ({ box }: DotLabel): boolean => box.left < 800.2 && box.top < 191.3 && box.bottom > 191.3;
    expect(labels.filter(isStruck)).toEqual([]);
  });

  test('stay clear of dots that are not named', () => {
    const [dot, other] = [
      { name: 'follower', at: [100, 100] },
      { name: '', at: [130, 100] },
    ] satisfies Dot[];
    expect(labelsOf([dot], [dot], within)[0].box.top).toBe(94);
    expect(overlaps(labelsOf([dot], [dot, other], within), [dot, other])).toEqual([]);
  });

  test('turn to the left at the edge, with a tie where they are far from their dot', () => {
    const dots: readonly Dot[] = [880, 881, 882].map((x, i) => ({ name: `a-long-name-${i}`, at: [x, 100] }));
    const labels = labelsOf(dots, dots, within);
    expect(labels.map(({ box }) => box.right < 882)).toEqual([true, true, true]);
    expect(labels.map(({ tie }) => tie?.[0])).toEqual([undefined, [881, 100], [882, 100]]);
  });

  test('are left out where there is no room', () => {
    const dots: readonly Dot[] = Array.from({ length: 60 }, (_, i) => ({
      name: `path-${i}`,
      at: [100, 100 + i / 100],
    }));
    const labels = labelsOf(dots, dots, within);
    expect(labels.length).toBeGreaterThan(10);
    expect(labels.length).toBeLessThan(60);
    expect(overlaps(labels, dots)).toEqual([]);
    expect(labelsOf([{ name: 'x'.repeat(400), at: [100, 100] }], [], within)).toEqual([]);
  });
});
