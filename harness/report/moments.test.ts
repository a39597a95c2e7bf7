import { expect, test } from 'vitest';
import type { FailoverRecord, RunRecord, StandingRecord } from '../../results/record.ts';
import { clusterOf } from './moments.ts';

const change = (of: Partial<FailoverRecord>): FailoverRecord => ({
  group: 'g0',
  fromTerm: 2,
  toTerm: 3,
  from: 'n2',
  to: 'n3',
  cause: 'isolate-leader',
  start: 100,
  electedNs: 100,
  lostWrites: {},
  ...of,
});

/** What each node says of itself at an instant, such as `n1 follower 2`, with `x` where it has fallen. */
function shown(
  standings: readonly (readonly [string, StandingRecord['role'], number | undefined, number, number])[],
  failovers: readonly FailoverRecord[],
  at: number,
  told?: FailoverRecord,
): readonly string[] {
  const record = {
    standings: standings.map(([node, role, term, from, until]) => ({ group: 'g0', node, role, term, from, until })),
    failovers,
    faults: [],
    virtualNs: 1000,
  } as unknown as RunRecord; // the parts that are looked at
  const cluster = clusterOf(record);
  return (cluster?.at(at, told).groups[0].nodes ?? []).map(({ role, term, isFallen }, i) =>
    [cluster?.nodes[i], role, term, isFallen ? 'x' : undefined].filter((one) => one !== undefined).join(' '),
  );
}

test('a new leader that nobody asked leads, and the fallen one is crossed out until it hears of the new term', () => {
  const standings = [
    ['n1', 'follower', 2, 0, 190],
    ['n1', 'follower', 3, 190, 1000],
    ['n2', 'leader', 2, 0, 150],
    ['n2', 'candidate', 2, 150, 400],
    ['n2', 'follower', 3, 400, 1000],
    ['n3', 'follower', 2, 0, 120],
    ['n3', 'silent', undefined, 120, 500],
  ] as const;
  const failovers = [change({})];
  expect(shown(standings, failovers, 99)).toEqual(['n1 follower 2', 'n2 leader 2', 'n3 follower 2']);
  expect(shown(standings, failovers, 149)).toEqual(['n1 follower 2', 'n2 leader 2 x', 'n3 silent']);
  expect(shown(standings, failovers, 160)).toEqual(['n1 follower 2', 'n2 candidate 2 x', 'n3 silent']);
  expect(shown(standings, failovers, 200)).toEqual(['n1 follower 3', 'n2 candidate 2 x', 'n3 leader 3']);
  expect(shown(standings, failovers, 450)).toEqual(['n1 follower 3', 'n2 follower 3', 'n3 leader 3']);
});

test('a leader that is struck in the instant of its election leads before, and has fallen after', () => {
  const standings = [
    ['n1', 'follower', 3, 0, 1000],
    ['n2', 'leader', 2, 0, 100],
    ['n3', 'candidate', 3, 0, 200],
    ['n3', 'down', undefined, 200, 250],
    ['n3', 'follower', 3, 250, 300],
  ] as const;
  const second = change({ from: 'n3', to: 'n3', fromTerm: 3, toTerm: 4, start: 200 });
  const failovers = [change({}), second];
  expect(shown(standings, failovers, 200, failovers[0])[2]).toBe('n3 leader 3');
  expect(shown(standings, failovers, 200)[2]).toBe('n3 down x');
  expect(shown(standings, failovers, 260)[2]).toBe('n3 follower 3 x');
  expect(shown(standings, failovers, 300)[2]).toBe('n3 leader 4');
});

test('a leader that went down after its election leads no longer', () => {
  const standings = [
    ['n3', 'leader', 3, 200, 300],
    ['n3', 'down', undefined, 300, 400],
    ['n3', 'follower', 4, 400, 500],
  ] as const;
  expect(shown(standings, [change({})], 350)).toEqual(['n3 down x']);
  expect(shown(standings, [change({})], 450)).toEqual(['n3 follower 4']);
});
