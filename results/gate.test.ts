/** Gates on made-up runs, whose truth is known. */
import { describe, expect, it } from 'vitest';
import { Random } from '../history/random.ts';
import { sampleRecord } from '../test-support/sample-record.ts';
import { normal, timedRun } from '../test-support/timed-run.ts';
import { exp } from './arithmetic.ts';
import type { RunBlock } from './change.ts';
import { gate, gateStored, type Source } from './gate.ts';
import { look, noiseOf, RUNS_MOST, type Rules } from './look.ts';
import { Latencies } from './histograms.ts';
import type { Cell, RunRecord } from './record.ts';

const rules: Rules = {
  limits: [{ type: 'latency', percentiles: [99], worseBy: 0.1, andBy: 0 }],
  alpha: 0.05,
  blocks: { first: 4, most: 12 },
  seed: 'test',
};

const base = sampleRecord();

/** Blocks of A B B A; the machine drifts from block to block by a third. */
function source(seed: string, slower: number, noise: number): Source {
  const random = new Random(seed);
  return (n) =>
    Promise.resolve(
      Array.from({ length: n }, (): RunBlock => {
        const drift = exp(0.3 * normal(random));
        const side = (factor: number): RunRecord[] => [0, 1].map(() => timedRun(random, drift * factor, noise));
        return { a: side(1), b: side(1 + slower) };
      }),
    );
}

describe('a live gate', () => {
  it('passes the same, hardly ever fails it, and finds a fifth more at p99', async () => {
    const outcomes = {
      same: { passed: 0, failed: 0, 'cannot tell': 0 },
      slower: { passed: 0, failed: 0, 'cannot tell': 0 },
    };
    for (let round = 0; round < 10; round++) {
      outcomes.same[(await gate(source(`same/${round}`, 0, 0.03), rules)).outcome]++;
      const gated = await gate(source(`slower/${round}`, 0.25, 0.03), rules);
      outcomes.slower[gated.outcome]++;
      if (gated.outcome === 'failed') expect(gated.confirmed).toEqual(['read leader p99']);
    }
    expect(outcomes.same.failed).toBe(0);
    expect(outcomes.same.passed).toBeGreaterThanOrEqual(7);
    expect(outcomes.slower.failed).toBeGreaterThanOrEqual(9);
    expect(outcomes.slower.passed).toBe(0);
  });

  it('runs again before it fails', async () => {
    // The first four blocks show what later ones do not.
    const [bad, good] = [source('bad', 0.5, 0.02), source('good', 0, 0.02)];
    let looks = 0;
    const gated = await gate((n) => (looks++ === 0 ? bad(n) : good(n)), rules);
    expect(gated.suspected).toEqual(['read leader p99']);
    expect(gated.confirmed).toEqual([]);
    expect(gated.outcome).not.toBe('failed');
    expect(gated.blocks.length).toBeGreaterThan(4);
  });

  it('cannot tell where the noise is greater than the limit, and says what it would take', async () => {
    const gated = await gate(source('noisy', 0, 0.6), rules);
    expect(gated.outcome).toBe('cannot tell');
    expect(gated.findings[0]?.runsNeeded).toBeGreaterThan(24);
    expect(gated.blocks).toHaveLength(12);
  });

  it('fails for a broken promise at once, whatever the figures say', async () => {
    const cell = { ...base.cells[0], guarantee: 'linearizable', state: 'broken' } as Cell;
    const same = source('broken', 0, 0.02);
    const gated = await gate(async (n) => {
      const blocks = await same(n);
      return blocks.map(({ a, b }) => ({ a, b: b.map((record) => ({ ...record, cells: [cell] })) }));
    }, rules);
    expect(gated.outcome).toBe('failed');
    expect(gated.breaches[0]).toMatchObject({ alsoInBaseline: false, cell: { guarantee: 'linearizable' } });
    expect(gated.blocks).toHaveLength(4);
  });

  it('cannot tell when nothing was measured', async () => {
    const gated = await gate(
      () =>
        Promise.resolve([{ a: [{ ...base, latencies: [], cells: [] }], b: [{ ...base, latencies: [], cells: [] }] }]),
      rules,
    );
    expect(gated).toMatchObject({ outcome: 'cannot tell', findings: [] });
  });
});

