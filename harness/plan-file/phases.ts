/** The phases of a plan file: what is checked, field by field, and the schedule that comes of it. */
import { z } from 'zod';
import { MILLISECOND } from '../../history/clock.ts';
import { roles } from '../../nemesis/aim.ts';
import type { Deed, Fault } from '../../nemesis/fault.ts';
import { MIX, type Phase, type Schedule, type Stream } from '../../nemesis/phases.ts';
import { SLOT_NS_MIN } from '../../nemesis/schedule.ts';
import { occasions, type When } from '../../nemesis/triggers.ts';
import { unknownName } from '../errors.ts';
import { timeText } from '../times.ts';
import { fields, name, needed, several, time, whole } from './leaves.ts';
import type { Mistakes, Path } from './mistakes.ts';

export interface Surroundings {
  readonly mistakes: Mistakes;
  readonly faults: ReadonlyMap<string, Fault>;
  /** Why a fault cannot be done; undefined: it can, or it may be left out. */
  readonly cannot: (fault: Fault) => string | undefined;
  readonly nodes: number;
  /** What the run lasts, where that is said beside its phases, and where. */
  readonly durationNs: number | undefined;
  readonly durationSaidAt: Path | undefined;
  /** What a phase of `rest` is the rest of, where nobody says how long the run lasts. */
  readonly defaultNs: number;
}

const REST = 'rest';
const PHASE_NS_MIN = 100 * MILLISECOND;
const TIME_NS = 100 * MILLISECOND;
/** What says of which kind a stream is. */
const kinds = ['random', 'at', 'every', 'when'] as const;
type Kind = (typeof kinds)[number];

const phaseTime = z.union([z.literal(REST), time(PHASE_NS_MIN)], needed("a time such as 30s, or 'rest',"));
const figures = z.record(
  z.string(),
  z.int(needed('a whole number')),
  needed("a map from the fault's figures to numbers"),
);
const deed = {
  fault: z.string(needed('the name of a fault')),
  target: z.string(needed('a role, or a node')),
  with: figures,
};
const aimed = { fault: deed.fault, target: deed.target.optional(), with: deed.with.optional() };
const strike = { ...aimed, for: time(TIME_NS), wait: time(0).optional() };

const shapes = {
  random: fields('a random stream', {
    random: several(z.union([z.string(), fields('a fault, and whom and how it strikes', aimed)], needed('a fault'))),
    slot: time(SLOT_NS_MIN).optional(),
    lasts: z.tuple([time(TIME_NS), time(TIME_NS)], needed('two times, the shortest and the longest,')).optional(),
  }),
  at: fields('a scripted stream', { at: several(time(0)), ...strike }),
  every: fields('a periodic stream', { every: time(TIME_NS), ...strike }),
  when: fields('a trigger', {
    when: name('occasion', Object.keys(occasions)),
    above: whole(0, 1_000_000_000).optional(),
    of: z.string(needed('a node, or a fault')).optional(),
    after: time(0).optional(),
    times: z
      .union([z.literal('once'), z.literal('every'), whole(1, 1_000_000)], needed("'once', 'every', or a number"))
      .optional(),
    cooldown: time(0).optional(),
    ...strike,
  }),
} as const;

const phaseShape = fields('a phase', {
  name: z.string(needed('a text')).optional(),
  calm: phaseTime.optional(),
  faults: phaseTime.optional(),
  streams: z.unknown().optional(),
});

type Plain = Readonly<Record<string, unknown>>;

