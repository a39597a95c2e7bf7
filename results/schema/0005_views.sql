-- The questions that people ask, each a view; and what every table, view and column is, for docs/schema.md.

drop view tidemark.leader_versus_follower;
drop view tidemark.promises;
drop view tidemark.failovers_by_cause;

create view tidemark.leader_versus_follower as
select
  h.run, r.created_at, r.system, r.environment, r.git_branch, h.method, h.phase, h.since,
  sum(h.count) filter (where h.role = 'leader') as leader_count,
  sum(h.count) filter (where h.role = 'follower') as follower_count,
  max(h.p50_ns) filter (where h.role = 'leader') / 1e6 as leader_p50_ms,
  max(h.p50_ns) filter (where h.role = 'follower') / 1e6 as follower_p50_ms,
  max(h.p99_ns) filter (where h.role = 'leader') / 1e6 as leader_p99_ms,
  max(h.p99_ns) filter (where h.role = 'follower') / 1e6 as follower_p99_ms
from tidemark.histograms h
join tidemark.runs r on r.id = h.run
where h.path = '*' and h.node is null
group by h.run, r.created_at, r.system, r.environment, r.git_branch, h.method, h.phase, h.since;

create view tidemark.promises as
select
  r.system, r.environment, v.guarantee, v.write_path, v.read_path,
  count(*) as runs,
  count(*) filter (where v.state = 'kept') as kept,
  count(*) filter (where v.state = 'broken') as broken,
  count(*) filter (where v.state = 'undecided') as undecided,
  sum((v.evidence ->> 'operations')::double precision) as operations,
  max(r.created_at) filter (where v.state = 'broken') as last_broken_at,
  max(r.id) filter (where v.state = 'broken') as last_broken_run
from tidemark.verdicts v
join tidemark.runs r on r.id = v.run
where v.state in ('kept', 'broken', 'undecided')
group by r.system, r.environment, v.guarantee, v.write_path, v.read_path;

create view tidemark.failovers as
select
  f.run, r.created_at, r.system, r.environment, r.git_branch, f.place, f.replication_group, f.cause,
  f.from_node, f.to_node, f.from_term, f.to_term,
  f.start_ns / 1e9 as start_s,
  f.elected_ns / 1e6 as elected_ms,
  f.first_write_ns / 1e6 as first_write_ms,
  f.first_fresh_follower_read_ns / 1e6 as first_fresh_follower_read_ms,
  (select coalesce(sum(value::double precision), 0) from json_each_text(f.lost_writes)) as lost_writes
from tidemark.failover_records f
join tidemark.runs r on r.id = f.run;

create view tidemark.failovers_by_cause as
select
  system, environment, cause,
  count(*) as failovers,
  percentile_cont(0.5) within group (order by elected_ms) as elected_p50_ms,
  max(elected_ms) as elected_max_ms,
  percentile_cont(0.5) within group (order by first_write_ms) as first_write_p50_ms,
  max(first_write_ms) as first_write_max_ms,
  sum(lost_writes) as lost_writes
from tidemark.failovers
group by system, environment, cause;

create view tidemark.anomaly_operations as
select
  a.run, v.guarantee, v.write_path, v.read_path, v.state, a.verdict, a.place as anomaly, a.kind, o.place,
  (operation ->> 'index')::bigint as index,
  operation ->> 'process' as process,
  operation ->> 'f' as f,
  operation ->> 'outcome' as outcome,
  operation ->> 'key' as key,
  operation -> 'value' as value,
  operation ->> 'path' as path,
  operation ->> 'node' as node,
  operation ->> 'role' as role,
  (operation ->> 'callTime')::double precision / 1e6 as call_ms,
  (operation ->> 'retTime')::double precision / 1e6 as return_ms
from tidemark.anomalies a
join tidemark.verdicts v on v.run = a.run and v.place = a.verdict
cross join json_array_elements(a.operations) with ordinality as o (operation, place);

create view tidemark.plans as
select
  id as run, created_at, system, environment, workloads, fault_names, seed,
  (plan ->> 'nodes')::integer as nodes,
  (plan ->> 'durationNs')::double precision / 1e9 as duration_s,
  plan ->> 'load' as load,
  (plan ->> 'rate')::double precision as rate,
  plan -> 'readPaths' as read_paths,
  plan -> 'writePaths' as write_paths,
  plan -> 'settings' as settings,
  plan
from tidemark.runs;

comment on table tidemark.schema_version is 'Which migrations this database has had: one row each.';
comment on column tidemark.schema_version.version is 'The number of a file in results/schema/.';
comment on column tidemark.schema_version.applied_at is 'When it was applied.';

