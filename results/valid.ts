/**
 * Whether what comes from a file is a run: whether all that reads runs can read this one. What is not named here may be there too, and
 * is let be: a later version may have put it there. The database looks at the rest: how great numbers may be, and what is a day.
 */
import { guarantees } from '../history/guarantee.ts';
import type { Operation } from '../history/history.ts';
import type { Position } from '../history/operation.ts';
import type { Anomaly, Configuration, LastState } from '../checkers/checker.ts';
import { RUN_ID } from './files.ts';
import { isHistogram } from './histograms.ts';
import {
  aMap,
  aNumber,
  anything,
  type Check,
  count,
  type Fields,
  figure,
  is,
  isMap,
  listOf,
  map,
  mapOf,
  numbers,
  oneOf,
  optional,
  text,
  textOrNumber,
  texts,
  whole,
  yesOrNo,
} from './shape.ts';
import type {
  AgeSpread,
  Cell,
  FailoverRecord,
  FaultRecord,
  GitRecord,
  LagSeries,
  LatencyRecord,
  LatencySeries,
  MachineRecord,
  PullRecord,
  RateSeries,
  RunRecord,
  SeriesRecord,
  StalenessCurve,
  StalenessRecord,
  StalenessSeries,
  StandingRecord,
} from './record.ts';

/** Of a series; the widths of its steps are chosen so that there are 3,601 at the most. */
const STEPS_MAX = 10_000;

/** Numbers that the database's views add up. */
const counts = mapOf('a map of whole numbers, none below 0', count);

/** The record, or the sentence that says why it is none. What a plan is to be is told by those who read plans. */
export function recordOf(given: unknown, plan: Check): RunRecord | string {
  if (!isMap(given)) return 'no run';
  const wrong = run(given, '') ?? plan(given['plan'], 'plan');
  return wrong === undefined ? (given as unknown as RunRecord) : `'${wrong.path}' of a run must be ${wrong.due}`;
}

function isCounted(value: unknown): boolean {
  // numbers is for maps alone
  return (
    numbers(value, '') === undefined &&
    count((value as Readonly<Record<string, unknown>>)['operations'], '') === undefined
  );
}

const position = map({ group: text, history: textOrNumber, at: textOrNumber } satisfies Fields<Position>);

const operation = map({
  index: count,
  completionIndex: optional(count),
  line: optional(count),
  completionLine: optional(count),
  process: aNumber,
  f: text,
  outcome: oneOf('ok', 'fail', 'info'),
  key: textOrNumber,
  value: anything,
  expected: anything,
  actual: anything,
  session: optional(text),
  device: optional(text),
  path: optional(text),
  node: optional(text),
  role: optional(text),
  version: optional(position),
  position: optional(position),
  callTime: figure,
  retTime: optional(figure),
  isOfTransaction: optional(yesOrNo),
} satisfies Fields<Operation>);

const configuration = map({
  held: anything,
  last: optional(operation),
  pending: listOf(operation),
} satisfies Fields<Configuration>);

const lastState = map({
  stuck: operation,
  previous: optional(operation),
  configurations: listOf(configuration),
  order: listOf(count),
} satisfies Fields<LastState>);

const anomaly = map({
  kind: text,
  sentence: text,
  operations: listOf(operation),
  lastState: optional(lastState),
} satisfies Fields<Anomaly>);

export const guarantee = is(
  'a guarantee that this Tidemark knows',
  (value) => typeof value === 'string' && Object.hasOwn(guarantees, value),
);

const cell = map({
  guarantee,
  writePath: optional(text),
  readPath: optional(text),
  state: oneOf('kept', 'broken', 'holds', 'violated', 'undecided', 'not exercised'),
  suspendedBy: optional(listOf(text)),
  note: text,
  evidence: is('a map of numbers, a whole number of operations among them', isCounted),
  citation: optional(map({ url: text, says: text } satisfies Fields<NonNullable<Cell['citation']>>)),
  anomalyCount: count,
  anomalies: listOf(anomaly),
} satisfies Fields<Cell>);

const fault = map({
  id: whole,
  fault: text,
  targets: listOf(text),
  from: figure,
  until: figure,
  effect: numbers,
} satisfies Fields<FaultRecord>);

const latencyFields = {
  method: text,
  path: text,
  role: text,
  phase: text,
  since: oneOf('intended', 'sent'),
  count,
  p50Ns: figure,
  p90Ns: figure,
  p99Ns: figure,
  p999Ns: figure,
  maxNs: figure,
  histogram: is('an HDR histogram of latencies', (value) => typeof value === 'string' && isHistogram(value)),
};

const staleness = map({
  writePath: text,
  readPath: text,
  reads: count,
  staleReads: count,
  p50Ns: figure,
  p99Ns: figure,
  maxNs: figure,
  versionsMax: count,
} satisfies Fields<StalenessRecord>);

