/** What a policy says, and what is wrong with it. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readPolicy } from './policy.ts';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'tidemark-policy-test-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

function policy(text: string): Promise<Awaited<ReturnType<typeof readPolicy>>> {
  writeFileSync(join(folder, 'gate.yaml'), text);
  return readPolicy('gate.yaml', folder);
}

describe('a policy', () => {
  it('says what is run, and how much worse what may be', async () => {
    const read = await policy(`
bench: { env: simulation, rate: [100, 200], ladder: false, set: { keys: 4 }, read-path: leader }
limits:
  - { measure: [p50, p99], method: read, worse-by: 10%, and-by: 0.5ms }
  - { measure: [throughput, highest-rate], worse-by: 2.5 % }
false-alarms: 2%
blocks: { first: 3 }
`);
    expect(read).toEqual({
      command: 'bench',
      options: ['--env', 'simulation', '--rate', '100,200', '--set', 'keys=4', '--read-path', 'leader'],
      rules: {
        limits: [
          { type: 'latency', methods: ['read'], percentiles: [50, 99], worseBy: 0.1, andBy: 500_000 },
          { type: 'throughput', percentiles: [], worseBy: 0.025, andBy: 0 },
          { type: 'ladder', percentiles: [], worseBy: 0.025, andBy: 0 },
        ],
        alpha: 0.02,
        blocks: { first: 3, most: 12 },
        seed: '1',
      },
    });
  });

  it('is refused with every mistake in it: line, field, what would be right', async () => {
    const text = `bench:
  rate: 500
  durtion: 5s
limits:
  - measure: p98
    slower: 10%
    worse-by: ten
blocks: { first: 4, most: 5 }
colour: red
`;
    await expect(policy(text)).rejects.toThrow(/mistakes in gate.yaml/);
    const message = await policy(text).catch((error: unknown) => (error as Error).message);
    for (const line of [
      "gate.yaml:3: bench.durtion: There is no field 'durtion'. Did you mean 'duration'?",
      "gate.yaml:5: limits[1].measure[1]: There is no measure 'p98'.",
      "gate.yaml:6: limits[1].slower: There is no field 'slower'.",
      "gate.yaml:7: limits[1].worse-by: a share, such as 10%, is needed, not 'ten'.",
      'gate.yaml:8: blocks.most: a suspicion is run again: at least 8 are needed where first is 4.',
      "gate.yaml:9: colour: There is no field 'colour'.",
    ])
      expect(message).toContain(line);
  });

  it('that has a field which nobody knows is read on: what the others say is named too', async () => {
    const text = `colour: red
limits:
  - { measure: p99, worse-by: 1%, and-by: 5, shade: 1 }
  - { measure: p99, worse-by: 1%, path: folower }
false-alarms: 200%
blocks: { first: 40, most: 12, last: 1 }
`;
    const message = await policy(text).catch((error: unknown) => (error as Error).message);
    expect(String(message).split('\n')).toEqual([
      '7 mistakes in gate.yaml:',
      expect.stringContaining("gate.yaml:1: colour: There is no field 'colour'."),
      expect.stringContaining("gate.yaml:3: limits[1].shade: There is no field 'shade'."),
      expect.stringContaining('gate.yaml:3: limits[1].and-by: latencies want a time'),
      expect.stringContaining("gate.yaml:4: limits[2].path: There is no path 'folower'."),
      'gate.yaml:5: false-alarms: more than 0% and at most 50% is needed, not 200%.',
      expect.stringContaining("gate.yaml:6: blocks.last: There is no field 'last'."),
      'gate.yaml:6: blocks.most: a suspicion is run again: at least 80 are needed where first is 40.',
    ]);
  });

  it('of which a part cannot be read is not told that what it did not say is wrong', async () => {
    const text = '{ limits: [{ measure: p99, worse-by: 1% }], false-alarms: few, blocks: { first: 1, most: 2 } }';
    const message = await policy(text).catch((error: unknown) => (error as Error).message);
    expect(message).toBe("gate.yaml:1: false-alarms: a share, such as 10%, is needed, not 'few'.");
  });

  it.each([
    ['', /a map with bench or run, and limits, is needed/],
    ['limits: []', /gate.yaml:1: limits: a list of limits is needed/],
    ['{ bench: {}, run: {}, limits: [{ measure: p99, worse-by: 1% }] }', /one of bench and run/],
    [
      '{ limits: [{ measure: p99, worse-by: 1% }], blocks: { first: 4, most: 5 } }',
      /at least 8 are needed where first is 4/,
    ],
    ['{ run: { seed: 7 }, limits: [{ measure: p99, worse-by: 1% }] }', /run.seed: There is no field 'seed'/],
    [
      '{ limits: [{ measure: [p99, throughput], worse-by: 1%, and-by: 0.5ms }] }',
      /limits\[1\].and-by: 0.5ms is a time, and throughput a rate/,
    ],
    ['{ limits: [{ measure: p99, worse-by: 1%, and-by: 5 }] }', /limits\[1\].and-by: latencies want a time/],
    ['limits: [', /gate.yaml:1: /],
    [
      '{ limits: [{ measure: [p99, throughput], worse-by: 100% }] }',
      /^gate.yaml:1: limits\[1\].worse-by: throughput cannot fall by more than 100%, so that 100% can never fail: less than 100% is needed\.$/,
    ],
    [
      '{ limits: [{ measure: highest-rate, worse-by: 250%, and-by: 5 }] }',
      /limits\[1\].worse-by: highest-rate cannot .* so that 250% can never fail/,
    ],
    [
      '{ limits: [{ measure: p99, worse-by: 0%, and-by: 0ms }, { measure: throughput, worse-by: 0.0 % }] }',
      /limits\[1\].worse-by: of 0% nothing can be shown to stay within it: more is needed, or an and-by\.\n.*limits\[2\].worse-by: of 0%/,
    ],
    [
      '{ limits: [{ measure: [p99, highest-rate], method: read, worse-by: 1% }] }',
      /^gate.yaml:1: limits\[1\].method: a ladder's highest-rate has a path, and no method: give it a limit without\.$/,
    ],
    [
      '{ limits: [{ measure: highest-rate, phase: calm, worse-by: 1% }] }',
      /limits\[1\].phase: a ladder's highest-rate has a path, and no phase/,
    ],
    [
      'limits:\n  - { measure: p90, worse-by: 1% }\n  - { measure: [p50, p99], worse-by: 1% }\n  - { measure: p99, worse-by: 2% }',
      /^gate.yaml:4: limits\[3\].measure: p99 has a limit already, limits\[2\], which names as much: of two that fit, the one that names more of method, path and phase holds\.$/,
    ],
    [
      '{ limits: [{ measure: p99, method: [read, write], path: leader, worse-by: 1% }, { measure: p99, path: leader, method: write, worse-by: 2% }] }',
      /limits\[2\].measure: p99 of write leader has a limit already, limits\[1\]/,
    ],
    [
      '{ bench: { mix: [a, b] }, limits: [{ measure: p99, worse-by: 1% }] }',
      /gate.yaml:1: bench.mix: a gate compares one bench with one: make a policy for each of a,b\./,
    ],
    [
      '{ bench: { read-path: leader }, limits: [{ measure: p99, worse-by: 1% }], blocks: { first: 1, most: 2 } }',
      /gate.yaml:1: blocks.first: 1 of A B B A can never fail: .* is 1 in 6, where false-alarms is 5%. At least 2 are needed/,
    ],
    [
      '{ bench: { env: simulation }, limits: [{ measure: p99, worse-by: 1% }], blocks: { first: 2 } }',
      /blocks.first: 2 of A B B A can never fail: .* 1 in 16, .* At least 3 are needed/,
    ],
    [
      '{ limits: [{ measure: [p50, p90, p99], worse-by: 1% }], blocks: { first: 2, most: 4 } }',
      /blocks.most: 4 can never fail: 2 .* 1 in 36, and 3 figures at false-alarms 5% need 1.67%. At least 5 are needed/,
    ],
    ['{ limits: [{ measure: p99, worse-by: 1% }], false-alarms: 500% }', /false-alarms: more than 0% .* not 500%/],
    ['{ limits: [{ measure: p99, worse-by: 1% }], false-alarms: 0% }', /false-alarms: more than 0% .* not 0%/],
    [
      '{ limits: [{ measure: p99, path: [leader, folower], worse-by: 1% }] }',
      /limits\[1\].path: There is no path 'folower'. Did you mean 'follower'\?/,
    ],
    [
      '{ bench: { read-path: leader }, limits: [{ measure: p99, path: follower@nearest, worse-by: 1% }] }',
      /'follower@nearest' is not measured: bench.read-path has leader/,
    ],
  ])('%s', async (text, message) => {
    await expect(policy(text)).rejects.toThrow(message);
  });

  it('may have a limit that names more than another, or may only turn out to meet it', async () => {
    const read = await policy(`limits:
  - { measure: [p50, p99], worse-by: 20% }
  - { measure: p99, method: read, worse-by: 10% }
  - { measure: p99, path: leader, worse-by: 10% }
  - { measure: p99, method: read, path: leader, worse-by: 5% }
  - { measure: p99, method: write, worse-by: 10% }
  - { measure: throughput, worse-by: 99.9% }
  - { measure: highest-rate, path: leader, worse-by: 0%, and-by: 5 }
  - { measure: p90, worse-by: 100% }
`);
    expect(read.rules.limits).toHaveLength(8);
  });

  it('that is not there', async () => {
    await expect(readPolicy('none.yaml', folder)).rejects.toThrow(
      'The policy none.yaml cannot be read: there is no such file.',
    );
  });
});