comment on table tidemark.runs is 'One row a run, with its plan and where it was made; everything else hangs on it and goes with it.';
comment on column tidemark.runs.id is 'Name of the run and of its folder: the time in UTC and a suffix.';
comment on column tidemark.runs.created_at is 'When the run was judged.';
comment on column tidemark.runs.command is 'The command that makes this run again.';
comment on column tidemark.runs.system is 'The store under test.';
comment on column tidemark.runs.environment is 'Where the cluster ran: simulation, processes, docker, ssh.';
comment on column tidemark.runs.seed is 'Decides every choice of the harness; in a simulation, everything.';
comment on column tidemark.runs.plan is 'All that decides the run: workloads, faults, durations, rates, settings, schedule, strikes.';
comment on column tidemark.runs.versions is 'Versions of Tidemark and Node, platform and processor, as a document.';
comment on column tidemark.runs.verdict is 'kept, broken or undecided: the worst promised cell of the matrix.';
comment on column tidemark.runs.exit_code is '0 kept, 1 broken, 2 undecided, 254 bad input, 255 the harness failed.';
comment on column tidemark.runs.virtual_ns is 'How long the run took by the cluster''s clock.';
comment on column tidemark.runs.wall_ms is 'How long it took in real time, with judging.';
comment on column tidemark.runs.counts is 'ok, fail, info, mismatch, shed, refused; counters of the store and the environment.';
comment on column tidemark.runs.journal_sha256 is 'SHA-256 of the journal''s bytes, hexadecimal; of journals, if it is stored.';
comment on column tidemark.runs.processor is 'Model of the processor that ran the harness. Null in runs of older versions, as are the next five.';
comment on column tidemark.runs.processors is 'How many processors it had.';
comment on column tidemark.runs.memory_bytes is 'How much memory.';
comment on column tidemark.runs.kernel is 'Release of its kernel.';
comment on column tidemark.runs.operating_system is 'Its operating system.';
comment on column tidemark.runs.architecture is 'As Node names it: x64, arm64.';
comment on column tidemark.runs.git_revision is 'Commit of the working directory that the run was started in; null outside of a repository.';
comment on column tidemark.runs.git_branch is 'Its branch; in CI the branch that is built. Null for a detached head.';
comment on column tidemark.runs.git_dirty is 'Whether files under version control had been changed.';
comment on column tidemark.runs.workloads is 'Names of the workloads, out of the plan.';
comment on column tidemark.runs.fault_names is 'Names of the faults that were planned, out of the plan.';
comment on column tidemark.runs.operations is 'Operations that completed with a certain outcome, refusals apart.';
comment on column tidemark.runs.words is 'All that a search looks at, in lower case.';
comment on column tidemark.runs.other is 'What of the run this schema has no place of its own for.';

comment on table tidemark.labels is 'Labels that users gave to runs (--label name=value).';
comment on column tidemark.labels.run is 'The run.';
comment on column tidemark.labels.place is 'Order in which they were given, from 1.';
comment on column tidemark.labels.name is 'Name.';
comment on column tidemark.labels.value is 'Value.';

comment on table tidemark.faults is 'Each fault that was injected, with what came of it.';
comment on column tidemark.faults.run is 'The run.';
comment on column tidemark.faults.place is 'Order, from 1.';
comment on column tidemark.faults.id is 'Number of the injection, as in the journal.';
comment on column tidemark.faults.fault is 'Name of the fault.';
comment on column tidemark.faults.targets is 'The nodes that it struck.';
comment on column tidemark.faults.from_ns is 'When it was injected.';
comment on column tidemark.faults.until_ns is 'When it was healed.';
comment on column tidemark.faults.effect is 'What was counted of its effect; empty: none was seen.';

comment on table tidemark.verdicts is 'The cells of the matrix: a guarantee for a write path and a read path, for a write path, or for the system.';
comment on column tidemark.verdicts.run is 'The run.';
comment on column tidemark.verdicts.place is 'Order, from 1.';
comment on column tidemark.verdicts.guarantee is 'Name of the guarantee.';
comment on column tidemark.verdicts.write_path is 'Null: of the whole system.';
comment on column tidemark.verdicts.read_path is 'Null: of the write path, or of the whole system.';
comment on column tidemark.verdicts.state is 'Promised: kept, broken, undecided, not exercised. Not promised: holds, violated.';
comment on column tidemark.verdicts.note is 'Why it is undecided, or the figures of a finding.';
comment on column tidemark.verdicts.evidence is 'What it was judged on: operations, reads, keys and the like.';
comment on column tidemark.verdicts.anomaly_count is 'All anomalies there were; the first ones are in anomalies.';
comment on column tidemark.verdicts.suspended_by is 'Faults beyond what the system assumes, for which the promise does not stand; null where it stands.';

comment on table tidemark.anomalies is 'The first anomalies of each cell: operations that cannot all stand, and why.';
comment on column tidemark.anomalies.run is 'The run.';
comment on column tidemark.anomalies.verdict is 'The cell: verdicts.place.';
comment on column tidemark.anomalies.place is 'Order, from 1.';
comment on column tidemark.anomalies.kind is 'What kind of anomaly it is.';
comment on column tidemark.anomalies.sentence is 'What is wrong, in one sentence.';
comment on column tidemark.anomalies.operations is 'The operations, as documents; one a row in anomaly_operations.';

