-- How a run went over time: rates, latencies, lag and staleness by the second; who stood where; which levers were pulled; how soon
-- writes were seen. All of it is absent in runs of campaigns, and in those that were saved before.

alter table tidemark.runs
  add column step_ns double precision,
  add column steps integer;

create table tidemark.rate_series (
  run text not null references tidemark.runs on delete cascade,
  place integer not null,
  kind text not null,
  path text not null,
  outcome text not null,
  counts double precision[] not null,
  primary key (run, place)
);

create table tidemark.latency_series (
  run text not null references tidemark.runs on delete cascade,
  place integer not null,
  kind text not null,
  path text not null,
  role text not null,
  counts double precision[] not null,
  p50_ns double precision[] not null,
  p99_ns double precision[] not null,
  max_ns double precision[] not null,
  primary key (run, place)
);

create table tidemark.lag_series (
  run text not null references tidemark.runs on delete cascade,
  place integer not null,
  node text not null,
  replication_group text not null,
  entries double precision[] not null,
  primary key (run, place)
);

create table tidemark.staleness_series (
  run text not null references tidemark.runs on delete cascade,
  place integer not null,
  read_path text not null,
  reads double precision[] not null,
  stale double precision[] not null,
  max_ns double precision[] not null,
  primary key (run, place)
);

create table tidemark.standings (
  run text not null references tidemark.runs on delete cascade,
  place integer not null,
  node text not null,
  replication_group text not null,
  role text not null,
  term bigint,
  from_ns double precision not null,
  until_ns double precision not null,
  primary key (run, place)
);

create table tidemark.pulls (
  run text not null references tidemark.runs on delete cascade,
  place integer not null,
  lever text not null,
  nodes json not null,
  links json not null,
  from_ns double precision not null,
  until_ns double precision not null,
  primary key (run, place)
);

create table tidemark.staleness_curves (
  run text not null references tidemark.runs on delete cascade,
  place integer not null,
  read_path text not null,
  node text,
  role text,
  reads bigint not null,
  stale_reads bigint not null,
  versions_max bigint not null,
  low json not null,
  high json not null,
  curve json not null,
  primary key (run, place)
);

create function tidemark.numbers(given json) returns double precision[] language sql immutable as $$
  select coalesce(array_agg(value::double precision order by place), '{}')
  from json_array_elements_text(given) with ordinality as listed (value, place)
$$;

create or replace function tidemark.fields() returns text[] language sql immutable as $$
  select array['id', 'createdAt', 'command', 'labels', 'system', 'environment', 'seed', 'plan', 'versions', 'verdict',
    'exitCode', 'virtualNs', 'wallMs', 'counts', 'cells', 'faults', 'latencies', 'staleness', 'failovers', 'journalSha256',
    'machine', 'git', 'series', 'standings', 'pulls', 'curves', 'nodeLatencies']
$$;

create function tidemark.save_series(run_id text, given json) returns void language sql as $$
  update tidemark.runs set step_ns = (given ->> 'stepNs')::double precision, steps = (given ->> 'steps')::integer
  where id = run_id and given is not null;

  insert into tidemark.rate_series (run, place, kind, path, outcome, counts)
  select run_id, place, kind, path, outcome, tidemark.numbers(counts)
  from json_array_elements(given -> 'rates') with ordinality as listed (item, place),
    json_to_record(item) as series (kind text, path text, outcome text, counts json);

  insert into tidemark.latency_series (run, place, kind, path, role, counts, p50_ns, p99_ns, max_ns)
  select run_id, place, kind, path, role, tidemark.numbers(counts), tidemark.numbers("p50Ns"), tidemark.numbers("p99Ns"),
    tidemark.numbers("maxNs")
  from json_array_elements(given -> 'latencies') with ordinality as listed (item, place),
    json_to_record(item) as series (kind text, path text, role text, counts json, "p50Ns" json, "p99Ns" json, "maxNs" json);

  insert into tidemark.lag_series (run, place, node, replication_group, entries)
  select run_id, place, node, "group", tidemark.numbers(entries)
  from json_array_elements(given -> 'lags') with ordinality as listed (item, place),
    json_to_record(item) as series (node text, "group" text, entries json);

  insert into tidemark.staleness_series (run, place, read_path, reads, stale, max_ns)
  select run_id, place, "readPath", tidemark.numbers(reads), tidemark.numbers(stale), tidemark.numbers("maxNs")
  from json_array_elements(given -> 'staleness') with ordinality as listed (item, place),
    json_to_record(item) as series ("readPath" text, reads json, stale json, "maxNs" json)