/** Runs of a bench with one rate each, so that thousands are quickly judged. */
function rated(rates: Readonly<Record<string, number>>): RunRecord {
  const latencies = new Latencies();
  for (const path of ['leader', ...Object.keys(rates)]) latencies.record('read', path, 'leader', 'calm', 1e6);
  const series = Object.entries(rates).map(([path, throughput]) => ({ method: 'read', path, throughput }));
  return { ...base, cells: [], latencies: latencies.records(), plan: { bench: { steps: [{ rate: 500, series }] } } };
}

const rateRules: Rules = { ...rules, limits: [{ type: 'throughput', percentiles: [], worseBy: 0, andBy: 0 }] };

describe('a candidate that stops answering', () => {
  const block = (b: readonly RunRecord[]): RunBlock => ({ a: [rated({ leader: 500 }), rated({ leader: 501 })], b });
  const gone = [rated({ leader: 0 }), rated({ leader: 0 })];
  const well = [rated({ leader: 500 }), rated({ leader: 499 })];

  it('fails, once fresh runs show it again', async () => {
    const gated = await gate((n) => Promise.resolve(Array.from({ length: n }, () => block(gone))), rateRules);
    expect(gated).toMatchObject({ outcome: 'failed', confirmed: ['read leader per second'] });
    expect(gated.blocks).toHaveLength(8);
    expect(gated.findings[0]?.why).toBe('taken in 0 of 16 runs of the candidate, in 16 of 16 of the baseline');
    expect(gateStored({ a: Array(8).fill(well[0]), b: Array(8).fill(gone[0]) }, rateRules).outcome).toBe('failed');
  });

  it('now and then is not passed, nor failed for what may be chance', () => {
    const [once, often] = [
      [block(well), block(well), block(well), block([well[0], gone[0]])],
      [block(gone), block(gone), block(gone), block(well)],
    ];
    const loose = { ...rateRules, limits: [{ ...rateRules.limits[0], worseBy: 0.5 }] };
    expect(look(once, loose)).toMatchObject([{ verdict: 'cannot tell', runs: { a: 8, b: 7 } }]);
    expect(look(often, loose)).toMatchObject([{ verdict: 'worse' }]);
    // The baseline did not always answer either.
    const both = [...once, { a: [well[0], gone[0]], b: well }];
    expect(look(both, loose)).toMatchObject([{ verdict: 'not worse' }]);
  });

  it('where it began to answer is told, and compared with nothing', async () => {
    const source: Source = (n) =>
      Promise.resolve(
        Array.from({ length: n }, () => ({ a: [well[0], well[1]], b: well.map(() => rated({ leader: 500, new: 9 })) })),
      );
    const gated = await gate(source, { ...rateRules, limits: [{ ...rateRules.limits[0], worseBy: 0.1 }] });
    expect(gated).toMatchObject({ outcome: 'passed', added: ['read new per second'] });
    expect(gated.findings).toHaveLength(1);
  });

  it('at what a limit names and nobody measures cannot be told', async () => {
    const limits = [
      { ...rateRules.limits[0], worseBy: 0.1 },
      { ...rateRules.limits[0], worseBy: 0.1, paths: ['folower', 'leader'] },
    ];
    const gated = await gate((n) => Promise.resolve(Array.from({ length: n }, () => block(well))), {
      ...rateRules,
      limits,
    });
    expect(gated).toMatchObject({ outcome: 'cannot tell', unmatched: ['throughput of path folower'] });
    expect(gated.overruled).toEqual(['throughput (worse-by 10%)']);
    expect(gated.findings.map(({ verdict }) => verdict)).toEqual(['not worse']);
    // What it would decide, another limit does: that is said, and is no doubt.
    const named = await gate((n) => Promise.resolve(Array.from({ length: n }, () => block(well))), {
      ...rateRules,
      limits: limits.map((limit) => ({ ...limit, ...(limit.paths !== undefined && { paths: ['leader'] }) })),
    });
    expect(named).toMatchObject({ outcome: 'passed', unmatched: [], overruled: ['throughput (worse-by 10%)'] });
  });
});

