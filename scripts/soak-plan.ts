/**
 * What each run of a soak is: drawn from its seed, so that a seed names a run. The distribution, one line a draw:
 *
 * | what | how often |
 * |---|---|
 * | voters | 3: 65 %, 5: 35 % |
 * | learners beside them | none: 70 %, one: 20 %, two: 10 % |
 * | replication groups | 1: 55 %, 2: 20 %, 3: 10 %, 4: 15 % |
 * | election through an external core | 15 % |
 * | leaders sent home to preferred nodes | 30 % |
 * | entries between snapshots | 60: 35 %, 250: 35 %, as by default: 30 % |
 * | entries for which requests are remembered | 80: 30 %, 1000: 30 %, as by default: 40 % |
 * | writes sent again when nobody knows | 60 % |
 * | limits of serving | as by default: 50 %, tight (600 ms silent, 60 entries behind, 300 ms a sync): 30 %, never: 20 % |
 * | which follower is asked | each way alike |
 * | keys | 3, 8 or 20 a workload, alike; drawn evenly 70 %, zipfian 30 % |
 * | paths | one write path with three read paths: 70 %; two with two: 30 %; each path alike, bounds of 100, 400 or 1500 ms |
 * | faults | one that deposes a leader, and four others of all that any store must stand |
 * | beyond those | damaged disks 10 % (voters are hardly removed then), clocks that drift beyond the bound 4 %, promotion by force 4 % |
 *
 * Thirteen seconds at 240 requests a second: more than 2,000 operations are completed.
 */
import simulation from '../harness/environments/simulation/index.ts';
import { defaultPlan, type Plan } from '../harness/plan.ts';
import { loadFaults } from '../harness/plugins.ts';
import type { System } from '../harness/system.ts';
import { MILLISECOND, SECOND } from '../history/clock.ts';
import { Random } from '../history/random.ts';
import type { Lever } from '../nemesis/fault.ts';
import { routings } from '../reference-impl/client/routes.ts';
import type { Defect } from '../reference-impl/core/defects.ts';

export interface Choices {
  readonly writePaths: readonly string[];
  /** Without those that state a bound. */
  readonly readPaths: readonly string[];
  readonly routings: readonly string[];
  /** What any store must stand. */
  readonly faults: readonly string[];
}

const offered: readonly Lever[] = simulation.levers;
/** What the workload's clients do they can do anywhere. */
const isOffered = (lever: Lever): boolean => lever === 'operate' || offered.includes(lever);

export async function choicesOf({ writePaths, readPaths }: System): Promise<Choices> {
  return {
    writePaths: writePaths.map(({ name }) => name),
    readPaths: readPaths.filter(({ boundMs }) => boundMs === undefined).map(({ name }) => name),
    routings,
    faults: [...(await loadFaults()).values()]
      .filter(({ optIn, levers }) => optIn !== true && levers.every(isOffered))
      .map(({ name }) => name),
  };
}

/** Whatever else strikes, one of these does. */
const DEPOSING = ['isolate-leader', 'kill-leader'] as const;
const OTHER_FAULTS = 4;
const BEYOND = [
  ['corrupt-disk', 0.1],
  ['clock-drift', 0.04],
  ['promote-by-force', 0.04],
] as const;

export function drawPlan(seed: number, choices: Choices): Plan {
  const random = new Random(`soak run ${seed}`);
  const learners = weighted(random, [
    [0, 70],
    [1, 20],
    [2, 10],
  ]);
  const voters = random.chance(0.65) ? 3 : 5;
  const [writes, reads] = random.chance(0.7) ? [1, 3] : [2, 2];
  const settings = drawSettings(random.fork('settings'), choices, learners);
  // There the core decides who leads.
  const able =
    settings.election === 'external' ? choices.faults.filter((name) => name !== 'switchover') : choices.faults;
  return {
    ...defaultPlan,
    seed,
    nodes: voters + learners,
    durationNs: 13 * SECOND,
    rate: 240,
    faults: standing(drawFaults(random.fork('faults'), able), voters),
    writePaths: some(random, choices.writePaths, writes),
    readPaths: some(random, [...choices.readPaths, `bounded-${random.pick([100, 400, 1500])}ms`], reads),
    settings: { sessions: '36', ...settings },
  };
}