function isMap(value: unknown): value is Plain {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Notes all mistakes; the schedule is of use where there are none. */
export function schedule(value: unknown, path: Path, around: Surroundings): Schedule {
  const { mistakes } = around;
  if (!Array.isArray(value) || value.length === 0) {
    mistakes.add(path, 'a list of phases is needed, such as [{ calm: 5s }, { faults: 30s, streams: […] }].');
    return { phases: [] };
  }
  const times = lengths(value, path, around);
  return { phases: value.map((item: unknown, i) => phase(item, [...path, i], times[i], around)) };
}

/** How long each phase lasts, in nanoseconds; undefined where that is not said as it should be. */
function lengths(items: readonly unknown[], path: Path, around: Surroundings): readonly (number | undefined)[] {
  const { mistakes, durationNs, durationSaidAt, defaultNs } = around;
  const said = items.map((item) => {
    const parsed = phaseTime.safeParse(isMap(item) ? (item['calm'] ?? item['faults']) : undefined);
    return parsed.success ? parsed.data : undefined;
  });
  const resting = said.flatMap((time, i) => (time === REST ? [i] : []));
  const known = said.reduce<number>((sum, time) => sum + (typeof time === 'number' ? time : 0), 0);
  for (const i of resting.slice(1)) {
    const field = isMap(items[i]) && 'calm' in items[i] ? 'calm' : 'faults';
    mistakes.add([...path, i, field], "only one phase can last the 'rest'.");
  }
  const whole = said.every((time) => time !== undefined);
  const restNs = (durationNs ?? defaultNs) - known;
  if (whole && resting.length === 0 && durationNs !== undefined && durationNs !== known) {
    const mend = `leave it out, or let one phase last the 'rest'`;
    mistakes.add(
      durationSaidAt ?? path,
      `the phases last ${timeText(known)} together, not ${timeText(durationNs)}: ${mend}.`,
    );
  }
  if (whole && resting.length > 0 && restNs < PHASE_NS_MIN) {
    const all = timeText(durationNs ?? defaultNs);
    mistakes.add(path, `nothing is left for the 'rest': the others last ${timeText(known)}, and the run ${all}.`);
  }
  return said.map((time) => (time === REST ? (whole && restNs > 0 ? restNs : undefined) : time));
}

function phase(item: unknown, path: Path, lasts: number | undefined, around: Surroundings): Phase {
  const { mistakes } = around;
  const durationNs = lasts ?? 0;
  const parsed = mistakes.examine(phaseShape, item, path);
  const none = { durationNs, streams: [] };
  if (!isMap(item)) return none;
  const calm = 'calm' in item;
  if (calm === 'faults' in item)
    mistakes.add(path, "a phase is either calm or has faults: one of 'calm: 10s' and 'faults: 30s' is needed.");
  const { streams } = item;
  if (calm && streams !== undefined)
    mistakes.add([...path, 'streams'], "a calm phase has no streams: say 'faults', not 'calm'.");
  if (!calm && 'faults' in item && !(Array.isArray(streams) && streams.length > 0))
    mistakes.add([...path, 'streams'], 'a list of streams is needed in a phase with faults.');
  const listed: readonly unknown[] = Array.isArray(streams) ? streams : [];
  const made = listed.map((stream, i) => streamOf(stream, [...path, 'streams', i], lasts, around));
  const called = parsed?.name === undefined ? {} : { name: parsed.name };
  return { ...called, durationNs, streams: made.filter((stream) => stream !== undefined) };
}

function streamOf(item: unknown, path: Path, lasts: number | undefined, around: Surroundings): Stream | undefined {
  const { mistakes } = around;
  const has = isMap(item) ? kinds.filter((kind) => kind in item) : [];
  if (!isMap(item) || has.length !== 1) {
    const found = has.length > 1 ? `, not ${has.join(' and ')}` : '';
    mistakes.add(path, `a stream has one of ${kinds.join(', ')}${found}.`);
    return undefined;
  }
  const [kind] = has;
  // Its own mistakes hide none of the deed's.
  const deeds = deedsIn(item, kind, path, around);
  if (kind === 'random') return randomStream(item, path, lasts, deeds, around);
  const [deed = { fault: '' }] = deeds;
  if (kind === 'when') return whenStream(item, path, deed, around);
  return scripted(item, kind, path, lasts, deed, around);
}

function randomStream(
  item: Plain,
  path: Path,
  lasts: number | undefined,
  deeds: readonly Deed[],
  { mistakes }: Surroundings,
) {
  const stream = mistakes.examine(shapes.random, item, path);
  if (lasts !== undefined && lasts < SLOT_NS_MIN)
    mistakes.add(path, `a phase with random faults lasts ${timeText(SLOT_NS_MIN)} at least.`);
  if (stream === undefined) return undefined;
  const { slot, lasts: between } = stream;
  if (between !== undefined && between[0] > between[1])
    mistakes.add([...path, 'lasts'], 'the shortest time comes first, then the longest.');
  const made: Stream = {
    type: 'random',
    deeds,
    ...(slot !== undefined && { slotNs: slot }),
    ...(between !== undefined && { lastsNs: between }),
  };
  return made;
}

function scripted(
  item: Plain,
  kind: 'at' | 'every',
  path: Path,
  lasts: number | undefined,
  deed: Deed,
  { mistakes }: Surroundings,
): Stream | undefined {
  const stream = mistakes.examine<{ at?: number[]; every?: number; for: number; wait?: number | undefined }>(
    shapes[kind],
    item,
    path,
  );
  if (stream === undefined) return undefined;
  const { for: durationNs, wait } = stream;
  const length = lasts ?? Number.POSITIVE_INFINITY;
  const at = stream.at ?? periods(stream.every ?? length, Math.min(lasts ?? 0, length) - durationNs);
  if (kind === 'every' && at.length === 0 && lasts !== undefined)
    mistakes.add(
      [...path, kind],
      `the first strike would last beyond the phase's end, which is after ${timeText(lasts)}.`,
    );
  for (const [i, begin] of at.entries()) {
    if (begin + durationNs <= length) continue;
    const end = `${timeText(begin)} and ${timeText(durationNs)} end after the phase, which lasts ${timeText(length)}`;
    const latest = length - durationNs;
    const mend = latest < 0 ? 'it may last no longer than that' : `it may begin at ${timeText(latest)} at the latest`;
    mistakes.add(Array.isArray(item[kind]) ? [...path, kind, i] : [...path, kind], `${end}: ${mend}.`);
  }
  const sorted = [...at].sort((a, b) => a - b);
  return { type: 'at', at: sorted, deed, durationNs, ...(wait !== undefined && { patienceNs: wait }) };
}

function periods(everyNs: number, lastNs: number): number[] {
  const at: number[] = [];
  for (let time = everyNs; time <= lastNs; time += everyNs) at.push(time);
  return at;
}

function whenStream(
  item: Plain,
  path: Path,
  deed: Deed,
  { mistakes, faults, nodes }: Surroundings,
): Stream | undefined {
  const isLag = item['when'] === 'lag';
  if (isLag && item['above'] === undefined)
    mistakes.add([...path, 'above'], 'a number of entries is needed, such as 1000.');
  if (!isLag && item['above'] !== undefined) mistakes.add([...path, 'above'], "only 'when: lag' is above something.");
  const { of } = item;
  const ofFault = item['when'] === 'injected' || item['when'] === 'healed';
  if (typeof of === 'string') {
    const valid = ofFault ? [...faults.keys()] : nodeNames(nodes);
    if (!valid.includes(of)) mistakes.add([...path, 'of'], unknownName(ofFault ? 'fault' : 'node', of, valid).message);
  }
  const stream = mistakes.examine(shapes.when, item, path);
  if (stream === undefined) return undefined;
  const { above = 0, after = 0, times = 'every', cooldown = 0, for: durationNs, wait } = stream;
  const about = stream.of === undefined ? {} : { of: stream.of };
  const when = (isLag ? { type: 'lag', above, ...about } : { type: stream.when, ...about }) as When; // one of the occasions
  return {
    type: 'when',
    when,
    deed,
    durationNs,
    afterNs: after,
    cooldownNs: cooldown,
    ...(times !== 'every' && { timesMax: times === 'once' ? 1 : times }),
    ...(wait !== undefined && { patienceNs: wait }),
  };
}

/** The deeds of a stream, as far as they are said: names of faults, targets, figures. Notes what is wrong with those. */
function deedsIn(item: Plain, kind: Kind, path: Path, around: Surroundings): readonly Deed[] {
  if (kind !== 'random') return typeof item['fault'] === 'string' ? [deedOf(item, path, kind, around)] : [];
  const { random } = item;
  const isList = Array.isArray(random);
  const listed: readonly unknown[] = isList ? random : typeof random === 'string' ? random.split(',') : [random];
  return listed.flatMap((one, i): Deed[] => {
    const at = isList ? [...path, 'random', i] : [...path, 'random'];
    if (typeof one === 'string') return [deedOf({ fault: one.trim() }, at, kind, around)];
    return isMap(one) && typeof one['fault'] === 'string' ? [deedOf(one, at, kind, around)] : [];
  });
}

function deedOf(item: Plain, path: Path, kind: Kind, around: Surroundings): Deed {
  const { mistakes, faults, cannot, nodes } = around;
  const fault = String(item['fault']);
  const place = (field: string): Path =>
    kind === 'random' && !('target' in item || 'with' in item) ? path : [...path, field];
  const known = faults.get(fault);
  if (known === undefined) {
    if (kind === 'random' && fault === MIX) return { fault };
    const valid = [...(kind === 'random' ? [MIX] : []), ...faults.keys()];
    mistakes.add(place('fault'), unknownName('fault', fault, valid).message);
    return { fault };
  }
  const why = cannot(known);
  if (why !== undefined)
    mistakes.add(place('fault'), `the fault '${fault}' cannot be done: ${why}; --skip-unsupported leaves it out.`);
  const { target, with: said } = item;
  if (typeof target === 'string') {
    const valid = [...Object.keys(roles).filter((role) => role !== 'it' || kind === 'when'), ...nodeNames(nodes)];
    if (target === 'it' && kind !== 'when')
      mistakes.add([...path, 'target'], "'it' is whom a trigger is about: only a stream with 'when' has one.");
    else if (!valid.includes(target)) mistakes.add([...path, 'target'], unknownName('target', target, valid).message);
    const aimable = [...faults.values()].filter((one) => one.aimable === true).map((one) => one.name);
    if (known.aimable !== true)
      mistakes.add(
        [...path, 'target'],
        `'${fault}' chooses by itself whom it strikes; these can be aimed: ${aimable.join(', ')}.`,
      );
  }
  for (const [figure, n] of Object.entries(isMap(said) ? said : {})) {
    const limits = known.figures?.[figure];
    if (limits === undefined)
      mistakes.add(
        [...path, 'with', figure],
        unknownName(`figure of '${fault}'`, figure, Object.keys(known.figures ?? {})).message,
      );
    else if (typeof n === 'number' && Number.isInteger(n) && (n < limits.least || n > limits.most))
      mistakes.add(
        [...path, 'with', figure],
        `a whole number from ${limits.least} to ${limits.most} is needed, not ${n}.`,
      );
  }
  return {
    fault,
    ...(typeof target === 'string' && { target }),
    ...(isMap(said) && { figures: said as Record<string, number> }), // the schema has its say
  };
}

export function nodeNames(count: number): readonly string[] {
  return Array.from({ length: count }, (_, i) => `n${i + 1}`);
}