const failover = map({
  group: text,
  fromTerm: whole,
  toTerm: whole,
  from: optional(text),
  to: text,
  cause: text,
  start: figure,
  electedNs: optional(figure),
  firstWriteNs: optional(figure),
  firstFreshFollowerReadNs: optional(figure),
  lostWrites: counts,
} satisfies Fields<FailoverRecord>);

const stepping = map({
  stepNs: is('a number above 0', (value) => Number.isFinite(value) && (value as number) > 0),
  steps: is(
    `a whole number from 1 to ${STEPS_MAX}`,
    (value) => Number.isSafeInteger(value) && (value as number) >= 1 && (value as number) <= STEPS_MAX,
  ),
} satisfies Fields<Pick<SeriesRecord, 'stepNs' | 'steps'>>);

const series: Check = (value, path) => stepping(value, path) ?? seriesOf((value as SeriesRecord).steps)(value, path); // steps have been looked at

function seriesOf(steps: number): Check {
  const each = (due: string, check: Check): Check =>
    is(
      `a list of ${steps} ${due}, one for each step`,
      (value) => Array.isArray(value) && value.length === steps && value.every((one) => check(one, '') === undefined),
    );
  const figures = each('numbers, none below 0', figure);
  const kind = oneOf('read', 'write');
  return map({
    stepNs: anything,
    steps: anything,
    rates: listOf(
      map({
        kind,
        path: text,
        outcome: oneOf('ok', 'mismatch', 'fail', 'info'),
        counts: figures,
      } satisfies Fields<RateSeries>),
    ),
    latencies: listOf(
      map({
        kind,
        path: text,
        role: text,
        counts: figures,
        p50Ns: figures,
        p99Ns: figures,
        maxNs: figures,
      } satisfies Fields<LatencySeries>),
    ),
    lags: listOf(
      map({
        node: text,
        group: text,
        entries: each('numbers or nulls, none below 0', (value, path) =>
          value === null ? undefined : figure(value, path),
        ),
      } satisfies Fields<LagSeries>),
    ),
    staleness: listOf(
      map({ readPath: text, reads: figures, stale: figures, maxNs: figures } satisfies Fields<StalenessSeries>),
    ),
  } satisfies Fields<SeriesRecord>);
}

const standing = map({
  node: text,
  group: text,
  role: oneOf('leader', 'follower', 'candidate', 'learner', 'down', 'silent'),
  term: optional(whole),
  from: figure,
  until: figure,
} satisfies Fields<StandingRecord>);

const pull = map({
  lever: text,
  nodes: listOf(text),
  links: listOf(
    is(
      'two nodes, from and to',
      (value) => Array.isArray(value) && value.length === 2 && value.every((one) => typeof one === 'string'),
    ),
  ),
  from: figure,
  until: figure,
} satisfies Fields<PullRecord>);

const spread = map({ p50: figure, p90: figure, p99: figure, max: figure } satisfies Fields<AgeSpread>);

const curve = map({
  path: text,
  node: optional(text),
  role: optional(text),
  reads: count,
  stale: count,
  versionsMax: count,
  low: spread,
  high: spread,
  curve: listOf(
    map({ tNs: figure, reads: count, missed: count, mayHaveMissed: count } satisfies Fields<
      StalenessCurve['curve'][number]
    >),
  ),
} satisfies Fields<StalenessCurve>);

const run = map({
  id: is('the id of a run', (value) => typeof value === 'string' && RUN_ID.test(value)),
  createdAt: is(
    'a time in UTC',
    (value) => typeof value === 'string' && /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?Z$/.test(value),
  ),
  command: text,
  labels: texts,
  system: text,
  environment: text,
  seed: whole,
  plan: aMap,
  versions: texts,
  machine: optional(
    map({
      processor: text,
      processors: count,
      memoryBytes: count,
      kernel: text,
      operatingSystem: text,
      architecture: text,
    } satisfies Fields<MachineRecord>),
  ),
  git: optional(map({ revision: text, branch: optional(text), dirty: yesOrNo } satisfies Fields<GitRecord>)),
  verdict: oneOf('kept', 'broken', 'undecided'),
  exitCode: oneOf(0, 1, 2, 254, 255),
  virtualNs: figure,
  wallMs: figure,
  counts: numbers,
  cells: listOf(cell),
  faults: listOf(fault),
  latencies: listOf(map(latencyFields satisfies Fields<LatencyRecord>)),
  staleness: listOf(staleness),
  failovers: listOf(failover),
  series: optional(series),
  standings: optional(listOf(standing)),
  pulls: optional(listOf(pull)),
  curves: optional(listOf(curve)),
  nodeLatencies: optional(
    listOf(map({ ...latencyFields, node: text } satisfies Fields<NonNullable<RunRecord['nodeLatencies']>[number]>)),
  ),
  journalSha256: text,
} satisfies Fields<RunRecord>);
