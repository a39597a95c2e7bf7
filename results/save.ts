/** Writes a run into the database: all of it or nothing. */
import { type Database, within } from './database.ts';
import type { Cell, RunRecord } from './record.ts';
import { escapeText, toStoredJson } from './text.ts';

const TIMEOUT_MS = 30_000;

/**
 * Saves a run; one that is there already, by its id, is replaced. Rejects when the database fails or takes more than 30 s.
 */
export async function saveRun(database: Database, record: RunRecord): Promise<void> {
  await within(database.clock, TIMEOUT_MS, 'the run could not be saved', write(database, record));
}

async function write({ sql }: Database, record: RunRecord): Promise<void> {
  const run = toStoredJson({
    ...record,
    cells: undefined,
    faults: undefined,
    latencies: undefined,
    staleness: undefined,
    failovers: undefined,
    labels: undefined,
  });
  // Each statement carries its rows as one JSON document: any number of rows, one parameter, one round trip.
  const json = (rows: readonly unknown[]) => toStoredJson(rows.map((row, place) => ({ ...(row as object), place })));
  const id = escapeText(record.id);
  await sql.begin(async (transaction) => {
    await transaction`set local statement_timeout = '25s'`;
    await transaction`select pg_advisory_xact_lock(hashtextextended(${id}, 0))`;
    await transaction`delete from tidemark.runs where id = ${id}`;
    await transaction`
      insert into tidemark.runs
      select * from json_to_record(${run}::text::json) as given (
        id text, "createdAt" timestamptz, command text, system text, environment text, seed bigint, plan json,
        versions json, verdict text, "exitCode" integer, "virtualNs" double precision, "wallMs" double precision,
        counts json, "journalSha256" text)`;
    await transaction`
      insert into tidemark.labels (run, place, name, value)
      select ${id}::text, place, name, value
      from json_to_recordset(${json(labelsOf(record))}::text::json) as given (place integer, name text, value text)`;
    await transaction`
      insert into tidemark.faults (run, place, id, fault, targets, from_ns, until_ns, effect)
      select ${id}::text, place, id, fault, targets, "from", until, effect
      from json_to_recordset(${json(record.faults)}::text::json) as given (
        place integer, id integer, fault text, targets json, "from" double precision, until double precision, effect json)`;
    await transaction`
      insert into tidemark.verdicts (run, place, guarantee, write_path, read_path, state, note, evidence, anomaly_count)
      select ${id}::text, place, guarantee, "writePath", "readPath", state, note, evidence, "anomalyCount"
      from json_to_recordset(${json(record.cells.map(withoutAnomalies))}::text::json) as given (
        place integer, guarantee text, "writePath" text, "readPath" text, state text, note text, evidence json,
        "anomalyCount" bigint)`;
    await transaction`
      insert into tidemark.anomalies (run, verdict, place, kind, sentence, operations)
      select ${id}::text, verdict, place, kind, sentence, operations
      from json_to_recordset(${toStoredJson(anomaliesOf(record))}::text::json) as given (
        verdict integer, place integer, kind text, sentence text, operations json)`;
    await transaction`
      insert into tidemark.histograms (
        run, place, method, path, role, phase, count, p50_ns, p90_ns, p99_ns, p999_ns, max_ns, histogram)
      select ${id}::text, place, method, path, role, phase, count, "p50Ns", "p90Ns", "p99Ns", "p999Ns", "maxNs", histogram
      from json_to_recordset(${json(record.latencies)}::text::json) as given (
        place integer, method text, path text, role text, phase text, count bigint, "p50Ns" double precision,
        "p90Ns" double precision, "p99Ns" double precision, "p999Ns" double precision, "maxNs" double precision,
        histogram text)`;
    await transaction`
      insert into tidemark.staleness (
        run, place, write_path, read_path, reads, stale_reads, p50_ns, p99_ns, max_ns, versions_max)
      select ${id}::text, place, "writePath", "readPath", reads, "staleReads", "p50Ns", "p99Ns", "maxNs", "versionsMax"
      from json_to_recordset(${json(record.staleness)}::text::json) as given (
        place integer, "writePath" text, "readPath" text, reads bigint, "staleReads" bigint, "p50Ns" double precision,
        "p99Ns" double precision, "maxNs" double precision, "versionsMax" bigint)`;
    await transaction`
      insert into tidemark.failovers (
        run, place, replication_group, from_term, to_term, from_node, to_node, cause, start_ns, elected_ns,
        first_write_ns, first_fresh_follower_read_ns, lost_writes)
      select ${id}::text, place, "group", "fromTerm", "toTerm", "from", "to", cause, start, "electedNs",
        "firstWriteNs", "firstFreshFollowerReadNs", "lostWrites"
      from json_to_recordset(${json(record.failovers)}::text::json) as given (
        place integer, "group" text, "fromTerm" bigint, "toTerm" bigint, "from" text, "to" text, cause text,
        start double precision, "electedNs" double precision, "firstWriteNs" double precision,
        "firstFreshFollowerReadNs" double precision, "lostWrites" json)`;
  });
}

function labelsOf(record: RunRecord): readonly { readonly name: string; readonly value: string }[] {
  return Object.entries(record.labels).map(([name, value]) => ({ name, value }));
}

function withoutAnomalies(cell: Cell): object {
  return { ...cell, anomalies: undefined };
}

function anomaliesOf(record: RunRecord): readonly object[] {
  return record.cells.flatMap((cell, verdict) =>
    cell.anomalies.map((anomaly, place) => ({ ...anomaly, verdict, place })),
  );
}
