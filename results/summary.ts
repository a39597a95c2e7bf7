/** What a list of runs shows of each, and how a user names one. */
import type { RunRecord } from './record.ts';

export interface RunSummary {
  readonly id: string;
  /** ISO 8601, UTC. */
  readonly createdAt: string;
  readonly system: string;
  readonly environment: string;
  readonly workloads: readonly string[];
  readonly faults: readonly string[];
  readonly seed: number;
  readonly verdict: RunRecord['verdict'];
  /** 254 or 255: the run went wrong, whatever was judged. */
  readonly exitCode: RunRecord['exitCode'];
  /** Operations that completed with a certain outcome, refusals apart. */
  readonly operations: number;
  readonly labels: Readonly<Record<string, string>>;
  /** Branch and commit of the repository it was started in. */
  readonly branch?: string;
  readonly revision?: string;
}

export interface RunFilter {
  /** How many, of the newest; all if absent. */
  readonly limit?: number;
  readonly system?: string;
  readonly verdict?: RunRecord['verdict'];
  /** `name=value`, or a value alone. */
  readonly label?: string;
  /** The run with this id, or those whose ids begin so. */
  readonly idPrefix?: string;
  readonly environment?: string;
  readonly branch?: string;
  /** The commit, or how it begins. */
  readonly revision?: string;
  /** Words that must all stand somewhere in what is known by name: id, system, workloads, faults, labels, command, revision. */
  readonly search?: string;
  /** Made before this moment: ISO 8601, UTC. */
  readonly before?: string;
  /** Leaves out so many of the newest. */
  readonly skip?: number;
}

/** What a user's word for a run stands for. */
export type Found =
  | { readonly type: 'found'; readonly id: string }
  | { readonly type: 'ambiguous'; readonly ids: readonly string[] }
  | { readonly type: 'none' };

export function summaryOf(record: RunRecord): RunSummary {
  return {
    id: record.id,
    createdAt: record.createdAt,
    system: record.system,
    environment: record.environment,
    workloads: names(record.plan['workloads'] ?? record.plan['workload']),
    faults: names(record.plan['faults'] ?? record.plan['fault']),
    seed: record.seed,
    verdict: record.verdict,
    exitCode: record.exitCode,
    operations: completed(record.counts),
    labels: record.labels,
    ...(record.git?.branch !== undefined && { branch: record.git.branch }),
    ...(record.git !== undefined && { revision: record.git.revision }),
  };
}

/** All that a search looks at, in lower case; as runs.words in the database. */
export function wordsOf(record: RunRecord): string {
  const { id, system, environment, verdict, workloads, faults, labels, branch, revision } = summaryOf(record);
  const named = Object.entries(labels).map(([name, value]) => `${name}=${value}`);
  const all = [id, system, environment, verdict, ...workloads, ...faults, ...named, record.command, branch, revision];
  return all.join(' ').toLowerCase();
}

/** A plan names them in a list, in one text with commas, or as objects with a name. */
export function names(planned: unknown): readonly string[] {
  const list: readonly unknown[] = Array.isArray(planned)
    ? planned
    : planned === undefined || planned === null
      ? []
      : [planned];
  return list.flatMap((entry) => {
    if (typeof entry === 'string') return entry.split(',');
    const name = (entry as { readonly name?: unknown } | null)?.name;
    return typeof name === 'string' ? [name] : [];
  });
}

export function completed(counts: Readonly<Record<string, number>>): number {
  return (counts['ok'] ?? 0) + (counts['mismatch'] ?? 0);
}

export function matches(run: RunSummary, filter: RunFilter): boolean {
  if (filter.system !== undefined && run.system !== filter.system) return false;
  if (filter.verdict !== undefined && run.verdict !== filter.verdict) return false;
  if (filter.idPrefix !== undefined && !run.id.startsWith(filter.idPrefix)) return false;
  if (filter.environment !== undefined && run.environment !== filter.environment) return false;
  if (filter.branch !== undefined && run.branch !== filter.branch) return false;
  if (filter.revision !== undefined && run.revision?.startsWith(filter.revision) !== true) return false;
  if (filter.before !== undefined && run.createdAt >= filter.before) return false;
  return filter.label === undefined || hasLabel(run, filter.label);
}

/** The words of a search, as they stand in {@link wordsOf}. */
export function searched(search: string | undefined): readonly string[] {
  return (search ?? '')
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== '');
}

/** `label` is `name=value`, or a value alone. */
export function hasLabel(run: RunSummary, label: string): boolean {
  return Object.entries(run.labels).some(([name, value]) => label === value || label === `${name}=${value}`);
}

/** Newest first; of two of one moment, the one with the greater id. */
export function newestFirst(a: RunSummary, b: RunSummary): number {
  if (a.createdAt !== b.createdAt) return a.createdAt < b.createdAt ? 1 : -1;
  return a.id < b.id ? 1 : a.id > b.id ? -1 : 0;
}

/** Finds `last`, an id, the beginning of one id only, or the newest run with a label; in this order. */
export async function findAmong(
  word: string,
  list: (filter: RunFilter) => Promise<readonly RunSummary[]>,
): Promise<Found> {
  if (word === 'last') return first(await list({ limit: 1 }));
  if (word === '') return { type: 'none' };
  const begun = await list({ idPrefix: word, limit: 10 });
  const exact = begun.find((run) => run.id === word);
  if (exact !== undefined || begun.length === 1) return { type: 'found', id: (exact ?? begun[0]).id };
  if (begun.length > 1) return { type: 'ambiguous', ids: begun.map((run) => run.id) };
  return first(await list({ label: word, limit: 1 }));
}

function first(runs: readonly RunSummary[]): Found {
  return runs.length === 0 ? { type: 'none' } : { type: 'found', id: runs[0].id };
}

/** A run that went wrong vouches for nothing: its verdict stands behind that. */
export function verdictWord({ verdict, exitCode }: Pick<RunSummary, 'verdict' | 'exitCode'>): string {
  return exitCode === 254 || exitCode === 255 ? `failed (${verdict})` : verdict;
}
