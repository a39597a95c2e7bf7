-- Where a run was made and of what revision; what lists ask for in columns of its own; journals; a function a table, so that a
-- later version replaces only what it changes; comments, from which docs/schema.md is made.

alter table tidemark.failovers rename to failover_records;

alter table tidemark.runs
  add column processor text,
  add column processors integer,
  add column memory_bytes bigint,
  add column kernel text,
  add column operating_system text,
  add column architecture text,
  add column git_revision text,
  add column git_branch text,
  add column git_dirty boolean,
  add column workloads text[] not null default '{}',
  add column fault_names text[] not null default '{}',
  add column operations bigint not null default 0,
  add column words text not null default '',
  add column other json not null default '{}';

alter table tidemark.histograms add column node text;

-- Names in a plan: a list of them, one text with commas, or a list of objects with a name. As names() in results/summary.ts.
create function tidemark.names(planned json) returns text[] language sql immutable as $$
  select coalesce(array_agg(name order by place, part), '{}')
  from json_array_elements(
      case json_typeof(planned) when 'array' then planned when 'null' then '[]'::json else json_build_array(planned) end)
      with ordinality as listed (item, place),
    unnest(case json_typeof(item)
      when 'string' then string_to_array(item #>> '{}', ',')
      when 'object' then array_remove(array[item ->> 'name'], null)
      else '{}' end) with ordinality as named (name, part)
$$;

-- Completed with a certain outcome. As completed() in results/summary.ts.
create function tidemark.completed(counts json) returns bigint language sql immutable as $$
  select coalesce((counts ->> 'ok')::double precision, 0)::bigint + coalesce((counts ->> 'mismatch')::double precision, 0)::bigint
$$;

update tidemark.runs set
  workloads = tidemark.names(coalesce(plan -> 'workloads', plan -> 'workload')),
  fault_names = tidemark.names(coalesce(plan -> 'faults', plan -> 'fault')),
  operations = tidemark.completed(counts);

update tidemark.runs set words = lower(concat_ws(' ', id, system, environment, verdict, array_to_string(workloads, ' '),
  array_to_string(fault_names, ' '), (select string_agg(name || '=' || value, ' ') from tidemark.labels where run = id), command));

create index runs_by_branch on tidemark.runs (git_branch, created_at desc);
create index runs_by_revision on tidemark.runs (git_revision text_pattern_ops);
create index runs_by_system on tidemark.runs (system, created_at desc);
create index runs_by_verdict on tidemark.runs (verdict, created_at desc);
create index runs_by_journal on tidemark.runs (journal_sha256);
create index labels_by_text on tidemark.labels (value);
create index histograms_compared on tidemark.histograms (run) where path = '*';

-- A journal is stored at most once, by its SHA-256: runs of one seed share it. It counts only once it is in journals, which is
-- when all its chunks are there; so chunks may be sent one by one. Until then whoever sends one again overwrites it.
create table tidemark.journals (
  sha256 text primary key,
  bytes bigint not null,
  chunks integer not null,
  stored_at timestamptz not null default now()
);

create table tidemark.journal_chunks (
  sha256 text not null,
  place integer not null,
  gzip bytea not null,
  primary key (sha256, place)
);
alter table tidemark.journal_chunks alter column gzip set storage external;

create function tidemark.save_chunk(journal text, number integer, content bytea) returns void language sql as $$
  insert into tidemark.journal_chunks as stored (sha256, place, gzip) values (journal, number, content)
  on conflict (sha256, place) do update set gzip = excluded.gzip
  where not exists (select from tidemark.journals where journals.sha256 = stored.sha256)
$$;

create function tidemark.complete_journal(journal text, size bigint, number integer) returns void language plpgsql as $$
begin
  perform pg_advisory_xact_lock(hashtextextended(journal, 1));
  if not exists (select from tidemark.runs where journal_sha256 = journal) then
    raise exception 'no run has the journal %', journal;
  end if;
  if number <> (select count(*) from tidemark.journal_chunks where sha256 = journal and place < number) then
    raise exception 'the journal % is not whole', journal;
  end if;
  insert into tidemark.journals (sha256, bytes, chunks) values (journal, size, number) on conflict do nothing;
end
$$;

-- Removes what is stored of journals that no run has any more.
create function tidemark.drop_journals(given text[]) returns void language plpgsql as $$
declare
  journal text;
begin
  foreach journal in array given loop
    perform pg_advisory_xact_lock(hashtextextended(journal, 1));
    if not exists (select from tidemark.runs where journal_sha256 = journal) then
      delete from tidemark.journals where sha256 = journal;
      delete from tidemark.journal_chunks where sha256 = journal;
    end if;
  end loop;
end
$$;

-- Removes runs with all that hangs on them; answers how many there were.
create function tidemark.delete_runs(ids text[]) returns integer language plpgsql as $$
declare
  gone text[];
begin
  with deleted as (delete from tidemark.runs where id = any (ids) returning journal_sha256)
  select array_agg(journal_sha256 order by journal_sha256) into gone from deleted;
  perform tidemark.drop_journals((select coalesce(array_agg(distinct one order by one), '{}') from unnest(gone) as one));
  return coalesce(cardinality(gone), 0);
end
$$;

-- What of a run has a place of its own here; all else is kept in runs.other.
create function tidemark.fields() returns text[] language sql immutable as $$
  select array['id', 'createdAt', 'command', 'labels', 'system', 'environment', 'seed', 'plan', 'versions', 'verdict',
    'exitCode', 'virtualNs', 'wallMs', 'counts', 'cells', 'faults', 'latencies', 'staleness', 'failovers', 'journalSha256',
    'machine', 'git']
$$;

create function tidemark.save_head(given json) returns void language sql as $$
  insert into tidemark.runs (
    id, created_at, command, system, environment, seed, plan, versions, verdict, exit_code, virtual_ns, wall_ms, counts,
    journal_sha256, processor, processors, memory_bytes, kernel, operating_system, architecture, git_revision, git_branch,
    git_dirty, workloads, fault_names, operations, words, other)
  select
    id, "createdAt", command, system, environment, seed, plan, versions, verdict, "exitCode", "virtualNs", "wallMs", counts,
    "journalSha256", machine ->> 'processor', (machine ->> 'processors')::integer, (machine ->> 'memoryBytes')::bigint,
    machine ->> 'kernel', machine ->> 'operatingSystem', machine ->> 'architecture', git ->> 'revision', git ->> 'branch',
    (git ->> 'dirty')::boolean, planned.workloads, planned.faults, tidemark.completed(counts),
    lower(concat_ws(' ', id, system, environment, verdict, array_to_string(planned.workloads, ' '),
      array_to_string(planned.faults, ' '), (select string_agg(key || '=' || value, ' ') from json_each_text(labels)), command,
      git ->> 'branch', git ->> 'revision')),
    (select coalesce(json_object_agg(key, value), '{}') from json_each(given) where key <> all (tidemark.fields()))
  from json_to_record(given) as run (
    id text, "createdAt" timestamptz, command text, system text, environment text, seed bigint, plan json, versions json,
    verdict text, "exitCode" integer, "virtualNs" double precision, "wallMs" double precision, counts json,
    "journalSha256" text, machine json, git json, labels json),
    lateral (select
      tidemark.names(coalesce(plan -> 'workloads', plan -> 'workload')) as workloads,
      tidemark.names(coalesce(plan -> 'faults', plan -> 'fault')) as faults) as planned
$$;

create function tidemark.save_labels(run_id text, given json) returns void language sql as $$
  insert into tidemark.labels (run, place, name, value)
  select run_id, place, name, value from json_each_text(given) with ordinality as label (name, value, place)
$$;

create function tidemark.save_faults(run_id text, given json) returns void language sql as $$
  insert into tidemark.faults (run, place, id, fault, targets, from_ns, until_ns, effect)
  select run_id, place, id, fault, targets, "from", until, effect
  from json_array_elements(given) with ordinality as listed (item, place),
    json_to_record(item) as fault (
      id integer, fault text, targets json, "from" double precision, until double precision, effect json)
$$;

create function tidemark.save_verdicts(run_id text, given json) returns void language sql as $$
  insert into tidemark.verdicts (
    run, place, guarantee, write_path, read_path, state, note, evidence, anomaly_count, suspended_by)
  select run_id, place, guarantee, "writePath", "readPath", state, note, evidence, "anomalyCount", "suspendedBy"
  from json_array_elements(given) with ordinality as listed (item, place),
    json_to_record(item) as cell (
      guarantee text, "writePath" text, "readPath" text, state text, note text, evidence json, "anomalyCount" bigint,
      "suspendedBy" json);

  insert into tidemark.anomalies (run, verdict, place, kind, sentence, operations)
  select run_id, cell_place, place, kind, sentence, operations
  from json_array_elements(given) with ordinality as listed_cells (cell, cell_place),
    json_array_elements(cell -> 'anomalies') with ordinality as listed (item, place),
    json_to_record(item) as anomaly (kind text, sentence text, operations json)
$$;

create function tidemark.save_histograms(run_id text, given json) returns void language sql as $$
  insert into tidemark.histograms (
    run, place, method, path, role, node, phase, since, count, p50_ns, p90_ns, p99_ns, p999_ns, max_ns, histogram)
  select
    run_id, place, method, path, role, node, phase, since, count, "p50Ns", "p90Ns", "p99Ns", "p999Ns", "maxNs", histogram
  from json_array_elements(given) with ordinality as listed (item, place),
    json_to_record(item) as latency (
      method text, path text, role text, node text, phase text, since text, count bigint, "p50Ns" double precision,
      "p90Ns" double precision, "p99Ns" double precision, "p999Ns" double precision, "maxNs" double precision, histogram text)
$$;

create function tidemark.save_staleness(run_id text, given json) returns void language sql as $$
  insert into tidemark.staleness (
    run, place, write_path, read_path, reads, stale_reads, p50_ns, p99_ns, max_ns, versions_max)
  select run_id, place, "writePath", "readPath", reads, "staleReads", "p50Ns", "p99Ns", "maxNs", "versionsMax"
  from json_array_elements(given) with ordinality as listed (item, place),
    json_to_record(item) as staleness (
      "writePath" text, "readPath" text, reads bigint, "staleReads" bigint, "p50Ns" double precision,
      "p99Ns" double precision, "maxNs" double precision, "versionsMax" bigint)
$$;

create function tidemark.save_failovers(run_id text, given json) returns void language sql as $$
  insert into tidemark.failover_records (
    run, place, replication_group, from_term, to_term, from_node, to_node, cause, start_ns, elected_ns, first_write_ns,
    first_fresh_follower_read_ns, lost_writes)
  select
    run_id, place, "group", "fromTerm", "toTerm", "from", "to", cause, start, "electedNs", "firstWriteNs",
    "firstFreshFollowerReadNs", "lostWrites"
  from json_array_elements(given) with ordinality as listed (item, place),
    json_to_record(item) as failover (
      "group" text, "fromTerm" bigint, "toTerm" bigint, "from" text, "to" text, cause text, start double precision,
      "electedNs" double precision, "firstWriteNs" double precision, "firstFreshFollowerReadNs" double precision,
      "lostWrites" json)
$$;

-- Saves a run, given as the RunRecord of results/record.ts, all of it or nothing; one with the same id is replaced.
create or replace function tidemark.save_run(given json) returns void language plpgsql as $$
declare
  run_id text := given ->> 'id';
  before text;
begin
  perform pg_advisory_xact_lock(hashtextextended(run_id, 0));
  delete from tidemark.runs where id = run_id returning journal_sha256 into before;
  perform tidemark.save_head(given);
  perform tidemark.save_parts(run_id, given);
  if before <> given ->> 'journalSha256' then
    perform tidemark.drop_journals(array[before]);
  end if;
end
$$;

create function tidemark.save_parts(run_id text, given json) returns void language plpgsql as $$
begin
  perform tidemark.save_labels(run_id, given -> 'labels');
  perform tidemark.save_faults(run_id, given -> 'faults');
  perform tidemark.save_verdicts(run_id, given -> 'cells');
  perform tidemark.save_histograms(run_id, given -> 'latencies');
  perform tidemark.save_staleness(run_id, given -> 'staleness');
  perform tidemark.save_failovers(run_id, given -> 'failovers');
end
$$;

create function tidemark.load_head(run_id text) returns json language sql stable as $$
  select json_build_object(
    'id', id,
    'createdAt', tidemark.iso(created_at),
    'command', command,
    'labels', (
      select coalesce(json_object_agg(name, value order by place), '{}') from tidemark.labels where run = run_id),
    'system', system,
    'environment', environment,
    'seed', seed,
    'plan', plan,
    'versions', versions,
    'machine', case when processor is not null then json_build_object(
      'processor', processor, 'processors', processors, 'memoryBytes', memory_bytes, 'kernel', kernel,
      'operatingSystem', operating_system, 'architecture', architecture) end,
    'git', case when git_revision is not null then json_build_object(
      'revision', git_revision, 'branch', git_branch, 'dirty', git_dirty) end,
    'verdict', verdict,
    'exitCode', exit_code,
    'virtualNs', virtual_ns,
    'wallMs', wall_ms,
    'counts', counts,
    'journalSha256', journal_sha256)
  from tidemark.runs where id = run_id
$$;

create function tidemark.load_verdicts(run_id text) returns json language sql stable as $$
  select coalesce(json_agg(json_build_object(
    'guarantee', guarantee, 'writePath', write_path, 'readPath', read_path, 'state', state, 'note', note,
    'suspendedBy', suspended_by, 'evidence', evidence, 'anomalyCount', anomaly_count,
    'anomalies', (
      select coalesce(json_agg(json_build_object(
        'kind', kind, 'sentence', sentence, 'operations', operations) order by a.place), '[]')
      from tidemark.anomalies a where a.run = v.run and a.verdict = v.place)) order by place), '[]')
  from tidemark.verdicts v where run = run_id
$$;

create function tidemark.load_faults(run_id text) returns json language sql stable as $$
  select coalesce(json_agg(json_build_object(
    'id', id, 'fault', fault, 'targets', targets, 'from', from_ns, 'until', until_ns, 'effect', effect)
    order by place), '[]')
  from tidemark.faults where run = run_id
$$;

create function tidemark.load_histograms(run_id text) returns json language sql stable as $$
  select coalesce(json_agg(json_build_object(
    'method', method, 'path', path, 'role', role, 'node', node, 'phase', phase, 'since', since, 'count', count,
    'p50Ns', p50_ns, 'p90Ns', p90_ns, 'p99Ns', p99_ns, 'p999Ns', p999_ns, 'maxNs', max_ns, 'histogram', histogram)
    order by place), '[]')
  from tidemark.histograms where run = run_id
$$;

create function tidemark.load_staleness(run_id text) returns json language sql stable as $$
  select coalesce(json_agg(json_build_object(
    'writePath', write_path, 'readPath', read_path, 'reads', reads, 'staleReads', stale_reads, 'p50Ns', p50_ns,
    'p99Ns', p99_ns, 'maxNs', max_ns, 'versionsMax', versions_max) order by place), '[]')
  from tidemark.staleness where run = run_id
$$;

create function tidemark.load_failovers(run_id text) returns json language sql stable as $$
  select coalesce(json_agg(json_build_object(
    'group', replication_group, 'fromTerm', from_term, 'toTerm', to_term, 'from', from_node, 'to', to_node,
    'cause', cause, 'start', start_ns, 'electedNs', elected_ns, 'firstWriteNs', first_write_ns,
    'firstFreshFollowerReadNs', first_fresh_follower_read_ns, 'lostWrites', lost_writes) order by place), '[]')
  from tidemark.failover_records where run = run_id
$$;

create function tidemark.load_lists(run_id text) returns json language sql stable as $$
  select json_build_object(
    'cells', tidemark.load_verdicts(run_id),
    'faults', tidemark.load_faults(run_id),
    'latencies', tidemark.load_histograms(run_id),
    'staleness', tidemark.load_staleness(run_id),
    'failovers', tidemark.load_failovers(run_id))
$$;

-- The run as it was saved, or null. What was absent is null in `head` and `lists`; `other` holds what has no place of its own.
create or replace function tidemark.load_run(run_id text) returns json language sql stable as $$
  select json_build_object('head', tidemark.load_head(id), 'lists', tidemark.load_lists(id), 'other', other)
  from tidemark.runs where id = run_id
$$;