$$;

create function tidemark.save_standings(run_id text, given json) returns void language sql as $$
  insert into tidemark.standings (run, place, node, replication_group, role, term, from_ns, until_ns)
  select run_id, place, node, "group", role, term, "from", until
  from json_array_elements(given) with ordinality as listed (item, place),
    json_to_record(item) as standing (
      node text, "group" text, role text, term bigint, "from" double precision, until double precision)
$$;

create function tidemark.save_pulls(run_id text, given json) returns void language sql as $$
  insert into tidemark.pulls (run, place, lever, nodes, links, from_ns, until_ns)
  select run_id, place, lever, nodes, links, "from", until
  from json_array_elements(given) with ordinality as listed (item, place),
    json_to_record(item) as pull (lever text, nodes json, links json, "from" double precision, until double precision)
$$;

create function tidemark.save_curves(run_id text, given json) returns void language sql as $$
  insert into tidemark.staleness_curves (run, place, read_path, node, role, reads, stale_reads, versions_max, low, high, curve)
  select run_id, place, path, node, role, reads, stale, "versionsMax", low, high, curve
  from json_array_elements(given) with ordinality as listed (item, place),
    json_to_record(item) as found (
      path text, node text, role text, reads bigint, stale bigint, "versionsMax" bigint, low json, high json, curve json)
$$;

-- Which of the lists that may be absent are there: an empty one is not an absent one.
alter table tidemark.runs add column lists text[] not null default '{}';

create or replace function tidemark.save_parts(run_id text, given json) returns void language plpgsql as $$
declare
  latencies integer := json_array_length(given -> 'latencies');
begin
  perform tidemark.save_labels(run_id, given -> 'labels');
  perform tidemark.save_faults(run_id, given -> 'faults');
  perform tidemark.save_verdicts(run_id, given -> 'cells');
  perform tidemark.save_histograms(run_id, given -> 'latencies');
  perform tidemark.save_staleness(run_id, given -> 'staleness');
  perform tidemark.save_failovers(run_id, given -> 'failovers');
  perform tidemark.save_series(run_id, given -> 'series');
  perform tidemark.save_standings(run_id, given -> 'standings');
  perform tidemark.save_pulls(run_id, given -> 'pulls');
  perform tidemark.save_curves(run_id, given -> 'curves');
  perform tidemark.save_node_histograms(run_id, latencies, given -> 'nodeLatencies');
  update tidemark.runs set lists = array(
    select key from json_each(given) where key in ('standings', 'pulls', 'curves', 'nodeLatencies')) where id = run_id;
end
$$;

-- Those of single nodes come after all others.
create function tidemark.save_node_histograms(run_id text, before integer, given json) returns void language sql as $$
  insert into tidemark.histograms (
    run, place, method, path, role, node, phase, since, count, p50_ns, p90_ns, p99_ns, p999_ns, max_ns, histogram)
  select
    run_id, before + place, method, path, role, node, phase, since, count, "p50Ns", "p90Ns", "p99Ns", "p999Ns", "maxNs",
    histogram
  from json_array_elements(given) with ordinality as listed (item, place),
    json_to_record(item) as latency (
      method text, path text, role text, node text, phase text, since text, count bigint, "p50Ns" double precision,
      "p90Ns" double precision, "p99Ns" double precision, "p999Ns" double precision, "maxNs" double precision, histogram text)
