/** When a run is killed: seeded moments, dealt over all that a run does. */
import type { Random } from '../../history/random.ts';

/** What the harness is doing; `prepare` is before anything of the run is made, `judge` begins with the removal of the cluster. */
export const stages = ['prepare', 'deploy', 'calm', 'faults', 'heal', 'settle', 'epilogue', 'judge'] as const;
export type Stage = (typeof stages)[number];

/** How many of 30 kills are in it. */
const SHARES: Readonly<Record<Stage, number>> = {
  prepare: 1,
  deploy: 6,
  calm: 3,
  faults: 8,
  heal: 3,
  settle: 2,
  epilogue: 2,
  judge: 5,
};

export interface Moment {
  readonly stage: Stage;
  /** How much of the stage has passed, 0 to 1. */
  readonly share: number;
  /** Stopped before it is killed, so that what is in force can be listed; else killed at once. */
  readonly frozen: boolean;
}

/** Any `n` successive ones have stages by their shares, in an order of the seed's. */
export function drawMoments(n: number, random: Random): readonly Moment[] {
  const deck = stages.flatMap((stage) => Array.from({ length: SHARES[stage] }, () => stage));
  const dealt: Stage[] = [];
  while (dealt.length < n) dealt.push(...random.shuffle(deck));
  return dealt.slice(0, n).map((stage) => ({ stage, share: random.fraction(), frozen: random.chance(0.5) }));
}

/** When an undisturbed run came to each mark, in nanoseconds since its process was started. */
export type Timeline = ReadonlyMap<Mark, number>;
/** As the journal names them; `folder`: the run has one, and is about to make its cluster; `exit`: the process ended. */
export const marks = ['folder', 'starting', 'calm', 'faults', 'healed', 'settle', 'epilogue', 'end', 'exit'] as const;
export type Mark = (typeof marks)[number];

const BEGIN: Readonly<Record<Stage, Mark | undefined>> = {
  prepare: undefined,
  deploy: 'folder',
  calm: 'calm',
  faults: 'faults',
  heal: 'faults',
  settle: 'settle',
  epilogue: 'epilogue',
  judge: 'end',
};
const END: Readonly<Record<Stage, Mark>> = {
  prepare: 'folder',
  deploy: 'starting',
  calm: 'faults',
  faults: 'healed',
  heal: 'healed',
  settle: 'epilogue',
  epilogue: 'end',
  judge: 'exit',
};

export interface Due {
  /** Undefined: the start of the process. */
  readonly after: Mark | undefined;
  readonly ns: number;
}

/** `faultsNs`: how long faults strike before they are healed. */
export function dueOf({ stage, share }: Moment, timeline: Timeline, faultsNs: number): Due {
  const at = (mark: Mark | undefined): number => (mark === undefined ? 0 : (timeline.get(mark) ?? 0));
  const [after, until] = [BEGIN[stage], at(END[stage])];
  const whole = Math.max(0, until - at(after));
  const from = stage === 'heal' ? Math.min(faultsNs, whole) : 0;
  const length = stage === 'faults' ? Math.min(faultsNs, whole) : whole - from;
  return { after, ns: Math.floor(from + share * length) };
}