function drawSettings(random: Random, { routings }: Choices, learners: number): Readonly<Record<string, string>> {
  const settings: Record<string, string> = {
    groups: weighted(random, [
      ['1', 55],
      ['2', 20],
      ['3', 10],
      ['4', 15],
    ]),
    keys: random.pick(['3', '8', '20']),
    routing: random.pick(routings),
  };
  const maybe = (name: string, choice: readonly (readonly [string | undefined, number])[]): void => {
    const value = weighted(random, choice);
    if (value !== undefined) settings[name] = value;
  };
  if (learners > 0) settings.learners = String(learners);
  if (random.chance(0.3)) settings.distribution = 'zipfian';
  if (random.chance(0.15)) settings.election = 'external';
  if (random.chance(0.3)) settings['preferred-leaders'] = 'on';
  if (random.chance(0.6)) settings.repeats = 'on';
  maybe('snapshot-entries', [
    ['60', 35],
    ['250', 35],
    [undefined, 30],
  ]);
  maybe('origins-kept', [
    ['80', 30],
    ['1000', 30],
    [undefined, 40],
  ]);
  const limits = weighted(random, [
    ['as by default', 50],
    ['tight', 30],
    ['never', 20],
  ]);
  if (limits === 'as by default') return settings;
  const [silent, lag, disk] = limits === 'tight' ? ['600', '60', '300'] : ['never', 'never', 'never'];
  return { ...settings, 'serve-silent-ms': silent, 'serve-lag': lag, 'serve-disk-ms': disk };
}

function drawFaults(random: Random, all: readonly string[]): readonly string[] {
  const first = random.pick(DEPOSING);
  const others = some(
    random,
    all.filter((name) => name !== first),
    OTHER_FAULTS,
  );
  return [first, ...others, ...BEYOND.flatMap(([name, chance]) => (random.chance(chance) ? [name] : []))];
}

/**
 * Of three voters one may be away and one damaged: the third alone must not elect itself, for what was acknowledged may be
 * where it does not look. Nor must a damaged one that survives alone, promoted by force, or with one other when all the rest
 * were removed. That is an outage which only an operator can end, and no finding.
 */
function standing(faults: readonly string[], voters: number): readonly string[] {
  if (!faults.includes('corrupt-disk')) return faults;
  return faults.filter((name) => !TOO_FEW_LEFT.has(name) && (voters >= 5 || name !== 'change-members'));
}

const TOO_FEW_LEFT: ReadonlySet<string> = new Set(['undo-change', 'rival-changes', 'promote-by-force']);

/** So many, in their own order. */
function some<T>(random: Random, items: readonly T[], count: number): readonly T[] {
  const drawn = new Set(random.shuffle(items).slice(0, count));
  return items.filter((item) => drawn.has(item));
}

function weighted<T>(random: Random, choice: readonly (readonly [T, number])[]): T {
  let dice = random.below(choice.reduce((sum, [, weight]) => sum + weight, 0));
  for (const [value, weight] of choice) {
    if (dice < weight) return value;
    dice -= weight;
  }
  throw new Error('the dice fell off the table');
}

/** What a defect needs in order to show; see reference-impl/core/defects.ts. */
export type Needs = Pick<
  Defect,
  'name' | 'faults' | 'alone' | 'settings' | 'readPaths' | 'writePaths' | 'voters' | 'rate' | 'durationMs'
>;

/** The same run of a store with this defect, in circumstances in which it can show: few faults but those that expose it. */
export function withDefect(plan: Plan, needs: Needs): Plan {
  const { name, faults, alone, settings, readPaths, writePaths, voters, rate, durationMs } = needs;
  const learners = Number(plan.settings.learners ?? 0);
  const { election: _, ...ownElection } = plan.settings;
  return {
    ...plan,
    faults: alone === true ? faults : [...new Set([...faults, ...plan.faults.slice(0, 4)])],
    settings: { ...(faults.includes('switchover') ? ownElection : plan.settings), ...settings, defect: name },
    readPaths: [...new Set([...(readPaths ?? []), ...plan.readPaths])],
    writePaths: [...new Set([...(writePaths ?? []), ...plan.writePaths])],
    ...(voters !== undefined && { nodes: voters + learners }),
    ...(rate !== undefined && { rate }),
    ...(durationMs !== undefined && { durationNs: durationMs * MILLISECOND }),
  };
}