it('a candidate that is no worse, and keeps a promise no more, is not passed', async () => {
  const cell = { ...base.cells[0], state: 'kept' } as Cell;
  const as = (state: Cell['state']): RunRecord => ({ ...rated({ leader: 500 }), cells: [{ ...cell, state }] });
  const limits = [{ ...rateRules.limits[0], worseBy: 0.1 }];
  const gateOf = (b: readonly RunRecord[]) =>
    gate((n) => Promise.resolve(Array.from({ length: n }, () => ({ a: [as('kept'), as('kept')], b }))), {
      ...rateRules,
      limits,
    });
  const gated = await gateOf([as('undecided'), as('undecided')]);
  const unkept = { promise: 'linearizable · quorum-ack · leader', kept: 8, instead: { undecided: 8 } };
  expect(gated).toMatchObject({ outcome: 'cannot tell', findings: [{ verdict: 'not worse' }], unkept: [unkept] });
  expect(await gateOf([as('undecided'), as('kept')])).toMatchObject({ outcome: 'passed', unkept: [] });
  const stored = (state: Cell['state']) =>
    gateStored({ a: Array(8).fill(as('kept')), b: Array(8).fill(as(state)) }, { ...rateRules, limits });
  expect(stored('not exercised')).toMatchObject({ outcome: 'cannot tell', unkept: [{ kept: 8 }] });
  expect(stored('kept')).toMatchObject({ outcome: 'passed', unkept: [], verdicts: { a: { broken: 8 } } });
});

describe('runs of a simulation, in pairs of one seed', () => {
  const paths = ['leader', 'b', 'c', 'd'];
  /** What a seed makes of a side; a change that is no change for the worse draws anew. */
  const drawn = (random: Random): RunRecord =>
    rated(Object.fromEntries(paths.map((path) => [path, 500 * exp(0.1 * normal(random))])));

  it('raise a suspicion no more often than is allowed', () => {
    const rounds = 60;
    let suspicions = 0;
    let ofRunsThatAreOne = 0;
    for (let round = 0; round < rounds; round++) {
      const random = new Random(`pairs/${round}`);
      const pairs = Array.from(
        { length: 4 },
        (): RunBlock => ({ a: [drawn(random), drawn(random)], b: [drawn(random), drawn(random)], paired: true }),
      );
      // The same run twice on each side is no second run.
      const copies = pairs.map(({ a, b }): RunBlock => ({ a: [a[0], a[0]], b: [b[0], b[0]] }));
      const isAlarm = (blocks: readonly RunBlock[]): boolean =>
        look(blocks, rateRules).some(({ verdict }) => verdict === 'worse');
      if (isAlarm(pairs)) suspicions++;
      if (round < 20 && isAlarm(copies)) ofRunsThatAreOne++;
    }
    // 5 % of 60 and two deviations.
    expect(suspicions).toBeLessThanOrEqual(3 + 2 * Math.sqrt(60 * 0.05 * 0.95));
    expect(ofRunsThatAreOne).toBeGreaterThan(4 * 1);
  });

  it('are compared within the pair: what all seeds share in is seen, however they differ', () => {
    const random = new Random('within');
    const pair = (): { readonly a: RunRecord; readonly b: RunRecord } => {
      const rate = 500 * exp(normal(random));
      return { a: rated({ leader: rate }), b: rated({ leader: 0.9 * rate }) };
    };
    const blocks = Array.from({ length: 4 }, (): RunBlock => {
      const [one, two] = [pair(), pair()];
      return { a: [one.a, two.a], b: [one.b, two.b], paired: true };
    });
    const [finding] = look(blocks, rateRules);
    expect(finding.pLess).toBe(1 / 2 ** 8);
    expect(finding.change.estimate).toBeCloseTo(-0.1, 6);
    expect(finding.verdict).toBe('worse');
  });
});