$$;

create or replace function tidemark.load_histograms(run_id text) returns json language sql stable as $$
  select coalesce(json_agg(json_build_object(
    'method', method, 'path', path, 'role', role, 'phase', phase, 'since', since, 'count', count, 'p50Ns', p50_ns,
    'p90Ns', p90_ns, 'p99Ns', p99_ns, 'p999Ns', p999_ns, 'maxNs', max_ns, 'histogram', histogram) order by place), '[]')
  from tidemark.histograms where run = run_id and node is null
$$;

create function tidemark.load_node_histograms(run_id text) returns json language sql stable as $$
  select coalesce(json_agg(json_build_object(
    'method', method, 'path', path, 'role', role, 'node', node, 'phase', phase, 'since', since, 'count', count,
    'p50Ns', p50_ns, 'p90Ns', p90_ns, 'p99Ns', p99_ns, 'p999Ns', p999_ns, 'maxNs', max_ns, 'histogram', histogram)
    order by place), '[]')
  from tidemark.histograms where run = run_id and node is not null
$$;

create function tidemark.load_series(run_id text) returns json language sql stable as $$
  select json_build_object(
    'stepNs', step_ns,
    'steps', steps,
    'rates', (
      select coalesce(json_agg(json_build_object('kind', kind, 'path', path, 'outcome', outcome, 'counts', counts)
        order by place), '[]')
      from tidemark.rate_series where run = id),
    'latencies', (
      select coalesce(json_agg(json_build_object('kind', kind, 'path', path, 'role', role, 'counts', counts, 'p50Ns', p50_ns,
        'p99Ns', p99_ns, 'maxNs', max_ns) order by place), '[]')
      from tidemark.latency_series where run = id),
    'lags', (
      select coalesce(json_agg(json_build_object('node', node, 'group', replication_group, 'entries', entries)
        order by place), '[]')
      from tidemark.lag_series where run = id),
    'staleness', (
      select coalesce(json_agg(json_build_object('readPath', read_path, 'reads', reads, 'stale', stale, 'maxNs', max_ns)
        order by place), '[]')
      from tidemark.staleness_series where run = id))
  from tidemark.runs where id = run_id and steps is not null
$$;

create function tidemark.load_standings(run_id text) returns json language sql stable as $$
  select coalesce(json_agg(json_build_object(
    'node', node, 'group', replication_group, 'role', role, 'term', term, 'from', from_ns, 'until', until_ns)
    order by place), '[]')
  from tidemark.standings where run = run_id
$$;

create function tidemark.load_pulls(run_id text) returns json language sql stable as $$
  select coalesce(json_agg(json_build_object(
    'lever', lever, 'nodes', nodes, 'links', links, 'from', from_ns, 'until', until_ns) order by place), '[]')
  from tidemark.pulls where run = run_id
$$;

create function tidemark.load_curves(run_id text) returns json language sql stable as $$
  select coalesce(json_agg(json_build_object(
    'path', read_path, 'node', node, 'role', role, 'reads', reads, 'stale', stale_reads, 'versionsMax', versions_max,
    'low', low, 'high', high, 'curve', curve) order by place), '[]')
  from tidemark.staleness_curves where run = run_id
$$;

create or replace function tidemark.load_lists(run_id text) returns json language sql stable as $$
  select json_build_object(
    'cells', tidemark.load_verdicts(run_id),
    'faults', tidemark.load_faults(run_id),
    'latencies', tidemark.load_histograms(run_id),
    'staleness', tidemark.load_staleness(run_id),
    'failovers', tidemark.load_failovers(run_id),
    'standings', case when 'standings' = any (lists) then tidemark.load_standings(run_id) end,
    'pulls', case when 'pulls' = any (lists) then tidemark.load_pulls(run_id) end,
    'curves', case when 'curves' = any (lists) then tidemark.load_curves(run_id) end,
    'nodeLatencies', case when 'nodeLatencies' = any (lists) then tidemark.load_node_histograms(run_id) end)
  from tidemark.runs where id = run_id
