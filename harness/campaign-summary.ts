/** What many runs say together: promises and findings with the evidence of all, counters, figures. */
import type { Cell, RunRecord } from '../results/record.ts';
import { type ExitCode, HARNESS_FAILED } from './errors.ts';
import { enoughEvidence, isPromised } from './judge.ts';
import type { System } from './system.ts';
import { type Paint, painter, renderMatrix } from './matrix.ts';
import { reasonLines } from './load-text.ts';
import { failedText, markOf, markOfAll } from './report/mark.ts';
import { calmLines, countedLine } from './report-text.ts';
import { count, many, percent } from './table.ts';

/** One cell over all runs. */
interface Sum {
  /** The first of them, or the first that is broken. */
  first: Cell;
  /** In at least one of the runs: in others a fault may have suspended it. */
  promised: boolean;
  /** By fault, the runs in which it suspended the promise; what came of those is counted apart. */
  suspended: Record<string, number>;
  /** Of those, the runs in which it did not hold. */
  suspendedViolated: number;
  states: Record<Cell['state'], number>;
  evidence: Record<string, number>;
  anomalies: number;
  /** Seeds that broke or violated it, the first few. */
  seeds: number[];
}

const SEEDS_SHOWN = 5;

/** A cell of the matrix over all runs; its anomalies are those of the first run that broke it, or of the first. */
export interface SummedCell extends Cell {
  readonly brokenRuns: number;
  /** Of runs that broke it, the first few. */
  readonly seeds: readonly number[];
  /** By fault, the runs in which it suspended the promise. */
  readonly suspended: Readonly<Record<string, number>>;
}

export class Summary {
  readonly codes: ExitCode[] = [];
  readonly #system: System;
  readonly #sums = new Map<string, Sum>();
  readonly #verdicts = { kept: 0, broken: 0, undecided: 0 };
  readonly #counts: Record<string, number> = {};
  readonly #replays: string[] = [];
  #operations = 0;

  constructor(system: System) {
    this.#system = system;
  }

  get runs(): number {
    return this.codes.length;
  }