describe('a change for the worse', () => {
  it('must be beyond what was calibrated, if the machine was', async () => {
    const blocks = await source('calibrated', 0.3, 0.02)(4);
    expect(look(blocks, rules)[0]?.verdict).toBe('worse');
    const wild = { blocks: await source('wild', 0, 0.9)(10) };
    expect(noiseOf(wild, look(blocks, rules)[0].measure, 4, rules)).toBeGreaterThan(0.3);
    expect(look(blocks, rules, { calibration: wild })[0]?.verdict).toBe('cannot tell');
    const calm = { blocks: await source('calm', 0, 0.02)(10) };
    expect(noiseOf(calm, look(blocks, rules)[0].measure, 4, rules)).toBeLessThan(0.2);
    expect(look(blocks, rules, { calibration: calm })[0]?.verdict).toBe('worse');
  });

  it('must be as large as the policy says, as a share and as such', async () => {
    const blocks = await source('limits', 0.3, 0.01)(4);
    const verdict = (worseBy: number, andBy: number): string | undefined =>
      look(blocks, { ...rules, limits: [{ type: 'latency', percentiles: [99], worseBy, andBy }] })[0]?.verdict;
    expect(verdict(0.1, 0)).toBe('worse');
    expect(verdict(0.1, 1e9)).toBe('not worse');
    expect(verdict(0.9, 0)).toBe('not worse');
    const [general, reads] = [
      { ...rules.limits[0], worseBy: 0.9 },
      { ...rules.limits[0], methods: ['read'] },
    ];
    for (const limits of [
      [general, reads],
      [reads, general],
    ])
      expect(look(blocks, { ...rules, limits })).toMatchObject([{ verdict: 'worse', limit: reads }]);
  });
});

describe('the number of runs that could tell', () => {
  const of = (rates: readonly number[], worseBy: number, andBy = 0) => {
    const block = { a: rates.map((rate) => rated({ leader: rate })), b: rates.map((rate) => rated({ leader: rate })) };
    return look([block], { ...rateRules, limits: [{ ...rateRules.limits[0], worseBy, andBy }] }, { isHeap: true })[0];
  };

  it('has an end, whatever is allowed and was seen', () => {
    expect(of([400, 450, 550, 600], 0).runsNeeded).toBe(RUNS_MOST);
    expect(of([400, 450, 550, 600], 1e-9).runsNeeded).toBe(RUNS_MOST);
    expect(of([400, 450, 550, 600], 0.1).runsNeeded).toBeLessThan(200);
  });

  it('counts an amount that is allowed as the share that it is', () => {
    // Of 500 a second 50 are a tenth.
    expect(of([400, 450, 550, 600], 0, 50).runsNeeded).toBe(of([400, 450, 550, 600], 0.1).runsNeeded);
  });
});

