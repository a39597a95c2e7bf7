-- What runs produced. One row of tidemark.runs a run; everything else hangs on it and goes with it.
--
-- Documents are json, not jsonb: it keeps the order of names, so that a stored run prints exactly as it did when it
-- ended. Strings may hold NUL and lone surrogates, which PostgreSQL refuses: they are stored as ESC and four hexadecimal
-- digits (results/text.ts). Times named _ns are nanoseconds since the run began.

create table tidemark.runs (
  id text primary key,
  created_at timestamptz not null,
  command text not null,
  system text not null,
  environment text not null,
  seed bigint not null,
  plan json not null,
  versions json not null,
  verdict text not null check (verdict in ('kept', 'broken', 'undecided')),
  exit_code integer not null,
  virtual_ns double precision not null,
  wall_ms double precision not null,
  counts json not null,
  journal_sha256 text not null
);

create index runs_newest on tidemark.runs (created_at desc, id desc);
create index runs_prefix on tidemark.runs (id text_pattern_ops);

create table tidemark.labels (
  run text not null references tidemark.runs on delete cascade,
  place integer not null,
  name text not null,
  value text not null,
  primary key (run, place)
);

create index labels_by_value on tidemark.labels (name, value);

create table tidemark.faults (
  run text not null references tidemark.runs on delete cascade,
  place integer not null,
  id integer not null,
  fault text not null,
  targets json not null,
  from_ns double precision not null,
  until_ns double precision not null,
  effect json not null,
  primary key (run, place)
);

-- The cells of the matrix. Without read_path: of the write path; without both: of the system.
create table tidemark.verdicts (
  run text not null references tidemark.runs on delete cascade,
  place integer not null,
  guarantee text not null,
  write_path text,
  read_path text,
  state text not null
    check (state in ('kept', 'broken', 'holds', 'violated', 'undecided', 'not exercised')),
  note text not null,
  evidence json not null,
  anomaly_count bigint not null,
  primary key (run, place)
);

create index verdicts_by_guarantee on tidemark.verdicts (guarantee, state);

create table tidemark.anomalies (
  run text not null,
  verdict integer not null,
  place integer not null,
  kind text not null,
  sentence text not null,
  operations json not null,
  primary key (run, verdict, place),
  foreign key (run, verdict) references tidemark.verdicts (run, place) on delete cascade
);

-- Latencies. `since` is intended (when the operation was meant to start) or sent (when it was); `path` * sums up reads by the
-- strongest path for the leader, by all others for followers. `histogram` is HdrHistogram V2 compressed, base64, in microseconds.
create table tidemark.histograms (
  run text not null references tidemark.runs on delete cascade,
  place integer not null,
  method text not null,
  path text not null,
  role text not null,
  phase text not null,
  since text not null,
  count bigint not null,
  p50_ns double precision,
  p90_ns double precision,
  p99_ns double precision,
  p999_ns double precision,
  max_ns double precision,
  histogram text not null,
  primary key (run, place)
);

-- The age of stale reads: lower ends of the intervals that are possible.
create table tidemark.staleness (
  run text not null references tidemark.runs on delete cascade,
  place integer not null,
  write_path text not null,
  read_path text not null,
  reads bigint not null,
  stale_reads bigint not null,
  p50_ns double precision,
  p99_ns double precision,
  max_ns double precision,
  versions_max bigint,
  primary key (run, place)
);

-- Null where it never came in this run.
create table tidemark.failovers (
  run text not null references tidemark.runs on delete cascade,
  place integer not null,
  replication_group text not null,
  from_term bigint not null,
  to_term bigint not null,
  from_node text,
  to_node text not null,
  cause text not null,
  start_ns double precision not null,
  elected_ns double precision,
  first_write_ns double precision,
  first_fresh_follower_read_ns double precision,
  lost_writes json not null,
  primary key (run, place)
);

-- What reading from a follower bought (or cost) in latency, by phase: the strongest path against all that followers answered.
create view tidemark.leader_versus_follower as
select
  run, method, phase, since,
  max(count) filter (where role = 'leader') as leader_count,
  max(count) filter (where role = 'follower') as follower_count,
  max(p50_ns) filter (where role = 'leader') / 1e6 as leader_p50_ms,
  max(p50_ns) filter (where role = 'follower') / 1e6 as follower_p50_ms,
  max(p99_ns) filter (where role = 'leader') / 1e6 as leader_p99_ms,
  max(p99_ns) filter (where role = 'follower') / 1e6 as follower_p99_ms
from tidemark.histograms
where path = '*'
group by run, method, phase, since;

-- How each promise fared over all runs of a system.
create view tidemark.promises as
select
  r.system, v.guarantee, v.write_path, v.read_path,
  count(*) filter (where v.state = 'kept') as kept,
  count(*) filter (where v.state = 'broken') as broken,
  count(*) filter (where v.state = 'undecided') as undecided,
  sum((v.evidence ->> 'operations')::double precision) as operations
from tidemark.verdicts v
join tidemark.runs r on r.id = v.run
where v.state in ('kept', 'broken', 'undecided')
group by r.system, v.guarantee, v.write_path, v.read_path;

-- Times to recover and what was lost, by cause.
create view tidemark.failovers_by_cause as
select
  r.system, f.cause,
  count(*) as failovers,
  percentile_cont(0.5) within group (order by f.elected_ns) / 1e6 as elected_p50_ms,
  max(f.elected_ns) / 1e6 as elected_max_ms,
  percentile_cont(0.5) within group (order by f.first_write_ns) / 1e6 as first_write_p50_ms,
  max(f.first_write_ns) / 1e6 as first_write_max_ms,
  sum((select sum(value::double precision) from json_each_text(f.lost_writes))) as lost_writes
from tidemark.failovers f
join tidemark.runs r on r.id = f.run
group by r.system, f.cause;
