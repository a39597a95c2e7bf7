/**
 * A schedule that somebody wrote: phases one after another, calm or with streams of faults that overlap. It is data, so that it can be
 * saved and run again. {@link arrange} makes of it what the nemesis carries out, a pure function of the seed.
 */
import { SECOND } from '../history/clock.ts';
import type { Instant } from '../history/operation.ts';
import type { Random } from '../history/random.ts';
import type { Deed, Fault, Strike } from './fault.ts';
import { plan } from './schedule.ts';
import type { Trigger, When } from './triggers.ts';

/** How long a strike waits for somebody to strike, unless it is said. */
export const PATIENCE_NS = 3 * SECOND;
/** Stands for all faults that can be done where the run is and are not opt-in. */
export const MIX = 'mix';

/** Times are nanoseconds since the phase began. */
export type Stream =
  /** One strike a slot, each deed before any again, as in a plan without phases. */
  | {
      readonly type: 'random';
      readonly deeds: readonly Deed[];
      readonly slotNs?: number;
      readonly lastsNs?: readonly [number, number];
    }
  | {
      readonly type: 'at';
      readonly at: readonly number[];
      readonly deed: Deed;
      readonly durationNs: number;
      readonly patienceNs?: number;
    }
  | ({ readonly type: 'when'; readonly patienceNs?: number } & Pick<
      Trigger,
      'when' | 'deed' | 'durationNs' | 'afterNs' | 'timesMax' | 'cooldownNs'
    >);

export interface Phase {
  readonly name?: string;
  readonly durationNs: number;
  /** None: it is calm. */
  readonly streams: readonly Stream[];
}

export interface Schedule {
  readonly phases: readonly Phase[];
}

export interface Arranged {
  /** In the order of their instants. */
  readonly strikes: readonly Strike[];
  readonly triggers: readonly Trigger[];
}

/** What a stream of a schedule is called: `2.1` is the first stream of the second phase. */
export function streamName(phase: number, stream: number): string {
  return `${phase + 1}.${stream + 1}`;
}

/** All deeds of a schedule, `mix` as it stands. */
export function deedsOf({ phases }: Schedule): readonly Deed[] {
  return phases.flatMap(({ streams }) =>
    streams.flatMap((stream) => (stream.type === 'random' ? stream.deeds : [stream.deed])),
  );
}

/** The schedule without the deeds that `out` names; streams that have none left keep their places, so that names stand. */
export function without(schedule: Schedule, out: (fault: string) => boolean): Schedule {
  const kept = (stream: Stream): Stream => {
    if (stream.type === 'random') return { ...stream, deeds: stream.deeds.filter(({ fault }) => !out(fault)) };
    return out(stream.deed.fault) ? { type: 'random', deeds: [] } : stream;
  };
  return { phases: schedule.phases.map((phase) => ({ ...phase, streams: phase.streams.map(kept) })) };
}

export interface Stage {
  readonly random: Random;
  /** All that the schedule names, and those that `mix` stands for. */
  readonly faults: ReadonlyMap<string, Pick<Fault, 'name' | 'lastsMs'>>;
  readonly mix: readonly string[];
  /** When the first phase begins. */
  readonly from: Instant;
}

export function arrange({ phases }: Schedule, stage: Stage): Arranged {
  const strikes: Strike[] = [];
  const triggers: Trigger[] = [];
  let from = stage.from;
  for (const [p, { durationNs, streams }] of phases.entries()) {
    const until = from + durationNs;
    for (const [s, stream] of streams.entries()) {
      const name = streamName(p, s);
      if (stream.type === 'random') strikes.push(...drawn(stream, { ...stage, from, until, name }));
      else if (stream.type === 'at') {
        const { at, deed, durationNs: lasts, patienceNs = PATIENCE_NS } = stream;
        for (const offset of at)
          strikes.push({ ...deed, at: from + offset, durationNs: lasts, stream: name, patienceNs, endBy: until });
      } else {
        const { type: _, patienceNs = PATIENCE_NS, ...trigger } = stream;
        triggers.push({ ...trigger, patienceNs, stream: name, from, until });
      }
    }
    from = until;
  }
  // Those of one instant in the order of their streams: sorting is stable.
  return { strikes: strikes.sort((a, b) => a.at - b.at), triggers };
}

function drawn(
  { deeds, slotNs, lastsNs }: Extract<Stream, { type: 'random' }>,
  { random, faults, mix, from, until, name }: Stage & { readonly until: Instant; readonly name: string },
): readonly Strike[] {
  const all = deeds.flatMap((deed): Deed[] => (deed.fault === MIX ? mix.map((fault) => ({ fault })) : [deed]));
  // The planner knows kinds by their names; here a kind is a deed.
  const kinds = all.map(({ fault }, i) => ({ name: String(i), lastsMs: faults.get(fault)?.lastsMs }));
  const drawing = {
    random: random.fork(`stream ${name}`),
    faults: kinds.map(({ name: kind, lastsMs }) => ({ name: kind, ...(lastsMs !== undefined && { lastsMs }) })),
    from,
    until,
    ...(slotNs !== undefined && { slotNs }),
    ...(lastsNs !== undefined && { lastsNs }),
  };
  return plan(drawing).map((strike) => ({ ...strike, ...all[Number(strike.fault)], stream: name }));
}

/** As people say it: `when new-leader`, `when lag above 1000 of n2`. */
export function whenText(when: When): string {
  const above = when.type === 'lag' ? ` above ${when.above}` : '';
  return `when ${when.type}${above}${when.of === undefined ? '' : ` of ${when.of}`}`;
}

export function deedText({ fault, target, figures }: Deed): string {
  const how = Object.entries(figures ?? {}).map(([name, n]) => ` ${name}=${n}`);
  return `${fault}${target === undefined ? '' : ` ${target}`}${how.join('')}`;
}