$$;

create or replace function tidemark.load_run(run_id text) returns json language sql stable as $$
  select json_build_object(
    'head', tidemark.load_head(id),
    'lists', tidemark.load_lists(id),
    'series', tidemark.load_series(id),
    'other', other)
  from tidemark.runs where id = run_id
$$;

-- Runs that version 4 or 5 of the schema saved have theirs in runs.other.
do $$
declare
  one record;
begin
  for one in
    select id, other,
      (select coalesce(json_object_agg(key, value), '{}') from json_each(other) where key <> all (tidemark.fields())) as rest
    from tidemark.runs where other::text <> '{}'
  loop
    perform tidemark.save_series(one.id, one.other -> 'series');
    perform tidemark.save_standings(one.id, one.other -> 'standings');
    perform tidemark.save_pulls(one.id, one.other -> 'pulls');
    perform tidemark.save_curves(one.id, one.other -> 'curves');
    perform tidemark.save_node_histograms(one.id,
      (select coalesce(max(place), 0) from tidemark.histograms where run = one.id), one.other -> 'nodeLatencies');
    update tidemark.runs set other = one.rest, lists = array(
      select key from json_each(one.other) where key in ('standings', 'pulls', 'curves', 'nodeLatencies')) where id = one.id;
  end loop;
end
$$;

create view tidemark.rates as
select
  s.run, r.created_at, r.system, r.git_branch, s.kind, s.path, s.outcome,
  (step.number - 1) * r.step_ns / 1e9 as second,
  step.count / (r.step_ns / 1e9) as per_second
from tidemark.rate_series s
join tidemark.runs r on r.id = s.run
cross join unnest(s.counts) with ordinality as step (count, number);

create view tidemark.staleness_by_age as
select
  c.run, r.system, r.git_branch, c.read_path, c.node, c.role,
  (point ->> 'tNs')::double precision / 1e6 as after_ms,
  (point ->> 'reads')::double precision as reads,
  (point ->> 'missed')::double precision as missed,
  (point ->> 'mayHaveMissed')::double precision as may_have_missed
from tidemark.staleness_curves c
join tidemark.runs r on r.id = c.run
cross join json_array_elements(c.curve) as point;

comment on column tidemark.runs.step_ns is 'How wide the steps of its series are; null: it has none.';
comment on column tidemark.runs.steps is 'How many steps.';
comment on column tidemark.runs.lists is 'Which of standings, pulls, curves and nodeLatencies were recorded, be they empty.';

comment on table tidemark.rate_series is 'Operations by the step in which they came to an end; a row a second in the view rates.';
comment on column tidemark.rate_series.run is 'The run.';
comment on column tidemark.rate_series.place is 'Order, from 1.';
comment on column tidemark.rate_series.kind is 'read or write.';
comment on column tidemark.rate_series.path is 'Read or write path.';
comment on column tidemark.rate_series.outcome is 'ok, mismatch, fail, info; info: given up or never answered, by the step in which it was asked.';
comment on column tidemark.rate_series.counts is 'One number a step.';

comment on table tidemark.latency_series is 'Latencies from the intended start, by the step in which they were answered.';
comment on column tidemark.latency_series.run is 'The run.';
comment on column tidemark.latency_series.place is 'Order, from 1.';
comment on column tidemark.latency_series.kind is 'read or write.';
comment on column tidemark.latency_series.path is 'Of reads *, as in histograms; of writes the path.';
comment on column tidemark.latency_series.role is 'Role of the node that answered.';
comment on column tidemark.latency_series.counts is 'Answers in each step.';
comment on column tidemark.latency_series.p50_ns is 'Median in each step; 0 where nothing was answered.';
comment on column tidemark.latency_series.p99_ns is '99th percentile in each step.';
comment on column tidemark.latency_series.max_ns is 'Greatest in each step.';

