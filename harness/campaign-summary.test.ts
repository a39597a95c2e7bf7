import { describe, expect, it } from 'vitest';
import type { Cell, RunRecord } from '../results/record.ts';
import { sampleRecord } from '../test-support/sample-record.ts';
import { Summary } from './campaign-summary.ts';
import reference from './systems/reference.ts';

const durable: Cell = {
  guarantee: 'durable',
  writePath: 'quorum-ack',
  state: 'undecided',
  note: '30 writes seen; at least 50 are needed',
  evidence: { operations: 100, writes: 30, failovers: 1 },
  anomalyCount: 0,
  anomalies: [],
};

function record(cell: Cell): RunRecord {
  const verdict = cell.state === 'broken' ? 'broken' : cell.state === 'kept' ? 'kept' : 'undecided';
  return { ...sampleRecord(), cells: [cell], verdict, exitCode: verdict === 'kept' ? 0 : verdict === 'broken' ? 1 : 2 };
}

function stateOf(...cells: readonly Cell[]): string {
  const summary = new Summary(reference);
  for (const cell of cells) summary.add(record(cell));
  const { cells: summed } = summary.json() as { cells: readonly { state: string }[] }; // its own shape
  return summed[0].state;
}

describe('evidence over many runs', () => {
  it('adds up: what each run had too little of may be enough together', () => {
    expect(stateOf(durable)).toBe('undecided');
    expect(stateOf(durable, durable)).toBe('kept');
  });

  it('is none where nothing was exercised or nothing was judged to the end', () => {
    const calm: Cell = { ...durable, evidence: { operations: 900, writes: 900, failovers: 0 } };
    expect(stateOf(calm, calm, calm)).toBe('undecided');
    const unknown: Cell = { ...durable, note: 'the budget is spent', evidence: { operations: 0 } };
    expect(stateOf(unknown, unknown, unknown)).toBe('undecided');
  });

  it('leaves suspended promises out, and says in how many runs they were', () => {
    const kept: Cell = { ...durable, state: 'kept', evidence: { operations: 100, writes: 60, failovers: 1 } };
    const suspended: Cell = { ...durable, state: 'violated', anomalyCount: 3, suspendedBy: ['force'] };
    expect(stateOf(suspended, suspended)).toBe('violated');
    expect(stateOf(suspended, durable)).toBe('undecided');
    expect(stateOf(suspended, kept, suspended)).toBe('kept');
    const summary = new Summary(reference);
    for (const cell of [suspended, kept, suspended]) summary.add(record(cell));
    const { cells } = summary.json() as { cells: readonly unknown[] }; // its own shape
    expect(cells[0]).toMatchObject({
      promised: true,
      suspended: { force: 2 },
      suspendedViolated: 2,
      evidence: { writes: 60 },
      anomalies: 0,
    });
    const text = summary.render({ color: false, wallMs: 1000, ran: 3, quiet: false, replay: 'again' });
    expect(text).toContain('durable (quorum-ack) suspended by force in 2 runs; violated, as was to be expected, in 2');
    expect(text).not.toContain('*');
  });

  it('is not called kept where runs failed in the harness', () => {
    const summary = new Summary(reference);
    for (const exitCode of [0, 255, 255] as const) summary.add({ ...record({ ...durable, state: 'kept' }), exitCode });
    const text = summary.render({ color: false, wallMs: 1000, ran: 3, quiet: true, replay: 'again' });
    expect(text).toContain(
      'verdict  FAILED: 3 runs: 3 kept, 0 broken, 0 undecided (0.0 %); 2 of them failed in the harness, and vouch for nothing',
    );
    expect(text).toMatch(/^replay {3}failed \(kept\): npx tidemark run/m);
  });

  it('never hides a broken promise', () => {
    const kept: Cell = { ...durable, state: 'kept' };
    const broken: Cell = { ...durable, state: 'broken', anomalyCount: 1 };
    expect(stateOf(kept, kept, broken, kept)).toBe('broken');
    const summary = new Summary(reference);
    for (const cell of [kept, broken]) summary.add(record(cell));
    expect(summary.render({ color: false, wallMs: 1000, ran: 2, quiet: true, replay: 'again' })).toContain(
      'verdict  BROKEN: 2 runs: 1 kept, 1 broken',
    );
  });
});