describe('stored runs', () => {
  const heap = (seed: string, n: number, factor: number): RunRecord[] => {
    const random = new Random(seed);
    return Array.from({ length: n }, () => timedRun(random, factor, 0.02));
  };

  it('are told apart where there are enough', () => {
    const [a, same, slower] = [heap('a', 8, 1), heap('same', 8, 1), heap('slower', 8, 1.3)];
    expect(gateStored({ a, b: slower }, rules).outcome).toBe('failed');
    expect(gateStored({ a, b: same }, rules).outcome).toBe('passed');
  });

  it('say how many could tell, not fewer than the level takes', () => {
    // At 5 against 5 the least chance is 1 in 252, and at the square of 5 % it has to be below 1 in 400.
    const gated = gateStored({ a: heap('a', 5, 1), b: heap('b', 5, 1.5) }, rules);
    expect(gated.findings[0]).toMatchObject({ verdict: 'cannot tell', pMore: 1 / 252 });
    expect(gated.findings[0]?.runsNeeded).toBeGreaterThanOrEqual(6);
    expect(gateStored({ a: heap('a', 6, 1), b: heap('b', 6, 1.5) }, rules).outcome).toBe('failed');
  });

  it('are held against the noise of as many runs as there are, not of one block', () => {
    const calibration = { blocks: [0, 1, 2, 3].map((i) => ({ a: heap(`x${i}`, 2, 1), b: heap(`y${i}`, 2, 1) })) };
    const noise = (a: number, b: number): number | undefined =>
      gateStored({ a: heap('a', a, 1), b: heap('b', b, 1) }, rules, calibration).findings[0]?.noise;
    const { measure } = gateStored({ a: heap('a', 4, 1), b: heap('b', 4, 1) }, rules).findings[0];
    expect(noise(16, 16)).toBe(noiseOf(calibration, measure, 8, rules));
    // The smaller side decides; of three runs a side there is one whole block.
    expect(noise(40, 9)).toBe(noiseOf(calibration, measure, 4, rules));
    expect(noise(3, 3)).toBe(noiseOf(calibration, measure, 1, rules));
    expect(noise(16, 16)).toBeLessThan(0.6 * (noise(3, 3) ?? 0));
  });

  it('are not where there is one of each, or two', () => {
    const gated = gateStored({ a: heap('a', 1, 1), b: heap('b', 1, 2) }, rules);
    expect(gated.outcome).toBe('cannot tell');
    const one = 'one run says nothing of how runs differ';
    expect(gated.findings[0]).toMatchObject({ basis: 'operations', runsNeeded: 6, why: one });
    const two = gateStored({ a: heap('a', 2, 1), b: heap('b', 3, 2) }, rules);
    expect(two.findings[0]).toMatchObject({ why: '2 runs a side say too little of how runs differ', runsNeeded: 6 });
  });
});

it('confirms what was suspected at the level over all of it', async () => {
  // Of two that were suspected, fresh runs show one at 4 %: too little for two, though enough for one.
  const random = new Random('confirm');
  const side = (x: number, y: number): RunRecord[] =>
    [0, 1].map(() => rated({ leader: x * (1 + 1e-3 * random.fraction()), b: y }));
  const bad = (): RunBlock => ({ a: side(500, 500), b: side(300, 300) });
  // Least of 36 ways: 1/36 is below 5 %, and above its half.
  const two: Rules = {
    ...rateRules,
    blocks: { first: 2, most: 6 },
    limits: [{ ...rateRules.limits[0], worseBy: 0.1 }],
  };
  const four = [bad(), bad(), bad(), bad()];
  const gated = await gate((n) => Promise.resolve(Array.from({ length: n }, bad)), two);
  expect(look(four, two).every(({ verdict }) => verdict === 'worse')).toBe(true);
  expect(gated.outcome).toBe('cannot tell');
  const one = await gate((n) => Promise.resolve(Array.from({ length: n }, bad)), {
    ...two,
    limits: [{ ...two.limits[0], paths: ['leader'] }],
  });
  expect(one.outcome).toBe('failed');
});

it('takes what a broken promise withholds for unmeasured, and not for a candidate that stopped answering', () => {
  const withheld: RunRecord = { ...base, cells: [], latencies: [], plan: { bench: { steps: [] }, withheld: true } };
  const [a, silent] = [rated({ leader: 500 }), rated({ leader: 0 })];
  const of = (b: RunRecord) => gateStored({ a: Array(8).fill(a), b: Array(8).fill(b) }, rateRules);
  expect(of(silent)).toMatchObject({ outcome: 'failed', confirmed: ['read leader per second'] });
  const gated = of(withheld);
  expect(gated).toMatchObject({ outcome: 'cannot tell', confirmed: [] });
  expect(gated.findings).toMatchObject([
    { verdict: 'cannot tell', why: 'not measured where the candidate broke a promise', lacking: { isWithheld: true } },
  ]);
  expect(gated.findings[0].runsNeeded).toBeUndefined();
});
