/** Runs again: the command that does it, the plan of a stored run, and what came out otherwise. */
import { MILLISECOND, SECOND } from '../history/clock.ts';
import type { Struck } from '../nemesis/nemesis.ts';
import type { RunRecord } from '../results/record.ts';
import { BadInput } from './errors.ts';
import { defaultPlan, type Plan } from './plan.ts';
import { userPlugins } from './plugins.ts';
import { flagged, shellWord, wordsIn } from './shell.ts';

/** A strike that came so much earlier or later is said to have come at another time. */
const ELSEWHEN_NS = 500 * MILLISECOND;
const SAID_MAX = 20;

/**
 * The command that runs this plan again: only what differs from the defaults. A schedule is in no flags, outside the simulation a seed
 * does not say whom the faults strike, and a replay goes by another run's strikes: then it is the stored run itself, or, where there is
 * none, the seed, and the file that said the schedule.
 */
export function replayCommand(plan: Plan, stored?: string): string {
  const plugins = flagged('plugin', userPlugins());
  const seedSaysAll =
    plan.environment === defaultPlan.environment && plan.replays === undefined && plan.schedule === undefined;
  if (stored !== undefined && !seedSaysAll) return ['npx tidemark run', `--replay ${stored}`, ...plugins].join(' ');
  const words = [
    'npx tidemark run',
    ...(plan.file === undefined ? [] : [`--plan ${shellWord(plan.file)}`]),
    `--seed ${plan.seed}`,
  ];
  const say = (flag: string, value: string, unless: string): void => {
    if (value !== unless) words.push(`--${flag} ${shellWord(value)}`);
  };
  say('system', plan.system, defaultPlan.system);
  say('env', plan.environment, defaultPlan.environment);
  say('workload', plan.workloads.join(','), '');
  if (plan.schedule === undefined) say('fault', plan.faults.join(','), 'mix');
  say('duration', `${plan.durationNs / MILLISECOND}ms`, `${defaultPlan.durationNs / MILLISECOND}ms`);
  say('nodes', String(plan.nodes), String(defaultPlan.nodes));
  say('load', plan.load, defaultPlan.load);
  say('rate', String(plan.rate), String(defaultPlan.rate));
  say('read-path', plan.readPaths.join(','), '');
  say('write-path', plan.writePaths.join(','), '');
  say('guarantee', plan.guarantees.join(','), '');
  const settings = Object.entries(plan.settings).map(([name, value]) => `${name}=${value}`);
  words.push(...flagged('set', settings));
  if (plan.skipUnsupported === true) words.push('--skip-unsupported');
  return [...words, ...plugins].join(' ');
}

/**
 * The same plan as a command that needs nothing of the run: for who has its report alone. Undefined where the run's own command is that
 * already, or its plan was not kept.
 */
export function commandElsewhere({ command, plan }: Pick<RunRecord, 'command' | 'plan'>): string | undefined {
  const asked = plan['asked'] as Plan | undefined; // put there by record-run.ts
  if (asked === undefined || !isReplay(command)) return undefined;
  const { replays: _, ...same } = asked;
  const known = flagged('plugin', userPlugins());
  const plugins = wordsIn(command)
    .flatMap((word, i, words) => (word === '--plugin' ? [`--plugin ${words[i + 1]}`] : []))
    .filter((flag) => !known.includes(flag));
  return [replayCommand(same), ...plugins].join(' ');
}

/** Whether a run's command goes by a stored run. */
export function isReplay(command: string): boolean {
  return wordsIn(command).includes('--replay');
}

/** What a run knows of the one that it replays. */
export interface Replays {
  readonly run: string;
  /** Undefined: it was killed, and only its first strikes are known. */
  readonly journalSha256?: string;
  /** In a simulation, with nothing changed: all must come out the same. */
  readonly exact: boolean;
  readonly strikes: readonly Struck[];
  /** Undefined: the plan alone decides. */
  readonly guide?: Guide;
}

/** Whose strikes chance goes by. In the plan of the run's record, for who replays that is to go by the same. */
export interface Guide {
  readonly strikes: readonly Struck[];
  /** False: of a run that was killed, so that triggers may well have fired later. */
  readonly whole: boolean;
}

/** What came of it: in the plan of the run's record. */
export interface Replayed {
  readonly run: string;
  readonly exact: boolean;
  readonly sameJournal: boolean;
  /** It was killed: what it did until then is compared. */
  readonly killed?: true;
  readonly strikes: number;
  readonly alike: number;
  /** On another node, which led now as the other did then. */
  readonly elsewhere?: number;
  readonly differences: readonly string[];
}

