/**
 * Whether the plan of a run that comes from a file can be read by all that read plans, the database's views among them. Of what is not
 * named here readers expect nothing: they show it as it is. That a stored plan can be run again is seen when it is (`--replay`).
 */
import type { Deed } from '../../nemesis/fault.ts';
import type { Struck } from '../../nemesis/nemesis.ts';
import type { Phase, Schedule, Stream } from '../../nemesis/phases.ts';
import { occasions } from '../../nemesis/triggers.ts';
import type { Bail } from '../../results/record.ts';
import {
  aMap,
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
} from '../../results/shape.ts';
import { guarantee } from '../../results/valid.ts';
import type { BenchResult, Ladder, Rung, Step, StepSeries } from '../bench/plan.ts';
import type { Unsupported } from '../fault-choice.ts';
import type { Plan } from '../plan.ts';
import type { Guide, Replayed } from '../replay.ts';

const occasion = oneOf(...Object.keys(occasions));

const struck = map({
  stream: optional(text),
  nth: count,
  fault: text,
  at: figure,
  durationNs: figure,
  targets: listOf(text),
  skipped: optional(text),
  unhealed: optional(text),
  leader: optional(text),
  because: optional(
    map({
      type: occasion,
      node: text,
      group: optional(text),
      term: optional(whole),
      entries: optional(figure),
      fault: optional(text),
    }),
  ),
} satisfies Fields<Struck>);

const unsupported = map({ fault: text, why: text } satisfies Fields<Unsupported>);

const deed = map({ fault: text, target: optional(text), figures: optional(numbers) } satisfies Fields<Deed>);

const when = map({ type: occasion, of: optional(text), above: optional(figure) });

/** Of each kind of stream, its fields. */
const streams: Readonly<Record<Stream['type'], Check>> = {
  random: map({
    type: anything,
    deeds: listOf(deed),
    slotNs: optional(figure),
    lastsNs: optional(listOf(figure)),
  } satisfies Fields<Stream & { type: 'random' }>),
  at: map({
    type: anything,
    at: listOf(figure),
    deed,
    durationNs: figure,
    patienceNs: optional(figure),
  } satisfies Fields<Stream & { type: 'at' }>),
  when: map({
    type: anything,
    when,
    deed,
    durationNs: figure,
    afterNs: figure,
    patienceNs: optional(figure),
    timesMax: optional(count),
    cooldownNs: figure,
  } satisfies Fields<Stream & { type: 'when' }>),
};

const streamType = map({ type: oneOf(...Object.keys(streams)) });

const stream: Check = (value, path) => streamType(value, path) ?? streams[(value as Stream).type](value, path); // its type has been looked at

const schedule = map({
  phases: listOf(map({ name: optional(text), durationNs: figure, streams: listOf(stream) } satisfies Fields<Phase>)),
} satisfies Fields<Schedule>);

const replayed = map({
  run: text,
  exact: yesOrNo,
  sameJournal: yesOrNo,
  killed: optional(yesOrNo),
  strikes: count,
  alike: count,
  elsewhere: optional(count),
  differences: listOf(text),
} satisfies Fields<Replayed>);

const guide = map({ strikes: listOf(struck), whole: yesOrNo } satisfies Fields<Guide>);

/** An earlier version may have known fewer of them. */
const asked = map({
  system: text,
  environment: text,
  workloads: optional(listOf(text)),
  faults: optional(listOf(text)),
  seed: whole,
  durationNs: figure,
  nodes: count,
  load: optional(oneOf('open', 'closed')),
  rate: optional(figure),
  readPaths: optional(listOf(text)),
  writePaths: optional(listOf(text)),
  guarantees: optional(listOf(text)),
  settings: optional(texts),
  schedule: optional(schedule),
  file: optional(text),
  skipUnsupported: optional(yesOrNo),
  unsupported: optional(listOf(unsupported)),
  replays: optional(anything),
} satisfies Fields<Plan>);

const stepSeries = map({
  method: text,
  path: text,
  count,
  throughput: figure,
  p50Ns: figure,
  p90Ns: figure,
  p99Ns: figure,
  p999Ns: figure,
  maxNs: figure,
  sentP50Ns: figure,
  sentP99Ns: figure,
} satisfies Fields<StepSeries>);

const step = map({
  target: optional(text),
  rate: figure,
  repeat: count,
  seconds: figure,
  arrivals: count,
  answered: count,
  refused: count,
  unknown: count,
  shed: count,
  sampled: count,
  throughput: figure,
  lateP99Ns: figure,
  series: listOf(stepSeries),
} satisfies Fields<Step>);

const rung = map({
  target: text,
  held: optional(figure),
  failed: optional(figure),
  why: text,
  confirmed: listOf(
    map({ p50Ns: figure, p99Ns: figure, throughput: figure } satisfies Fields<Rung['confirmed'][number]>),
  ),
} satisfies Fields<Rung>);

const bench = map({
  mix: text,
  distribution: text,
  records: count,
  valueBytes: count,
  targets: listOf(text),
  writePath: text,
  warmUpNs: figure,
  durationNs: figure,
  repeats: count,
  sessions: count,
  checkedKeys: count,
  checked: map({ operations: count, of: count } satisfies Fields<BenchResult['checked']>),
  virtualTime: yesOrNo,
  steps: listOf(step),
  ladder: optional(
    map({ limitNs: figure, from: figure, most: figure, rungs: listOf(rung) } satisfies Fields<
      Ladder & { rungs: unknown }
    >),
  ),
} satisfies Fields<BenchResult>);

/** Of workloads and faults: earlier versions wrote one text, or objects with a name. */
const names = is(
  'a list of names',
  (value) =>
    typeof value === 'string' ||
    (Array.isArray(value) &&
      value.every((one) => typeof one === 'string' || (isMap(one) && typeof one['name'] === 'string'))),
);

const bail = map({
  guarantee,
  writePath: optional(text),
  readPath: optional(text),
  at: figure,
  event: count,
  kind: text,
  sentence: text,
  sparedNs: figure,
} satisfies Fields<Bail>);

/** An integer of the database, where the view `plans` has it so. */
const nodes = is(
  'a whole number from 0 to 999999999',
  (value) => Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) <= 999_999_999,
);

export const recordedPlan: Check = map({
  nodes: optional(nodes),
  durationNs: optional(figure),
  load: optional(text),
  rate: optional(figure),
  bench: optional(bench),
  withheld: optional(yesOrNo),
  strikes: optional(listOf(struck)),
  unsupported: optional(listOf(unsupported)),
  schedule: optional(schedule),
  fired: optional(numbers),
  replay: optional(replayed),
  guide: optional(guide),
  asked: optional(asked),
  readPaths: optional(listOf(text)),
  writePaths: optional(listOf(text)),
  failures: optional(listOf(text)),
  bail: optional(bail),
  positions: optional(aMap),
  strongestReadPath: optional(text),
  settings: optional(mapOf('a map of texts or numbers', textOrNumber)),
  workloads: optional(names),
  faults: optional(names),
});
