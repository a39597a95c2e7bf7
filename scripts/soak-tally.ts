/** What a soak adds up, and how it is told. */
import type { Done } from '../harness/campaign-worker.ts';
import { count, percent, table } from '../harness/table.ts';
import type { Defect } from '../reference-impl/core/defects.ts';
import type { RunRecord } from '../results/record.ts';

/** What has to have happened for a soak to be worth its time: the names as they are told, and as they are counted. */
const HAPPENINGS: readonly (readonly [told: string, counted: string])[] = [
  ['failovers', 'failovers'],
  ['leader changes under partition', 'leader changes under partition'],
  ['truncations', 'truncations'],
  ['entries undone', 'entries undone'],
  ['snapshots taken', 'snapshots taken'],
  ['snapshots installed', 'snapshots installed'],
  ['tokens refused as undone', 'undone tokens refused'],
  ['leases expired', 'leases expired'],
  ['membership changes taken up', 'changes of members taken up'],
  ['membership changes under partition', 'changes of members taken up under partition'],
  ['membership changes undone', 'changes of members undone'],
  ['repeats answered from their record', 'repeats answered'],
  ['repeats whose record had expired', 'repeats expired'],
  ['switchovers begun', 'switchovers begun'],
  ['switchovers given up', 'switchovers given up'],
  ['promotions by force', 'promotions by force'],
  ['times a follower stopped serving', 'stopped serving'],
];

const UNDECIDED_TOLD = 20;
/** What a soak is to show: of the clean runs at most so many undecided, of calm requests at least so many answered. */
const UNDECIDED_MAX = 0.01;
const CALM_MIN = 0.99;
/** Runs from which on everything has to have happened. */
const RUNS_FOR_ALL = 1000;

interface Secret {
  runs: number;
  /** By a guarantee that was declared beforehand. */
  found: number;
  /** By others alone. */
  foundOtherwise: number;
  /** Guarantees that broke, by number of runs. */
  readonly by: Map<string, number>;
}

export class Tally {
  /** Clean runs that broke a promise, or broke down: each with its command. */
  readonly blamed: string[] = [];
  runs = 0;
  #operations = 0;
  readonly #missed: string[] = [];
  readonly #secrets = new Map<string, Secret>();
  readonly #verdicts = { kept: 0, broken: 0, undecided: 0 };
  readonly #counts: Record<string, number> = {};
  readonly #undecided: string[] = [];
  /** Why clean runs were undecided: cell and reason, without figures. */
  readonly #doubts = new Map<string, number>();
  readonly #faults = new Map<string, number>();
  #suspended = 0;

  /** `defect`: what was secretly wrong with it. */
  add({ record, failures }: Done, defect: Defect | undefined): void {
    this.runs++;
    this.#operations += (record.counts.ok ?? 0) + (record.counts.mismatch ?? 0);
    const broken = [
      ...new Set(record.cells.filter(({ state }) => state === 'broken').map(({ guarantee }) => guarantee)),
    ];
    if (defect !== undefined) return this.#addDefective(record, defect, broken);
    this.#verdicts[record.verdict]++;
    if (record.cells.some(({ suspendedBy }) => suspendedBy !== undefined)) this.#suspended++;
    for (const [name, n] of Object.entries(record.counts)) this.#count(name, n);
    for (const { fault } of record.faults) this.#faults.set(fault, (this.#faults.get(fault) ?? 0) + 1);
    if (record.verdict === 'undecided') this.#doubt(record);
    if (broken.length > 0) this.blamed.push(`${broken.join(', ')}: ${record.command}`);
    else if (failures.length > 0) this.blamed.push(`broke down (${firstLine(failures[0])}): ${record.command}`);
  }

