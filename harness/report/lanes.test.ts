import { expect, test } from 'vitest';
import { sampleRecord } from '../../test-support/sample-record.ts';
import { rendered } from './formats.ts';

test('a page draws as many moments as a long run has: a path is never cut as text is', () => {
  const standings = Array.from({ length: 2000 }, (_, i) => {
    const from = i * 2e6;
    return { node: 'n1', group: 'main', role: i % 2 === 0 ? 'leader' : 'silent', from, until: from + 2e6 } as const;
  });
  const html = rendered(sampleRecord({ standings }), 'html');
  const drawn = [...html.matchAll(/<path class="is-\w+" d="([^"]*)"/g)].map(([, d]) => d);
  expect(drawn.length).toBeGreaterThan(1);
  expect(Math.max(...drawn.map((d) => d.length))).toBeGreaterThan(10_000);
  for (const d of drawn) expect(d).toMatch(/^(M[\d.]+ [\d.]+h\.6v[\d.]+h-\.6z)+$/);
});
