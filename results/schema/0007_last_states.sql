-- What an anomaly tells beside its operations: where a search for an order ended, and whatever checkers come to tell.
alter table tidemark.anomalies add column other json not null default '{}';

create or replace function tidemark.save_verdicts(run_id text, given json) returns void language sql as $$
  insert into tidemark.verdicts (
    run, place, guarantee, write_path, read_path, state, note, evidence, anomaly_count, suspended_by)
  select run_id, place, guarantee, "writePath", "readPath", state, note, evidence, "anomalyCount", "suspendedBy"
  from json_array_elements(given) with ordinality as listed (item, place),
    json_to_record(item) as cell (
      guarantee text, "writePath" text, "readPath" text, state text, note text, evidence json, "anomalyCount" bigint,
      "suspendedBy" json);

  insert into tidemark.anomalies (run, verdict, place, kind, sentence, operations, other)
  select run_id, cell_place, place, kind, sentence, operations,
    (select coalesce(json_object_agg(key, value), '{}') from json_each(item)
      where key not in ('kind', 'sentence', 'operations'))
  from json_array_elements(given) with ordinality as listed_cells (cell, cell_place),
    json_array_elements(cell -> 'anomalies') with ordinality as listed (item, place),
    json_to_record(item) as anomaly (kind text, sentence text, operations json)
$$;

create or replace function tidemark.load_verdicts(run_id text) returns json language sql stable as $$
  select coalesce(json_agg(json_build_object(
    'guarantee', guarantee, 'writePath', write_path, 'readPath', read_path, 'state', state, 'note', note,
    'suspendedBy', suspended_by, 'evidence', evidence, 'anomalyCount', anomaly_count,
    'anomalies', (
      select coalesce(json_agg(json_build_object(
        'kind', kind, 'sentence', sentence, 'operations', operations, 'other', other) order by a.place), '[]')
      from tidemark.anomalies a where a.run = v.run and a.verdict = v.place)) order by place), '[]')
  from tidemark.verdicts v where run = run_id
$$;

comment on column tidemark.anomalies.other is 'What else is told of it: lastState, where a search for an order of the operations ended.';