  add(record: RunRecord): void {
    this.codes.push(record.exitCode);
    this.#verdicts[record.verdict]++;
    if (record.exitCode !== 0 && this.#replays.length < SEEDS_SHOWN)
      this.#replays.push(`${markOf(record).word}: ${record.command}`);
    this.#operations += (record.counts.ok ?? 0) + (record.counts.mismatch ?? 0);
    for (const [name, n] of Object.entries(record.counts)) this.#counts[name] = (this.#counts[name] ?? 0) + n;
    for (const cell of record.cells) this.#addCell(cell, record.seed);
  }

  #addCell(cell: Cell, seed: number): void {
    const { guarantee, writePath, readPath } = cell;
    const name = `${guarantee}\0${writePath ?? ''}\0${readPath ?? ''}`;
    let sum = this.#sums.get(name);
    if (sum === undefined) {
      sum = { ...emptySum(), first: cell };
      this.#sums.set(name, sum);
    }
    for (const fault of cell.suspendedBy ?? []) sum.suspended[fault] = (sum.suspended[fault] ?? 0) + 1;
    if (cell.suspendedBy !== undefined && cell.state === 'violated') sum.suspendedViolated++;
    const promised = isPromised(this.#system, cell);
    // What came of a suspended promise neither adds to the evidence of those that stood, nor takes away from it.
    if (sum.promised && !promised) return;
    if (promised && !sum.promised) {
      sum.promised = true;
      sum.first = cell;
      Object.assign(sum, { states: noStates(), evidence: {}, anomalies: 0 });
    }
    sum.states[cell.state]++;
    if (cell.state === 'broken' && sum.first.state !== 'broken') sum.first = cell;
    sum.anomalies += cell.anomalyCount;
    for (const [what, n] of Object.entries(cell.evidence)) sum.evidence[what] = (sum.evidence[what] ?? 0) + n;
    if (cell.state === 'broken' && sum.seeds.length < SEEDS_SHOWN) sum.seeds.push(seed);
  }

  get verdicts(): Readonly<Record<RunRecord['verdict'], number>> {
    return this.#verdicts;
  }

  get operations(): number {
    return this.#operations;
  }

  /** The cells with the evidence of all runs. */
  cells(): readonly SummedCell[] {
    return [...this.#sums.values()].map((sum) => ({
      ...sum.first,
      state: stateOf(sum),
      evidence: evidenceOf(sum),
      anomalyCount: sum.anomalies,
      brokenRuns: sum.states.broken,
      seeds: sum.seeds,
      suspended: sum.suspended,
    }));
  }

  json(): Readonly<Record<string, unknown>> {
    return {
      runs: this.runs,
      operations: this.#operations,
      verdicts: this.#verdicts,
      harnessFailures: this.codes.filter((code) => code === HARNESS_FAILED).length,
      counts: this.#counts,
      cells: [...this.#sums.values()].map(({ first, ...sum }) => ({
        guarantee: first.guarantee,
        writePath: first.writePath,
        readPath: first.readPath,
        promised: sum.promised,
        ...(Object.keys(sum.suspended).length > 0 && {
          suspended: sum.suspended,
          suspendedViolated: sum.suspendedViolated,
        }),
        state: stateOf({ first, ...sum }),
        states: sum.states,
        evidence: sum.evidence,
        anomalies: sum.anomalies,
      })),
    };
  }

  render(options: {
    readonly color: boolean;
    readonly wallMs: number;
    readonly ran: number;
    readonly quiet: boolean;
    /** The command that makes the first of them again. */
    readonly replay: string;
  }): string {
    const paint = painter(options.color);
    const bold = (text: string): string => paint('bold', text);
    const { kept, broken, undecided } = this.#verdicts;
    const lines: string[] = [];
    if (!options.quiet)
      lines.push(
        bold('Promises and findings over all runs'),
        ...this.#matrix(paint).map((row) => (row === '' ? '' : `  ${row}`)),
        '',
      );
    lines.push(bold('Counted'), ...this.#figures().map((row) => `  ${row}`), '');
    const failed = this.codes.filter((code) => code === HARNESS_FAILED).length;
    const promised = [...this.#sums.values()].filter((sum) => sum.promised);
    const together = promised.filter((sum) => stateOf(sum) === 'kept').length;
    const { word } = markOfAll(broken > 0 ? 'broken' : undecided > 0 ? 'undecided' : 'kept', failed);
    lines.push(
      `verdict  ${word.toUpperCase()}: ${many(this.runs, 'run')}: ${count(kept)} kept, ${count(broken)} broken, ` +
        `${count(undecided)} undecided (${percent(undecided, this.runs)})${failedText(failed)}`,
      `together ${count(together)} of ${count(promised.length)} promises kept on the evidence of all runs`,
    );
    const perSecond = options.wallMs > 0 ? (this.#operations / options.wallMs) * 1000 : 0;
    const speed = options.ran === this.runs ? `, ${count(perSecond)} operations a second` : '';
    lines.push(`figures  ${count(this.#operations)} operations in ${(options.wallMs / 1000).toFixed(1)} s${speed}`);
    lines.push(
      ...(this.#replays.length === 0
        ? [`replay   any of them by its seed: ${options.replay}`]
        : this.#replays.map((replay) => `replay   ${replay}`)),
    );
    return lines.join('\n');
  }

  /** The cells with the evidence of all runs; a broken one names its first seeds. */
  #matrix(paint: Paint): string[] {
    const sums = [...this.#sums.values()];
    const lines = renderMatrix(this.cells(), paint);
    for (const { first, states, seeds } of sums.filter(({ states }) => states.broken > 0)) {
      const where = [first.writePath, first.readPath].filter(Boolean).join(', ');
      lines.push(
        paint(
          'red',
          `${first.guarantee} (${where || 'system'}) broken in ${count(states.broken)} runs, first by seeds ${seeds.join(', ')}`,
        ),
      );
      const anomaly = first.state === 'broken' ? first.anomalies[0] : undefined;
      if (anomaly !== undefined) lines.push(`  ${anomaly.sentence}`);
    }
    for (const { first, suspended, suspendedViolated } of sums.filter(
      ({ suspended }) => Object.keys(suspended).length > 0,
    )) {
      const where = [first.writePath, first.readPath].filter(Boolean).join(', ');
      const runs = Object.entries(suspended).map(([fault, n]) => `${fault} in ${count(n)} runs`);
      const came = suspendedViolated > 0 ? `; violated, as was to be expected, in ${count(suspendedViolated)}` : '';
      lines.push(paint('yellow', `${first.guarantee} (${where || 'system'}) suspended by ${runs.join(', ')}${came}`));
    }
    return lines;
  }

  #figures(): string[] {
    const c = this.#counts;
    const told = `${count(c['failovers'] ?? 0)} failovers`;
    return [[told, ...countedLine(c)].join(', '), ...reasonLines(c), ...calmLines(c)];
  }
}

function emptySum(): Omit<Sum, 'first'> {
  return {
    promised: false,
    suspended: {},
    suspendedViolated: 0,
    states: noStates(),
    evidence: {},
    anomalies: 0,
    seeds: [],
  };
}

function noStates(): Sum['states'] {
  return { kept: 0, broken: 0, holds: 0, violated: 0, undecided: 0, 'not exercised': 0 };
}

/** Over many runs evidence adds up: what each run had too little of may be enough together. */
function stateOf(sum: Sum): Cell['state'] {
  const { states, promised, first, evidence } = sum;
  if (!promised) return states.violated > 0 ? 'violated' : states.holds > 0 ? 'holds' : 'undecided';
  if (states.broken > 0) return 'broken';
  if (states.kept > 0) return 'kept';
  if (states.undecided === 0) return 'not exercised';
  return enoughEvidence(first.guarantee, evidence) ? 'kept' : 'undecided';
}

function evidenceOf({ evidence }: Sum): Cell['evidence'] {
  return { ...evidence, operations: evidence.operations ?? 0 };
}