export interface Changes {
  readonly environment?: string;
  readonly settings?: Readonly<Record<string, string>>;
  readonly skipUnsupported?: boolean;
}

/** The plan of a stored run, to be run again. Throws {@link BadInput} where it was not kept. */
export function planToReplay(
  record: Pick<RunRecord, 'id' | 'plan'> & Partial<Pick<RunRecord, 'command' | 'journalSha256'>>,
  changes: Changes,
): Plan {
  const asked = record.plan['asked'] as Plan | undefined; // put there by record-run.ts
  const strikes = record.plan['strikes'] as readonly Struck[] | undefined; // likewise
  if (asked === undefined || strikes === undefined) {
    throw new BadInput(
      `Run ${record.id} was made by a version that did not keep what a replay needs${record.command === undefined ? '.' : `; its command: ${record.command}`}`,
    );
  }
  const environment = changes.environment ?? asked.environment;
  const changed =
    environment !== asked.environment ||
    Object.keys(changes.settings ?? {}).length > 0 ||
    changes.skipUnsupported === true;
  const exact = environment === 'simulation' && !changed;
  // Where all comes out the same by itself, nothing may be done otherwise than it was.
  const guide = exact
    ? (record.plan['guide'] as Guide | undefined) // put there by record-run.ts
    : { strikes, whole: record.journalSha256 !== undefined };
  return {
    ...asked,
    environment,
    settings: { ...asked.settings, ...changes.settings },
    ...(changes.skipUnsupported === true && { skipUnsupported: true }),
    replays: {
      run: record.id,
      ...(record.journalSha256 !== undefined && { journalSha256: record.journalSha256 }),
      exact,
      strikes,
      ...(guide !== undefined && { guide }),
    },
  };
}

export function compared(
  { run, journalSha256, exact, strikes }: Replays,
  now: readonly Struck[],
  sha256: string,
): Replayed {
  const placeOf = ({ stream, nth }: Struck): string => `${stream ?? ''}#${nth}`;
  const again = new Map(now.map((struck) => [placeOf(struck), struck]));
  const differences: string[] = [];
  let alike = 0;
  let elsewhere = 0;
  for (const then of strikes) {
    const other = again.get(placeOf(then));
    again.delete(placeOf(then));
    const why = other === undefined ? 'did not come again' : difference(then, other);
    if (why === undefined) alike++;
    else if (other !== undefined && isSameRole(then, other)) elsewhere++;
    else differences.push(`${nameOf(then)}: ${why}`);
  }
  const killed = journalSha256 === undefined;
  if (!killed) for (const extra of again.values()) differences.push(`${nameOf(extra)}: did not come then`);
  const sameJournal = sha256 === journalSha256;
  const said = differences.slice(0, SAID_MAX);
  if (differences.length > SAID_MAX) said.push(`… and ${differences.length - SAID_MAX} more`);
  return {
    run,
    exact,
    sameJournal,
    ...(killed && { killed }),
    strikes: strikes.length,
    alike,
    ...(elsewhere > 0 && { elsewhere }),
    differences: said,
  };
}

/** Whether only another node led: who leads is not the schedule's to say. */
function isSameRole(then: Struck, now: Struck): boolean {
  const leads = ({ targets, leader }: Struck): boolean => targets.length === 1 && targets[0] === leader;
  return leads(then) && leads(now) && difference(then, { ...now, targets: then.targets }) === undefined;
}

function difference(then: Struck, now: Struck): string | undefined {
  if (then.fault !== now.fault) return `${now.fault} now`;
  if (then.skipped !== now.skipped) return `${outcome(then)} then, ${outcome(now)} now`;
  if (then.targets.join() !== now.targets.join()) {
    const leads = ({ targets, leader }: Struck): string =>
      `${targets.join(', ')}${targets.length === 1 && targets[0] === leader ? ' (which led)' : ''}`;
    return `${leads(then)} then, ${leads(now)} now`;
  }
  // A trigger comes when it comes.
  if (then.because === undefined && Math.abs(then.at - now.at) > ELSEWHEN_NS) return `at ${seconds(now.at)} now`;
  return undefined;
}

function outcome({ skipped, targets }: Struck): string {
  return skipped ?? targets.join(', ');
}

function nameOf({ fault, at, stream, nth, because }: Struck): string {
  const trigger = because === undefined ? '' : ` (when ${because.type})`;
  return `${fault} at ${seconds(at)}${stream === undefined ? '' : `, ${stream} no. ${nth}`}${trigger}`;
}

function seconds(ns: number): string {
  return `${(ns / SECOND).toFixed(2)} s`;
}
