/** What runs of two sides say of promises: which the candidate broke, and which it does not keep any more, without breaking them. */
import { type RunBlock, strataOf } from './change.ts';
import { holm } from './look.ts';
import type { Cell, RunRecord } from './record.ts';
import { rankTest } from './statistics.ts';
import { verdictWord } from './summary.ts';

/** A promise that the candidate broke in a run. */
export interface Breach {
  readonly run: string;
  readonly cell: Cell;
  /** The baseline broke it too: no regression, and no less a failure. */
  readonly alsoInBaseline: boolean;
  /** In how many of the candidate's runs this promise was broken. */
  readonly runs: { readonly broken: number; readonly of: number };
}

export function breachesOf(blocks: readonly RunBlock[]): readonly Breach[] {
  const broken = (records: readonly RunRecord[]) =>
    records.flatMap(({ id, cells }) =>
      cells.filter(({ state }) => state === 'broken').map((cell) => ({ run: id, cell })),
    );
  const inBaseline = new Set(broken(blocks.flatMap(({ a }) => a)).map(({ cell }) => promiseName(cell)));
  const candidates = blocks.flatMap(({ b }) => b);
  const found = broken(candidates);
  const brokenIn = (name: string): number =>
    new Set(found.filter(({ cell }) => promiseName(cell) === name).map(({ run }) => run)).size;
  return found.map(({ run, cell }) => ({
    run,
    cell,
    alsoInBaseline: inBaseline.has(promiseName(cell)),
    runs: { broken: brokenIn(promiseName(cell)), of: candidates.length },
  }));
}

/** Each promise once, as the first run that broke it has it. */
export function promisesOf(breaches: readonly Breach[]): readonly Breach[] {
  const first = new Map<string, Breach>();
  for (const breach of breaches) {
    const name = promiseName(breach.cell);
    if (!first.has(name)) first.set(name, breach);
  }
  return [...first.values()];
}

export function promiseName({
  guarantee,
  writePath,
  readPath,
}: Pick<Cell, 'guarantee' | 'writePath' | 'readPath'>): string {
  return [guarantee, writePath, readPath].filter((part) => part !== undefined).join(' · ');
}

/** Undecided, not exercised, or gone from what is judged, in every run of the candidate. */
export interface Unkept {
  /** As {@link promiseName} has it, or {@link VERDICT}. */
  readonly promise: string;
  /** In how many of the baseline's runs it was kept. */
  readonly kept: number;
  /** How many runs there were. */
  readonly of: { readonly a: number; readonly b: number };
  /** What it came to in how many of the candidate's runs instead. */
  readonly instead: Readonly<Record<string, number>>;
}

/** Stands for what was judged of a run as a whole. */
export const VERDICT = 'verdict of the run';

/** Fewer runs on a side say nothing: what is kept now and then is in none of three soon enough. */
const RUNS_MIN = 4;

/**
 * What the baseline kept in all its runs and the candidate in none; or in so many, that chance, at the level `alpha` over all that the
 * baseline kept at some time, would hardly have dealt none to the candidate.
 */
export function unkeptOf(blocks: readonly RunBlock[], alpha: number): readonly Unkept[] {
  const [a, b] = [blocks.flatMap((block) => block.a), blocks.flatMap((block) => block.b)];
  if (Math.min(a.length, b.length) < RUNS_MIN) return [];
  const states = new Map([...a, ...b].map((run) => [run, statesOf(run)] as const));
  const stateOf = (run: RunRecord, name: string): string => states.get(run)?.get(name) ?? 'not judged';
  const isKept = (run: RunRecord, name: string): boolean => stateOf(run, name) === 'kept';
  const names = [...new Set(a.flatMap((run) => [...(states.get(run)?.keys() ?? [])]))]
    .filter((name) => a.some((run) => isKept(run, name)))
    .map((name) => {
      const bit = (run: RunRecord): number => (isKept(run, name) ? 1 : 0);
      const isGone = !b.some((run) => isKept(run, name) || stateOf(run, name) === 'broken');
      const bits = blocks.flatMap(strataOf).map((one) => ({ a: one.a.map(bit), b: one.b.map(bit) }));
      return { of: name, isGone, p: isGone ? rankTest(bits).pLess : 1 };
    });
  const beyondChance = new Set(holm(names, alpha));
  return names
    .filter(({ of, isGone }) => isGone && (a.every((run) => isKept(run, of)) || beyondChance.has(of)))
    .map(({ of: promise }) => ({
      promise,
      kept: a.filter((run) => isKept(run, promise)).length,
      of: { a: a.length, b: b.length },
      instead: tally(b.map((run) => stateOf(run, promise))),
    }));
}

/** By name; several cells of one name there are not. */
function statesOf(run: RunRecord): ReadonlyMap<string, string> {
  return new Map<string, string>([
    ...run.cells.map((cell): [string, string] => [promiseName(cell), cell.state]),
    [VERDICT, verdictWord(run)],
  ]);
}

/** `undecided` → 8. */
function tally(words: readonly string[]): Readonly<Record<string, number>> {
  const counts = new Map<string, number>();
  for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1);
  return Object.fromEntries(counts);
}

export interface Verdicts {
  readonly a: Readonly<Record<string, number>>;
  readonly b: Readonly<Record<string, number>>;
}

/** Those of runs that went wrong say so: see {@link verdictWord}. */
export function verdictsOf(blocks: readonly RunBlock[]): Verdicts {
  const of = (runs: readonly RunRecord[]) => tally(runs.map(verdictWord));
  return { a: of(blocks.flatMap(({ a }) => a)), b: of(blocks.flatMap(({ b }) => b)) };
}

/** `undecided in 5, not judged in 3` */
export function tallyText(counts: Readonly<Record<string, number>>): string {
  return Object.entries(counts)
    .map(([word, n]) => `${word} in ${n}`)
    .join(', ');
}

/** One sentence's half: `linearizable · quorum-ack · leader: kept in 8 of 8 runs of the baseline, …` */
export function unkeptText({ promise, kept, of, instead }: Unkept): string {
  return `${promise}: kept in ${kept} of ${of.a} runs of the baseline, and in none of ${of.b} of the candidate (${tallyText(instead)})`;
}
