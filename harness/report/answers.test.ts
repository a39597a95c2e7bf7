import { expect, test } from 'vitest';
import { sampleRecord } from '../../test-support/sample-record.ts';
import { defaultPlan } from '../plan.ts';
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
