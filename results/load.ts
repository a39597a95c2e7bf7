/** Reads runs from the database. */
import { type Database, within } from './database.ts';
import type { RunRecord } from './record.ts';
import { completed, findAmong, type Found, names, type RunFilter, type RunSummary } from './summary.ts';
import { escapeText, fromStoredJson } from './text.ts';

const TIMEOUT_MS = 20_000;

/** Newest first. */
export async function listRuns(database: Database, filter: RunFilter = {}): Promise<readonly RunSummary[]> {
  const { sql } = database;
  const label = filter.label === undefined ? null : escapeText(filter.label);
  const prefix = filter.idPrefix === undefined ? null : escapeText(filter.idPrefix);
  const rows = await within(
    database.clock,
    TIMEOUT_MS,
    'the runs could not be listed',
    sql<{ json: string }[]>`
    select json_build_object(
      'id', id,
      'createdAt', tidemark.iso(created_at),
      'system', system,
      'environment', environment,
      'workloads', coalesce(plan -> 'workloads', plan -> 'workload'),
      'faults', coalesce(plan -> 'faults', plan -> 'fault'),
      'seed', seed,
      'verdict', verdict,
      'counts', counts,
      'labels', (select json_agg(json_build_array(name, value) order by place) from tidemark.labels where run = id)
    )::text as json
    from tidemark.runs
    where (${filter.system ?? null}::text is null or system = ${filter.system ?? null})
      and (${filter.verdict ?? null}::text is null or verdict = ${filter.verdict ?? null})
      and (${prefix}::text is null or starts_with(id, ${prefix}))
      and (${label}::text is null or exists (
        select from tidemark.labels where run = id and ${label} in (value, name || '=' || value)))
    order by created_at desc, id desc
    limit ${filter.limit ?? null}::bigint`,
  );
  return rows.map(({ json }) => {
    const { counts, labels, workloads, faults, ...rest } = fromStoredJson(json) as StoredSummary;
    return {
      ...rest,
      workloads: names(workloads),
      faults: names(faults),
      operations: completed(counts),
      labels: Object.fromEntries(labels ?? []),
    };
  });
}

/** `last`, an id or the beginning of one, or a label. */
export function findRun(database: Database, word: string): Promise<Found> {
  return findAmong(word, (filter) => listRuns(database, filter));
}

/** Which of these ids the database has. */
export async function knownIds(database: Database, ids: readonly string[]): Promise<ReadonlySet<string>> {
  if (ids.length === 0) return new Set();
  const rows = await within(
    database.clock,
    TIMEOUT_MS,
    'the runs could not be listed',
    database.sql<{ id: string }[]>`
    select id from tidemark.runs where id in (select json_array_elements_text(${JSON.stringify(ids)}::text::json))`,
  );
  return new Set(rows.map(({ id }) => id));
}

/** A run as it was saved; undefined when there is none with this id. */
export async function loadRun(database: Database, id: string): Promise<RunRecord | undefined> {
  const query = database.sql<Row[]>`select tidemark.load_run(${escapeText(id)})::text as json`;
  const [{ json }] = await within(database.clock, TIMEOUT_MS, 'the run could not be loaded', query);
  if (json === null) return undefined;
  const record = fromStoredJson(json) as RunRecord; // save_run checked the types that matter
  return { ...record, cells: record.cells.map(present), failovers: record.failovers.map(present) };
}

interface Row {
  readonly json: string | null;
}

interface StoredSummary extends Omit<RunSummary, 'workloads' | 'faults' | 'operations' | 'labels'> {
  readonly counts: Readonly<Record<string, number>>;
  readonly labels: readonly (readonly [string, string])[] | null;
  readonly workloads: unknown;
  readonly faults: unknown;
}

/** What is optional and was absent comes back as null. */
function present<T extends object>(row: T): T {
  return Object.fromEntries(Object.entries(row).filter(([, value]) => value !== null)) as T; // null stood for absent
}