comment on table tidemark.lag_series is 'How far nodes were behind, when they were asked.';
comment on column tidemark.lag_series.run is 'The run.';
comment on column tidemark.lag_series.place is 'Order, from 1.';
comment on column tidemark.lag_series.node is 'The node.';
comment on column tidemark.lag_series.replication_group is 'The replication group.';
comment on column tidemark.lag_series.entries is 'Most entries in each step that were known to be committed and that it had not applied; null: nobody said.';

comment on table tidemark.staleness_series is 'Stale reads by the step in which they were invoked.';
comment on column tidemark.staleness_series.run is 'The run.';
comment on column tidemark.staleness_series.place is 'Order, from 1.';
comment on column tidemark.staleness_series.read_path is 'The read path.';
comment on column tidemark.staleness_series.reads is 'Reads in each step whose age is known.';
comment on column tidemark.staleness_series.stale is 'Those of them that were certainly out of date.';
comment on column tidemark.staleness_series.max_ns is 'The greatest lower end of an age.';

comment on table tidemark.standings is 'Sightings, run together: for how long a node went on to say the same of itself.';
comment on column tidemark.standings.run is 'The run.';
comment on column tidemark.standings.place is 'Order, from 1.';
comment on column tidemark.standings.node is 'The node.';
comment on column tidemark.standings.replication_group is 'The replication group that it spoke of.';
comment on column tidemark.standings.role is 'leader, follower, candidate, learner; down between two of its lives; silent: asked, and no answer.';
comment on column tidemark.standings.term is 'The term; null where it is down or silent.';
comment on column tidemark.standings.from_ns is 'From then on.';
comment on column tidemark.standings.until_ns is 'Until then.';

comment on table tidemark.pulls is 'Levers that faults pulled, until they were let go: who was cut off, killed, paused, slowed down.';
comment on column tidemark.pulls.run is 'The run.';
comment on column tidemark.pulls.place is 'Order, from 1.';
comment on column tidemark.pulls.lever is 'The lever.';
comment on column tidemark.pulls.nodes is 'Nodes that it acted on.';
comment on column tidemark.pulls.links is 'Links that it acted on, one direction each.';
comment on column tidemark.pulls.from_ns is 'When it was pulled.';
comment on column tidemark.pulls.until_ns is 'When it was let go.';

comment on table tidemark.staleness_curves is 'How old the answers of a read path were, and how soon writes were seen (t-visibility).';
comment on column tidemark.staleness_curves.run is 'The run.';
comment on column tidemark.staleness_curves.place is 'Order, from 1.';
comment on column tidemark.staleness_curves.read_path is 'The read path.';
comment on column tidemark.staleness_curves.node is 'The node that answered; null: all together.';
comment on column tidemark.staleness_curves.role is 'Its role, if that was the same in all answers.';
comment on column tidemark.staleness_curves.reads is 'Reads whose age is known.';
comment on column tidemark.staleness_curves.stale_reads is 'Those of them that were certainly out of date.';
comment on column tidemark.staleness_curves.versions_max is 'Most versions that a read lagged behind.';
comment on column tidemark.staleness_curves.low is 'Ages of all reads, at the least: p50, p90, p99, max in nanoseconds.';
comment on column tidemark.staleness_curves.high is 'The same at the most.';
comment on column tidemark.staleness_curves.curve is 'Of the reads at least tNs after a write was acknowledged: how many missed it; a point a row in staleness_by_age.';

comment on view tidemark.rates is 'Operations per second over the time of a run, by path and outcome.';
comment on view tidemark.staleness_by_age is 'Of the reads so long after a write: how many certainly, and how many perhaps, did not see it.';
