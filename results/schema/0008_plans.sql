-- A plan that says something else where a number belongs has none there: it took away the rows of all others.

create or replace view tidemark.plans as
select
  id as run, created_at, system, environment, workloads, fault_names, seed,
  case when plan ->> 'nodes' ~ '^\d{1,9}$' then (plan ->> 'nodes')::integer end as nodes,
  case when plan ->> 'durationNs' ~ '^\d{1,20}(\.\d{1,20})?$' then (plan ->> 'durationNs')::double precision / 1e9 end as duration_s,
  plan ->> 'load' as load,
  case when plan ->> 'rate' ~ '^\d{1,20}(\.\d{1,20})?$' then (plan ->> 'rate')::double precision end as rate,
  plan -> 'readPaths' as read_paths,
  plan -> 'writePaths' as write_paths,
  plan -> 'settings' as settings,
  plan
from tidemark.runs;

comment on view tidemark.plans is 'Plans, with what is asked for most as columns; null: the plan does not say it.';

comment on column tidemark.lag_series.entries is
  'The most in each step that a leader had said to be committed and that this node had not applied: entries of the log, or what positions in the run''s plan says (bytes of WAL, transactions). Null: nobody said, or not of the history that the node was in.';

comment on column tidemark.failover_records.first_fresh_follower_read_ns is
  'After start: a follower answers from the new term, or a later one. Null also where no follower was asked, or no answer tells.';
