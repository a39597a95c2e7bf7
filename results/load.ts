/** Reads runs from the database. */
import { type Database, within } from './database.ts';
import type { Cell, FailoverRecord, FaultRecord, LatencyRecord, RunRecord, StalenessRecord } from './record.ts';
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
    sql<Row[]>`
    select json_build_object(
      'id', id,
      'createdAt', to_char(created_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
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
  return within(database.clock, TIMEOUT_MS, 'the run could not be loaded', read(database, escapeText(id)));
}

interface Row {
  readonly json: string;
}

interface StoredSummary extends Omit<RunSummary, 'workloads' | 'faults' | 'operations' | 'labels'> {
  readonly counts: Readonly<Record<string, number>>;
  readonly labels: readonly (readonly [string, string])[] | null;
  readonly workloads: unknown;
  readonly faults: unknown;
}

async function read({ sql }: Database, id: string): Promise<RunRecord | undefined> {
  return sql.begin('isolation level repeatable read read only', async (transaction) => {
    /** The rows of one query, whose column `json` holds them; names with null are left out: they were absent. */
    const rows = async <T>(query: PromiseLike<Row[]>) =>
      (await query).map(({ json }) => present(fromStoredJson(json) as object) as T);
    const [run] = await rows<Omit<RunRecord, 'labels' | 'cells' | 'faults' | 'latencies' | 'staleness' | 'failovers'>>(
      transaction<Row[]>`
        select json_build_object(
          'id', id, 'createdAt', to_char(created_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
          'command', command, 'system', system, 'environment', environment, 'seed', seed, 'plan', plan,
          'versions', versions, 'verdict', verdict, 'exitCode', exit_code, 'virtualNs', virtual_ns, 'wallMs', wall_ms,
          'counts', counts, 'journalSha256', journal_sha256)::text as json
        from tidemark.runs where id = ${id}`,
    );
    if (run === undefined) return undefined;
    const labels = await rows<{ readonly name: string; readonly value: string }>(transaction<Row[]>`
      select json_build_object('name', name, 'value', value)::text as json
      from tidemark.labels where run = ${id} order by place`);
    const faults = await rows<FaultRecord>(transaction<Row[]>`
      select json_build_object(
        'id', id, 'fault', fault, 'targets', targets, 'from', from_ns, 'until', until_ns, 'effect', effect)::text as json
      from tidemark.faults where run = ${id} order by place`);
    const cells = await rows<Cell>(transaction<Row[]>`
      select json_build_object(
        'guarantee', guarantee, 'writePath', write_path, 'readPath', read_path, 'state', state, 'note', note,
        'evidence', evidence, 'anomalyCount', anomaly_count,
        'anomalies', coalesce((
          select json_agg(
            json_build_object('kind', kind, 'sentence', sentence, 'operations', operations) order by a.place)
          from tidemark.anomalies a where a.run = v.run and a.verdict = v.place), '[]'))::text as json
      from tidemark.verdicts v where run = ${id} order by place`);
    const latencies = await rows<LatencyRecord>(transaction<Row[]>`
      select json_build_object(
        'method', method, 'path', path, 'role', role, 'phase', phase, 'count', count, 'p50Ns', p50_ns, 'p90Ns', p90_ns,
        'p99Ns', p99_ns, 'p999Ns', p999_ns, 'maxNs', max_ns, 'histogram', histogram)::text as json
      from tidemark.histograms where run = ${id} order by place`);
    const staleness = await rows<StalenessRecord>(transaction<Row[]>`
      select json_build_object(
        'writePath', write_path, 'readPath', read_path, 'reads', reads, 'staleReads', stale_reads, 'p50Ns', p50_ns,
        'p99Ns', p99_ns, 'maxNs', max_ns, 'versionsMax', versions_max)::text as json
      from tidemark.staleness where run = ${id} order by place`);
    const failovers = await rows<FailoverRecord>(transaction<Row[]>`
      select json_build_object(
        'group', replication_group, 'fromTerm', from_term, 'toTerm', to_term, 'from', from_node, 'to', to_node,
        'cause', cause, 'start', start_ns, 'electedNs', elected_ns, 'firstWriteNs', first_write_ns,
        'firstFreshFollowerReadNs', first_fresh_follower_read_ns, 'lostWrites', lost_writes)::text as json
      from tidemark.failovers where run = ${id} order by place`);
    return {
      ...run,
      labels: Object.fromEntries(labels.map(({ name, value }) => [name, value])),
      cells,
      faults,
      latencies,
      staleness,
      failovers,
    };
  });
}

function present(row: object): object {
  return Object.fromEntries(Object.entries(row).filter(([, value]) => value !== null));
}