  #addDefective(record: RunRecord, { name, caughtBy }: Defect, broken: readonly string[]): void {
    const secret = this.#secrets.get(name) ?? { runs: 0, found: 0, foundOtherwise: 0, by: new Map<string, number>() };
    this.#secrets.set(name, secret);
    secret.runs++;
    if (caughtBy.some((guarantee) => broken.includes(guarantee))) secret.found++;
    else if (broken.length > 0) secret.foundOtherwise++;
    else this.#missed.push(record.command);
    for (const guarantee of broken) secret.by.set(guarantee, (secret.by.get(guarantee) ?? 0) + 1);
  }

  #count(name: string, n: number): void {
    this.#counts[name] = (this.#counts[name] ?? 0) + n;
    const short = /^stopped serving/.exec(name)?.[0];
    if (short !== undefined && !name.endsWith(' under partition')) this.#counts[short] = (this.#counts[short] ?? 0) + n;
  }

  #doubt(record: RunRecord): void {
    this.#undecided.push(record.command);
    const cells = record.cells.filter(({ state, suspendedBy }) => state === 'undecided' && suspendedBy === undefined);
    const reasons = new Set(cells.map(({ guarantee, note }) => `${guarantee}: ${note.replace(/\d+/g, 'n')}`));
    for (const reason of reasons) this.#doubts.set(reason, (this.#doubts.get(reason) ?? 0) + 1);
  }

  get #found(): number {
    return [...this.#secrets.values()].reduce((sum, { found }) => sum + found, 0);
  }

  get #foundOtherwise(): number {
    return [...this.#secrets.values()].reduce((sum, { foundOtherwise }) => sum + foundOtherwise, 0);
  }

  get #defective(): number {
    return [...this.#secrets.values()].reduce((sum, { runs }) => sum + runs, 0);
  }

  /** In what the soak has not shown what it is to show; blamed runs aside. */
  misses(): string[] {
    const { kept, broken, undecided } = this.#verdicts;
    const clean = kept + broken + undecided;
    const never = clean < RUNS_FOR_ALL ? [] : HAPPENINGS.filter(([, counted]) => (this.#counts[counted] ?? 0) === 0);
    return [
      ...(undecided > UNDECIDED_MAX * clean
        ? [`more than ${percent(UNDECIDED_MAX, 1)} of the clean runs undecided`]
        : []),
      ...this.#calmPaths().flatMap(({ kind, path, asked, answered }) =>
        answered < CALM_MIN * asked ? [`less than ${percent(CALM_MIN, 1)} of calm ${kind} answered: ${path}`] : [],
      ),
      ...never.map(([told]) => `never happened: ${told}`),
    ];
  }

  json(): Readonly<Record<string, unknown>> {
    return {
      runs: this.runs,
      operations: this.#operations,
      clean: this.#verdicts,
      blamed: this.blamed,
      counts: this.#counts,
      doubts: Object.fromEntries(this.#doubts),
      secrets: Object.fromEntries(
        [...this.#secrets].map(([name, { by, ...rest }]) => [name, { ...rest, by: Object.fromEntries(by) }]),
      ),
      missed: this.#missed,
      undecided: this.#undecided,
      misses: this.misses(),
    };
  }

  render(wallMs: number): string[] {
    const { kept, broken, undecided } = this.#verdicts;
    const clean = kept + broken + undecided;
    const perSecond = (n: number): string => count(wallMs > 0 ? Math.round((n / wallMs) * 1000) : 0);
    return [
      `${count(this.runs)} runs of ${count(this.#operations / Math.max(1, this.runs))} operations in ${(wallMs / 1000).toFixed(0)} s: ` +
        `${perSecond(this.runs)} runs, ${perSecond(this.#operations)} operations a second`,
      `clean: ${count(clean)} runs: ${count(kept)} kept, ${count(broken)} broken, ${count(undecided)} undecided (${percent(undecided, clean)}); ` +
        `promises suspended in ${count(this.#suspended)}`,
      ...[...this.#doubts]
        .sort((a, b) => b[1] - a[1])
        .slice(0, 10)
        .map(([reason, n]) => `  ${count(n)} undecided for ${reason}`),
      '',
      'happened in the clean runs:',
      ...indented(HAPPENINGS.map(([told, counted]) => [told, count(this.#counts[counted] ?? 0)])),
      '',
      'faults injected:',
      ...indented([...this.#faults].sort(byName).map(([fault, n]) => [fault, count(n)])),
      '',
      'calm requests answered:',
      ...indented(this.#calm()),
      '',
      `secretly defective, in circumstances in which the defect can show: ${count(this.#defective)} runs; in its one run ` +
        `${count(this.#found)} found by a declared guarantee, ${count(this.#foundOtherwise)} by another one alone`,
      ...indented(this.#secretRows()),
      ...(this.#missed.length === 0 ? [] : ['', 'missed:', ...this.#missed.map((line) => `  ${line}`)]),
      ...this.#undecidedRows(),
      '',
      `clean runs blamed: ${count(this.blamed.length)}`,
      ...this.blamed.map((line) => `  ${line}`),
      ...this.misses().map((miss) => `missed its aim: ${miss}`),
    ];
  }

  #undecidedRows(): string[] {
    const more = this.#undecided.length - UNDECIDED_TOLD;
    if (this.#undecided.length === 0) return [];
    const told = this.#undecided.slice(0, UNDECIDED_TOLD).map((line) => `  ${line}`);
    return ['', 'undecided:', ...told, ...(more > 0 ? [`  and ${count(more)} more`] : [])];
  }

  #calm(): string[][] {
    return this.#calmPaths().map(({ kind, path, asked, answered }) => {
      return [kind, path, `${((100 * answered) / Math.max(1, asked)).toFixed(2)} %`, `of ${count(asked)}`];
    });
  }

  #calmPaths(): { readonly kind: string; readonly path: string; readonly asked: number; readonly answered: number }[] {
    return ['reads', 'writes'].flatMap((kind) =>
      Object.keys(this.#counts)
        .filter((name) => name.startsWith(`calm ${kind} asked `))
        .sort()
        .map((name) => {
          const path = name.slice(`calm ${kind} asked `.length);
          const answered = this.#counts[`calm ${kind} answered ${path}`] ?? 0;
          return { kind, path, asked: this.#counts[name], answered };
        }),
    );
  }

  #secretRows(): string[][] {
    return [...this.#secrets].sort(byName).map(([name, { runs, found, foundOtherwise, by }]) => {
      const caught = [...by].sort((a, b) => b[1] - a[1]).map(([guarantee, n]) => `${guarantee} ${n}`);
      return [name, `${found} of ${runs}`, foundOtherwise > 0 ? `+ ${foundOtherwise}` : '', caught.join(', ')];
    });
  }
}

function indented(rows: readonly string[][]): string[] {
  return rows.length === 0 ? ['  none'] : table(rows).map((line) => `  ${line}`);
}

function firstLine(text: string): string {
  return text.split('\n')[0];
}

function byName([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number {
  return a < b ? -1 : 1;
}
