-- A promise that does not stand in a run, because a fault went beyond what the system says it assumes: names of those faults.
alter table tidemark.verdicts add column suspended_by json;

-- As in 0002, with it.
create or replace function tidemark.save_run(given json) returns void language plpgsql as $$
declare
  run_id text := given ->> 'id';
begin
  perform pg_advisory_xact_lock(hashtextextended(run_id, 0));
  delete from tidemark.runs where id = run_id;

  insert into tidemark.runs (
    id, created_at, command, system, environment, seed, plan, versions, verdict, exit_code, virtual_ns, wall_ms, counts,
    journal_sha256)
  select
    id, "createdAt", command, system, environment, seed, plan, versions, verdict, "exitCode", "virtualNs", "wallMs", counts,
    "journalSha256"
  from json_to_record(given) as run (
    id text, "createdAt" timestamptz, command text, system text, environment text, seed bigint, plan json, versions json,
    verdict text, "exitCode" integer, "virtualNs" double precision, "wallMs" double precision, counts json,
    "journalSha256" text);

  insert into tidemark.labels (run, place, name, value)
  select run_id, place, name, value
  from json_each_text(given -> 'labels') with ordinality as label (name, value, place);

  insert into tidemark.faults (run, place, id, fault, targets, from_ns, until_ns, effect)
  select run_id, place, id, fault, targets, "from", until, effect
  from json_array_elements(given -> 'faults') with ordinality as listed (item, place),
    json_to_record(item) as fault (
      id integer, fault text, targets json, "from" double precision, until double precision, effect json);

  insert into tidemark.verdicts (
    run, place, guarantee, write_path, read_path, state, note, evidence, anomaly_count, suspended_by)
  select run_id, place, guarantee, "writePath", "readPath", state, note, evidence, "anomalyCount", "suspendedBy"
  from json_array_elements(given -> 'cells') with ordinality as listed (item, place),
    json_to_record(item) as cell (
      guarantee text, "writePath" text, "readPath" text, state text, note text, evidence json, "anomalyCount" bigint,
      "suspendedBy" json);

  insert into tidemark.anomalies (run, verdict, place, kind, sentence, operations)
  select run_id, cell_place, place, kind, sentence, operations
  from json_array_elements(given -> 'cells') with ordinality as listed_cells (cell, cell_place),
    json_array_elements(cell -> 'anomalies') with ordinality as listed (item, place),
    json_to_record(item) as anomaly (kind text, sentence text, operations json);

  insert into tidemark.histograms (
    run, place, method, path, role, phase, since, count, p50_ns, p90_ns, p99_ns, p999_ns, max_ns, histogram)
  select run_id, place, method, path, role, phase, since, count, "p50Ns", "p90Ns", "p99Ns", "p999Ns", "maxNs", histogram
  from json_array_elements(given -> 'latencies') with ordinality as listed (item, place),
    json_to_record(item) as latency (
      method text, path text, role text, phase text, since text, count bigint, "p50Ns" double precision, "p90Ns" double precision,
      "p99Ns" double precision, "p999Ns" double precision, "maxNs" double precision, histogram text);

  insert into tidemark.staleness (
    run, place, write_path, read_path, reads, stale_reads, p50_ns, p99_ns, max_ns, versions_max)
  select run_id, place, "writePath", "readPath", reads, "staleReads", "p50Ns", "p99Ns", "maxNs", "versionsMax"
  from json_array_elements(given -> 'staleness') with ordinality as listed (item, place),
    json_to_record(item) as staleness (
      "writePath" text, "readPath" text, reads bigint, "staleReads" bigint, "p50Ns" double precision,
      "p99Ns" double precision, "maxNs" double precision, "versionsMax" bigint);

  insert into tidemark.failovers (
    run, place, replication_group, from_term, to_term, from_node, to_node, cause, start_ns, elected_ns, first_write_ns,
    first_fresh_follower_read_ns, lost_writes)
  select
    run_id, place, "group", "fromTerm", "toTerm", "from", "to", cause, start, "electedNs", "firstWriteNs",
    "firstFreshFollowerReadNs", "lostWrites"
  from json_array_elements(given -> 'failovers') with ordinality as listed (item, place),
    json_to_record(item) as failover (
      "group" text, "fromTerm" bigint, "toTerm" bigint, "from" text, "to" text, cause text, start double precision,
      "electedNs" double precision, "firstWriteNs" double precision, "firstFreshFollowerReadNs" double precision,
      "lostWrites" json);
end
$$;

-- The run as it was saved, or null. What was absent is null here.
create or replace function tidemark.load_run(run_id text) returns json language sql stable as $$
  select json_build_object(
    'id', r.id,
    'createdAt', tidemark.iso(r.created_at),
    'command', r.command,
    'labels', (
      select coalesce(json_object_agg(name, value order by place), '{}') from tidemark.labels where run = r.id),
    'system', r.system,
    'environment', r.environment,
    'seed', r.seed,
    'plan', r.plan,
    'versions', r.versions,
    'verdict', r.verdict,
    'exitCode', r.exit_code,
    'virtualNs', r.virtual_ns,
    'wallMs', r.wall_ms,
    'counts', r.counts,
    'cells', (
      select coalesce(json_agg(json_build_object(
        'guarantee', guarantee, 'writePath', write_path, 'readPath', read_path, 'state', state, 'note', note,
        'suspendedBy', suspended_by, 'evidence', evidence, 'anomalyCount', anomaly_count,
        'anomalies', (
          select coalesce(json_agg(json_build_object(
            'kind', kind, 'sentence', sentence, 'operations', operations) order by a.place), '[]')
          from tidemark.anomalies a where a.run = v.run and a.verdict = v.place)) order by place), '[]')
      from tidemark.verdicts v where run = r.id),
    'faults', (
      select coalesce(json_agg(json_build_object(
        'id', id, 'fault', fault, 'targets', targets, 'from', from_ns, 'until', until_ns, 'effect', effect)
        order by place), '[]')
      from tidemark.faults where run = r.id),
    'latencies', (
      select coalesce(json_agg(json_build_object(
        'method', method, 'path', path, 'role', role, 'phase', phase, 'since', since, 'count', count, 'p50Ns', p50_ns, 'p90Ns', p90_ns,
        'p99Ns', p99_ns, 'p999Ns', p999_ns, 'maxNs', max_ns, 'histogram', histogram) order by place), '[]')
      from tidemark.histograms where run = r.id),
    'staleness', (
      select coalesce(json_agg(json_build_object(
        'writePath', write_path, 'readPath', read_path, 'reads', reads, 'staleReads', stale_reads, 'p50Ns', p50_ns,
        'p99Ns', p99_ns, 'maxNs', max_ns, 'versionsMax', versions_max) order by place), '[]')
      from tidemark.staleness where run = r.id),
    'failovers', (
      select coalesce(json_agg(json_build_object(
        'group', replication_group, 'fromTerm', from_term, 'toTerm', to_term, 'from', from_node, 'to', to_node,
        'cause', cause, 'start', start_ns, 'electedNs', elected_ns, 'firstWriteNs', first_write_ns,
        'firstFreshFollowerReadNs', first_fresh_follower_read_ns, 'lostWrites', lost_writes) order by place), '[]')
      from tidemark.failovers where run = r.id),
    'journalSha256', r.journal_sha256)
  from tidemark.runs r
  where r.id = run_id
$$;
