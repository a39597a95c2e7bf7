/** Reads runs from the database. */
import type postgres from 'postgres';
import { type Database, type Sql, within } from './database.ts';
import type { RunRecord } from './record.ts';
import { findAmong, type Found, type RunFilter, type RunSummary, searched } from './summary.ts';
import { escapeText, fromStoredJson } from './text.ts';

type Fragment = postgres.PendingQuery<postgres.Row[]>;

const TIMEOUT_MS = 20_000;

/** Newest first. */
export async function listRuns(database: Database, filter: RunFilter = {}): Promise<readonly RunSummary[]> {
  const { sql } = database;
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
      'workloads', workloads,
      'faults', fault_names,
      'seed', seed,
      'verdict', verdict,
      'exitCode', exit_code,
      'operations', operations,
      'labels', (select json_agg(json_build_array(name, value) order by place) from tidemark.labels where run = id),
      'branch', git_branch,
      'revision', git_revision
    )::text as json
    from (
      -- In here, so that nothing is put together for what is skipped.
      select id, created_at, system, environment, workloads, fault_names, seed, verdict, exit_code, operations, git_branch, git_revision
      from tidemark.runs
      where ${chosen(sql, filter)}
      order by created_at desc, id desc
      limit ${filter.limit ?? null}::bigint offset ${filter.skip ?? 0}::bigint) as runs
    order by created_at desc, id desc`,
  );
  return rows.map(({ json }) => {
    const { labels, ...rest } = present(fromStoredJson(json) as StoredSummary);
    return { ...rest, labels: Object.fromEntries(labels ?? []) };
  });
}

/** Of tidemark.runs, those that a filter means; its limit apart. */
export function chosen(sql: Sql, filter: RunFilter): Fragment {
  const text = (given: string | undefined): string | null => (given === undefined ? null : escapeText(given));
  const label = text(filter.label);
  const prefix = text(filter.idPrefix);
  const words = JSON.stringify(searched(filter.search).map(escapeText));
  return sql`
    (${text(filter.system)}::text is null or system = ${text(filter.system)})
    and (${filter.verdict ?? null}::text is null or verdict = ${filter.verdict ?? null})
    and (${prefix}::text is null or starts_with(id, ${prefix}))
    and (${text(filter.environment)}::text is null or environment = ${text(filter.environment)})
    and (${text(filter.branch)}::text is null or git_branch = ${text(filter.branch)})
    and (${text(filter.revision)}::text is null or starts_with(git_revision, ${text(filter.revision)}))
    and (${filter.before ?? null}::text is null or created_at < ${filter.before ?? null}::text::timestamptz)
    and (${label}::text is null or exists (
      select from tidemark.labels where run = id and ${label} in (value, name || '=' || value)))
    and not exists (
      select from json_array_elements_text(${words}::text::json) as word where strpos(words, lower(word)) = 0)`;
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
  const { head, lists, series, other } = fromStoredJson(json) as Stored;
  const { git, ...plain } = present(head);
  const { cells, ...rest } = lists;
  return {
    ...plain,
    cells: cells.map(cellOf),
    ...(git !== undefined && git !== null && { git: present(git) }),
    ...Object.fromEntries(Object.entries(present(rest)).map(([name, rows]) => [name, (rows ?? []).map(present)])),
    ...(series !== null && { series }),
    ...other,
  } as unknown as RunRecord; // save_run checked the types that matter
}

/** What load_run answers with. */
interface Stored {
  readonly head: { readonly git: object | null };
  readonly lists: { readonly cells: readonly StoredCell[] } & Readonly<Record<string, readonly object[] | null>>;
  readonly series: object | null;
  readonly other: object;
}

interface StoredCell {
  readonly anomalies: readonly { readonly other: object }[];
}

/** What of an anomaly has no column of its own stands beside it. */
function cellOf(cell: StoredCell): object {
  return { ...present(cell), anomalies: cell.anomalies.map(({ other, ...anomaly }) => ({ ...anomaly, ...other })) };
}

interface Row {
  readonly json: string | null;
}

interface StoredSummary extends Omit<RunSummary, 'labels'> {
  readonly labels: readonly (readonly [string, string])[] | null;
}

/** What is optional and was absent comes back as null. */
function present<T extends object>(row: T): T {
  return Object.fromEntries(Object.entries(row).filter(([, value]) => value !== null)) as T; // null stood for absent
}
