import { expect, test } from 'vitest';
import type { RunRecord } from '../../results/record.ts';
import { sampleRecord } from '../../test-support/sample-record.ts';
import { defaultPlan } from '../plan.ts';
import { answersOf } from './answers.ts';
import { rendered } from './formats.ts';

test.each(['html', 'markdown', 'json'] as const)(
  '%s answers what a follower read saves from the intended start, the uncorrected beside it by name',
  (format) => {
    const [one] = sampleRecord().latencies;
    const of = (role: string, since: 'intended' | 'sent', p50: number, p99: number): typeof one => ({
      ...one,
      method: 'read',
      path: '*',
      phase: 'calm',
      role,
      since,
      p50Ns: p50 * 1e6,
      p99Ns: p99 * 1e6,
    });
    const latencies = [
      of('leader', 'intended', 40, 150),
      of('leader', 'sent', 30, 60),
      of('follower', 'intended', 20, 120),
      of('follower', 'sent', 1, 70),
    ];
    const text = rendered(sampleRecord({ latencies }), format).replaceAll('\\', '');
    expect(text).toContain(
      'Median 20.0 ms from a follower, 40.0 ms by the strongest path (−50 %); p99 120 ms against 150 ms: from the intended start.',
    );
    expect(text).toContain('Uncorrected, from sending: median 1.00 ms against 30.0 ms, p99 70.0 ms against 60.0 ms.');
  },
);

test.each(['html', 'markdown', 'json'] as const)('%s has a command for who has not the run’s files', (format) => {
  const { plan, id } = sampleRecord();
  const asked = {
    ...defaultPlan,
    system: 'etcd',
    environment: 'docker',
    seed: 9,
    settings: { driver: 'python d.py' },
  };
  const text = (command: string): string =>
    rendered(sampleRecord({ command, plan: { ...plan, asked } }), format).replaceAll('&#39;', "'");
  const whole = "npx tidemark run --seed 9 --system etcd --env docker --set 'driver=python d.py' --plugin ./p.ts";
  expect(text(`npx tidemark run --replay ${id} --plugin ./p.ts`)).toContain(whole);
  expect(text('npx tidemark run --seed 9')).not.toContain('etcd --env docker');
});

test('html draws a first write that never came, though the next failover began at once', () => {
  const [known] = sampleRecord().failovers;
  const { firstWriteNs: _, ...one } = known;
  const next = { ...known, start: one.start + (one.electedNs ?? 0), fromTerm: one.toTerm, toTerm: one.toTerm + 1 };
  const drawn = rendered(sampleRecord({ failovers: [one, next] }), 'html');
  expect(drawn).toMatch(/<path class="phase no-write"[^>]*\/><text [^>]*>never</);
  expect(rendered(sampleRecord({ failovers: [known, next] }), 'html')).not.toContain('<path class="phase no-write"');
});

test('a leader that was away and came back is told of, though none was replaced', () => {
  const leads = { node: 'n1', group: 'g0', role: 'leader', term: 1 } as const;
  const told = (changes: Partial<RunRecord>): string => {
    const record = sampleRecord({ failovers: [], pulls: [], ...changes });
    const { answer, more } = answersOf(record).find(({ section }) => section === 'failovers') ?? {
      answer: '',
      more: [],
    };
    return [answer, ...more].join(' ');
  };
  const s = 1e9;
  const down = { node: 'n1', group: 'g0', role: 'down', from: 12 * s, until: 14 * s } as const;
  const standings = [{ ...leads, from: 0, until: 12 * s }, down, { ...leads, from: 14 * s, until: 20 * s }];
  expect(told({ standings })).toBe('No leader was replaced, but n1, which led, was down at 12.00 s, for 2.00 s.');
  const pause = { lever: 'pause', nodes: ['n1', 'n2'], links: [], from: 12.3 * s, until: 13.8 * s };
  expect(told({ standings, pulls: [pause] })).toBe(
    'No leader was replaced, but n1, which led, was paused at 12.30 s, for 1.50 s.',
  );
  const later = { ...pause, lever: 'kill', from: 16 * s, until: 19 * s };
  expect(told({ standings, pulls: [pause, later] })).toBe(
    'No leader was replaced, but whoever led was away 2 times: first n1 was paused at 12.30 s, for 1.50 s. The longest: n1 was killed at 16.00 s, for 3.00 s.',
  );
  const [again, silent] = [
    { ...pause, from: 18 * s, until: 18.5 * s },
    { ...down, role: 'silent' as const, until: 20 * s },
  ];
  expect(told({ standings: [standings[0], silent], pulls: [pause, again] })).toBe(
    'No leader was replaced, but whoever led was away 2 times: first n1 was paused at 12.30 s, for 1.50 s.',
  );
  // Followers that are away, and levers under which a leader goes on, are none of it.
  const steady = [{ ...leads, from: 0, until: 20 * s }];
  const slow = { ...pause, lever: 'slowDisk' };
  expect(told({ standings: steady, pulls: [{ ...pause, nodes: ['n2'] }, slow] })).toBe(
    'Never: no leader was replaced.',
  );
  const follows = { ...leads, role: 'follower', from: 11 * s, until: 12 * s } as const;
  expect(told({ standings: [{ ...leads, from: 0, until: 11 * s }, follows, down] })).toBe(
    'Never: no leader was replaced.',
  );
  expect(told({ standings: [follows] })).toBe('This run cannot tell: no node said that it led.');
});