comment on table tidemark.histograms is 'Latencies of answered operations, per method, path, role, node and phase.';
comment on column tidemark.histograms.run is 'The run.';
comment on column tidemark.histograms.place is 'Order, from 1.';
comment on column tidemark.histograms.method is 'read, write, cas, readMany and so on.';
comment on column tidemark.histograms.path is 'Read or write path; * for reads through the strongest path (role leader) and all that followers answered (role follower).';
comment on column tidemark.histograms.role is 'Role of the node that answered.';
comment on column tidemark.histograms.node is 'The node that answered; null: all of that role together.';
comment on column tidemark.histograms.phase is 'calm, faults, or the name of a fault: all that overlapped it.';
comment on column tidemark.histograms.since is 'intended: from when the operation was meant to start; sent: from when it was sent.';
comment on column tidemark.histograms.count is 'How many operations.';
comment on column tidemark.histograms.p50_ns is 'Median.';
comment on column tidemark.histograms.p90_ns is '90th percentile.';
comment on column tidemark.histograms.p99_ns is '99th percentile.';
comment on column tidemark.histograms.p999_ns is '99.9th percentile.';
comment on column tidemark.histograms.max_ns is 'Greatest.';
comment on column tidemark.histograms.histogram is 'HdrHistogram V2, compressed, base64; in microseconds.';

comment on table tidemark.staleness is 'How stale the reads of each row of the matrix were: the lower ends of the ages that are possible.';
comment on column tidemark.staleness.run is 'The run.';
comment on column tidemark.staleness.place is 'Order, from 1.';
comment on column tidemark.staleness.write_path is 'Write path of the keys.';
comment on column tidemark.staleness.read_path is 'Read path.';
comment on column tidemark.staleness.reads is 'Reads that were judged.';
comment on column tidemark.staleness.stale_reads is 'Those of them that were stale.';
comment on column tidemark.staleness.p50_ns is 'Median age of the stale ones.';
comment on column tidemark.staleness.p99_ns is '99th percentile of it.';
comment on column tidemark.staleness.max_ns is 'Greatest.';
comment on column tidemark.staleness.versions_max is 'Most versions that a read lagged behind.';

comment on table tidemark.failover_records is 'Every failover taken apart. Null where something never came in the run.';
comment on column tidemark.failover_records.run is 'The run.';
comment on column tidemark.failover_records.place is 'Order, from 1.';
comment on column tidemark.failover_records.replication_group is 'The replication group.';
comment on column tidemark.failover_records.from_term is 'Term of the old leader.';
comment on column tidemark.failover_records.to_term is 'Term of the new one.';
comment on column tidemark.failover_records.from_node is 'The old leader, where it is known.';
comment on column tidemark.failover_records.to_node is 'The new one.';
comment on column tidemark.failover_records.cause is 'Faults in force when the old leader was last seen leading well.';
comment on column tidemark.failover_records.start_ns is 'When that was.';
comment on column tidemark.failover_records.elected_ns is 'After start: a leader of the new term is seen.';
comment on column tidemark.failover_records.first_write_ns is 'After start: the first write that it acknowledged.';
comment on column tidemark.failover_records.first_fresh_follower_read_ns is 'After start: a follower answers from the new term.';
comment on column tidemark.failover_records.lost_writes is 'Acknowledged writes that did not survive, by write path.';

comment on table tidemark.journals is 'Journals that are stored whole. tidemark results journal RUN gives one back.';
comment on column tidemark.journals.sha256 is 'SHA-256 of its bytes, hexadecimal: runs.journal_sha256.';
comment on column tidemark.journals.bytes is 'Its size, unpacked.';
comment on column tidemark.journals.chunks is 'How many chunks it has.';
comment on column tidemark.journals.stored_at is 'When it was complete.';

comment on table tidemark.journal_chunks is 'Pieces of journals of 4 MiB, each packed by itself; those of no row in journals are of a save that was cut off.';
comment on column tidemark.journal_chunks.sha256 is 'The journal.';
comment on column tidemark.journal_chunks.place is 'Order, from 0.';
comment on column tidemark.journal_chunks.gzip is 'A gzip member: all of a journal, one after another, are a .gz file.';

comment on view tidemark.leader_versus_follower is 'What reading from a follower bought (or cost) in latency, by run and phase: the strongest path against all that followers answered.';
comment on view tidemark.promises is 'How each promise fared over all runs of a system, and where it was broken last.';
comment on view tidemark.failovers is 'Every failover with its run: how long until a leader, a write, a fresh read from a follower; what was lost.';
comment on view tidemark.failovers_by_cause is 'Times to recover and what was lost, by cause.';
comment on view tidemark.anomaly_operations is 'The operations of anomalies, one a row.';
comment on view tidemark.plans is 'Plans, with what is asked for most as columns.';
