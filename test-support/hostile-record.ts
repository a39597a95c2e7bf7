/** A run whose history holds what nobody should be able to do anything with: markup, a megabyte, text that turns around, control characters. */
import type { Anomaly } from '../checkers/checker.ts';
import type { Value } from '../history/operation.ts';
import type { RunRecord } from '../results/record.ts';
import { sampleRecord } from './sample-record.ts';

/** Would set `window.owned`, were it ever taken for markup. */
export const hostileTexts: readonly string[] = [
  '<script>window.owned=1</script>',
  '"><img src=x onerror=window.owned=2>',
  "' onload='window.owned=3",
  '</script><script>window.owned=4</script>',
  '</style><svg onload=window.owned=5>',
  ']]><!--<script>window.owned=6</script>',
  '[click](javascript:window.owned=7) @everyone #1 |a|b| `x` **bold**',
  '\u202edrow a si siht\u202c',
  '\u05e9\u05dc\u05d5\u05dd \u0627\u0644\u0639\u0631\u0628\u064a\u0629 123',
  'bell \u0007 escape \u001b[31m null \u0000 line\nbreak \u2028 lone \ud800 end',
  `long ${'x'.repeat(1_000_000)}`,
];

function anomaly(text: string, i: number): Anomaly {
  const value = { [text.slice(0, 2000)]: [text] } satisfies Value;
  const base = {
    process: i,
    key: text,
    session: text.slice(0, 500),
    node: text.slice(0, 500),
    role: 'leader',
  } as const;
  return {
    kind: `kind ${text}`,
    sentence: `The write of ${text} to ${text} was lost.`,
    operations: [
      {
        ...base,
        index: 3 * i,
        completionIndex: 3 * i + 1,
        f: 'write',
        outcome: 'ok',
        value,
        callTime: 1e9,
        retTime: 1.1e9,
      },
      { ...base, process: 50 + i, index: 3 * i + 2, f: 'read', outcome: 'info', value: text, callTime: 1.2e9 },
    ],
  };
}

export function hostileRecord(changes: Partial<RunRecord> = {}): RunRecord {
  const sample = sampleRecord();
  const [cell] = sample.cells;
  const cells = hostileTexts.map((text, i) => ({
    ...cell,
    writePath: `path ${i} ${text}`,
    readPath: text,
    note: `note ${text}`,
    anomalies: [anomaly(text, i)],
  }));
  const [, first = ''] = hostileTexts;
  const all = hostileTexts.join(' ').slice(0, 3000);
  return {
    ...sample,
    command: `npx tidemark run --set note='${all}'`,
    system: first,
    environment: hostileTexts[0] ?? '',
    labels: Object.fromEntries(hostileTexts.map((text) => [text, text])),
    plan: { ...sample.plan, workloads: hostileTexts, faults: hostileTexts, settings: { [first]: all } },
    versions: { tidemark: all, [first]: first },
    counts: { ...sample.counts, [`skipped ${first}`]: 1, [`stopped serving: ${first}`]: 1 },
    cells: [...cells, ...cells.map((one) => ({ ...one, state: 'violated' as const }))],
    faults: hostileTexts.map((text, id) => ({
      id,
      fault: text,
      targets: [text],
      from: id * 1e9,
      until: (id + 2) * 1e9,
      effect: { [text]: 1 },
    })),
    failovers: hostileTexts.map((text, i) => ({
      group: text,
      fromTerm: i,
      toTerm: i + 1,
      from: text,
      to: text,
      cause: text,
      start: i * 1e9,
      electedNs: 1e8,
      lostWrites: { [text]: 1 },
    })),
    staleness: hostileTexts.map((text) => ({ ...sample.staleness[0], readPath: text })),
    standings: hostileTexts.map((text, i) => ({
      node: text,
      group: i < 3 ? text : 'g0',
      role: i % 2 === 0 ? 'leader' : 'follower',
      term: i,
      from: i * 1e9,
      until: (i + 5) * 1e9,
    })),
    pulls: [{ lever: first, nodes: [first], links: [[first, first]], from: 0, until: 5e9 }],
    series: {
      stepNs: 1e9,
      steps: 3,
      rates: [{ kind: 'read', path: first, outcome: 'ok', counts: [1, 2, 3] }],
      latencies: [
        {
          kind: 'write',
          path: first,
          role: first,
          counts: [1, 0, 1],
          p50Ns: [1e6, 0, 2e6],
          p99Ns: [1e6, 0, 2e6],
          maxNs: [1e6, 0, 2e6],
        },
      ],
      lags: hostileTexts.map((node) => ({ node, group: node, entries: [1, null, 3] })),
      staleness: hostileTexts.map((readPath) => ({
        readPath,
        reads: [1, 1, 1],
        stale: [1, 0, 1],
        maxNs: [1e6, 0, 1e6],
      })),
    },
    curves: hostileTexts.map((path) => ({
      path,
      reads: 100,
      stale: 10,
      versionsMax: 2,
      low: { p50: 0, p90: 0, p99: 1e6, max: 2e6 },
      high: { p50: 0, p90: 0, p99: 1e6, max: 2e6 },
      curve: [
        { tNs: 1e6, reads: 100, missed: 10, mayHaveMissed: 10 },
        { tNs: 1e9, reads: 100, missed: 0, mayHaveMissed: 0 },
      ],
    })),
    ...changes,
  };
}
