/** The policy of a gate: YAML. What is run, how much worse what may be, how long to look. All mistakes are found at once. */
import { Command } from '@commander-js/extra-typings';
import { z } from 'zod';
import { SECOND } from '../../history/clock.ts';
import type { Limit } from '../../results/limits.ts';
import { leastChance, type Rules } from '../../results/look.ts';
import { unknownName } from '../errors.ts';
import { readYamlMap } from '../plan-file/document.ts';
import { fields, name, needed, several, whole } from '../plan-file/leaves.ts';
import type { Mistakes } from '../plan-file/mistakes.ts';
import { loadCommand } from '../plugins.ts';
import { nanosecondsOf } from '../times.ts';
import { type Given, pathsOf } from './paths.ts';

export interface Policy {
  /** What is run on both sides. */
  readonly command: 'bench' | 'run';
  /** Its options, as they stand on a command line. */
  readonly options: readonly string[];
  readonly rules: Rules;
}

const measures = ['p50', 'p90', 'p99', 'p99.9', 'throughput', 'highest-rate'] as const;

const share = (what: string): z.ZodType<number> => {
  const said = needed(`${what}, such as 10%,`);
  return z
    .string(said)
    .regex(/^\d{1,4}(\.\d{1,3})?\s*%$/, said)
    .transform((text) => Number(text.replace('%', '')) / 100);
};

/** A time for latencies; a number for rates. */
const amount = z
  .union([z.number(), z.string()], needed("a time such as '0.5ms', or a rate"))
  .transform((value, context) => {
    const parsed = typeof value === 'number' ? value : nanosecondsOf(value);
    if (parsed !== undefined && parsed >= 0 && parsed < 3600 * SECOND) return { value, parsed };
    context.addIssue(`a time such as '0.5ms', or a rate, is needed, not '${value}'.`);
    return z.NEVER;
  });

const text = z.string(needed('a text'));

const limitShape = fields('what a limit is about', {
  measure: several(name('measure', measures)),
  method: several(name('method', ['read', 'readMany', 'write', 'cas', 'txn'])).optional(),
  path: several(text).optional(),
  phase: several(text).optional(),
  'worse-by': share('a share'),
  'and-by': amount.optional(),
});

type LimitText = z.infer<typeof limitShape>;

const blocksShape = fields('first and most', { first: whole(1, 1_000).optional(), most: whole(2, 10_000).optional() });
const alphaShape = share('a share');

const shape = fields('a policy', {
  bench: z.unknown().optional(),
  run: z.unknown().optional(),
  limits: z.array(limitShape, needed('a list of limits')).min(1, needed('a list of limits')),
  'false-alarms': alphaShape.optional(),
  blocks: blocksShape.optional(),
  seed: whole(0, Number.MAX_SAFE_INTEGER).optional(),
});

const FIRST = 4;
const MOST = 12;
const ALPHA = 0.05;
const ALPHA_MOST = 0.5;

/** Throws {@link BadInput} with every mistake in it: file, line, field, and what would be right. */
export async function readPolicy(file: string, cwd: string): Promise<Policy> {
  const { plain: given, mistakes } = await readYamlMap('policy', 'a map with bench or run, and limits,', file, cwd);
  const policy = mistakes.examine(shape, given, []);
  const command = given['run'] !== undefined && given['bench'] === undefined ? 'run' : 'bench';
  if (given['run'] !== undefined && given['bench'] !== undefined)
    mistakes.add(['run'], 'one of bench and run says what is run: leave out the other.');
  const { options, environment } = await optionsOf(command, given[command], mistakes);
  const mistakeOf = await pathsOf(command, (given[command] ?? {}) as Given); // anything: it is looked up by name only
  const read = readable(given);
  read.limits.forEach((limit, i) => {
    if (limit === undefined) return;
    const mistake = amountMistake(limit);
    if (mistake !== undefined) mistakes.add(['limits', i, 'and-by'], mistake);
    const isRungs = limit.measure.includes('highest-rate');
    for (const field of isRungs ? (['method', 'phase'] as const) : [])
      if (limit[field] !== undefined)
        mistakes.add(
          ['limits', i, field],
          `a ladder's highest-rate has a path, and no ${field}: give it a limit without.`,
        );
    const share = shareMistake(limit);
    if (share !== undefined) mistakes.add(['limits', i, 'worse-by'], share);
    for (const path of limit.path ?? []) {
      const unknown = mistakeOf(path);
      if (unknown !== undefined) mistakes.add(['limits', i, 'path'], unknown);
    }
    const other = read.limits.slice(0, i).findIndex((earlier) => earlier !== undefined && both(earlier, limit) !== '');
    const earlier = read.limits[other];
    if (earlier !== undefined)
      mistakes.add(
        ['limits', i, 'measure'],
        `${both(earlier, limit)} has a limit already, limits[${other + 1}], which names as much: of two that fit, the one that names more of method, path and phase holds.`,
      );
  });
  const first = read.blocks?.first ?? FIRST;
  const most = read.blocks?.most ?? Math.max(MOST, 3 * first);
  if (most < 2 * first)
    mistakes.add(
      ['blocks', 'most'],
      `a suspicion is run again: at least ${2 * first} are needed where first is ${first}.`,
    );
  const alpha = read.alpha ?? ALPHA;
  const limits = read.limits.flatMap((limit) => (limit === undefined ? [] : limitsOf(limit)));
  if (!(alpha > 0 && alpha <= ALPHA_MOST))
    mistakes.add(['false-alarms'], `more than 0% and at most ${100 * ALPHA_MOST}% is needed, not ${percent(alpha)}.`);
  else if (read.alpha !== undefined && read.blocks !== undefined)
    tooFew({ first, most }, alpha, limits, environment === 'simulation', mistakes);
  mistakes.throwIfAny();
  if (policy === undefined) throw new Error('not reached: there is a mistake');
  return {
    command,
    options,
    rules: {
      limits,
      alpha,
      blocks: { first, most },
      seed: String(policy.seed ?? 1),
    },
  };
}

interface Readable {
  /** As many as there are; undefined where one cannot be read. */
  readonly limits: readonly (LimitText | undefined)[];
  readonly alpha: number | undefined;
  readonly blocks: z.infer<typeof blocksShape> | undefined;
}

/** What each part says by itself, whatever is wrong with the others: fields that nobody knows have been named by then. */
function readable({ limits = [], blocks = {}, 'false-alarms': alpha = percent(ALPHA) }: Given): Readable {
  const some: readonly unknown[] = Array.isArray(limits) ? limits : [];
  return {
    limits: some.map((limit) => limitShape.strip().safeParse(limit).data),
    alpha: alphaShape.safeParse(alpha).data,
    blocks: blocksShape.strip().safeParse(blocks).data,
  };
}

/** Blocks that no figure can fail with, however much worse: neither can a suspicion arise, nor be shown again. */
function tooFew(
  { first, most }: Rules['blocks'],
  alpha: number,
  limits: readonly Limit[],
  paired: boolean,
  mistakes: Mistakes,
): void {
  // Each figure is one of several, at the least; how many methods and paths there are is seen when they are run.
  const figures = new Set<number | string>(
    limits.flatMap<number | string>(({ type, percentiles }) => (percentiles.length > 0 ? percentiles : [type])),
  ).size;
  const leastFor = (level: number): number => {
    let n = 1;
    while (leastChance(n, paired) > level) n++;
    // Of fewer than four runs a side nothing is known of how runs differ.
    return Math.max(2, n);
  };
  const chance = (n: number): string => `1 in ${Math.round(1 / leastChance(n, paired))}`;
  const again = leastFor(alpha);
  if (first < again) {
    mistakes.add(
      ['blocks', 'first'],
      `${first} of A B B A can never fail: fresh runs have to show a suspicion again, and the least chance of ${first} is ${chance(first)}, where false-alarms is ${percent(alpha)}. At least ${again} are needed.`,
    );
    return;
  }
  const level = alpha / Math.max(1, figures);
  const needed = leastFor(level) + first;
  if (most >= 2 * first && most < needed)
    mistakes.add(
      ['blocks', 'most'],
      `${most} can never fail: ${most - first} before they are run again have a least chance of ${chance(most - first)}, and ${figures} figures at false-alarms ${percent(alpha)} need ${percent(level)}. At least ${needed} are needed.`,
    );
}

function percent(share: number): string {
  return `${Number((100 * share).toPrecision(3))}%`;
}

/** Half a millisecond, taken for half a million operations a second, would let everything pass. */
function amountMistake({ measure, 'and-by': by }: LimitText): string | undefined {
  if (by === undefined) return undefined;
  const rates = measure.filter((one) => !one.startsWith('p'));
  const isTime = typeof by.value === 'string';
  if (isTime && rates.length > 0)
    return `${by.value} is a time, and ${rates.join(' and ')} a rate: give rates a limit of their own, with operations a second.`;
  if (!isTime && rates.length < measure.length && by.value !== 0)
    return `latencies want a time such as '0.5ms', not ${by.value}.`;
  return undefined;
}

/** Shares that no figure can be more than, or that none can be shown to stay below. */
function shareMistake({ measure, 'worse-by': share, 'and-by': by }: LimitText): string | undefined {
  const rates = measure.filter((one) => !one.startsWith('p'));
  if (share >= 1 && rates.length > 0)
    return `${rates.join(' and ')} cannot fall by more than 100%, so that ${percent(share)} can never fail: less than 100% is needed.`;
  if (share === 0 && (by?.parsed ?? 0) === 0)
    return 'of 0% nothing can be shown to stay within it: more is needed, or an and-by.';
  return undefined;
}

/** What both limits fit, for certain, and neither names more of: `p99 of read`. Empty where there is no such thing, or runs alone tell. */
function both(x: LimitText, y: LimitText): string {
  const shared = (one: readonly string[], other: readonly string[]) => one.filter((word) => other.includes(word));
  const figures = shared(x.measure, y.measure);
  const named = (['method', 'path', 'phase'] as const).map((field) => {
    const [one, other] = [x[field], y[field]];
    if (one === undefined && other === undefined) return [];
    // Of a limit of a method and one of a path nobody knows whether they meet.
    return one === undefined || other === undefined ? undefined : shared(one, other).slice(0, 1);
  });
  const fields = (['method', 'path', 'phase'] as const).filter((field) => x[field] !== undefined);
  const isCertain = named.every((one) => one !== undefined) && named.flat().length === fields.length;
  if (figures.length === 0 || !isCertain) return '';
  return [figures.join(' and '), ...(fields.length > 0 ? ['of', named.flat().join(' ')] : [])].join(' ');
}

/** One for latencies, one for each kind of rate. */
function limitsOf(limit: LimitText): readonly Limit[] {
  const common = {
    ...(limit.method !== undefined && { methods: limit.method }),
    ...(limit.path !== undefined && { paths: limit.path }),
    ...(limit.phase !== undefined && { phases: limit.phase }),
    worseBy: limit['worse-by'],
    andBy: limit['and-by']?.parsed ?? 0,
  };
  const percentiles = limit.measure.filter((one) => one.startsWith('p')).map((one) => Number(one.slice(1)));
  return [
    ...(percentiles.length > 0 ? [{ ...common, type: 'latency' as const, percentiles }] : []),
    ...(limit.measure.includes('throughput') ? [{ ...common, type: 'throughput' as const, percentiles: [] }] : []),
    ...(limit.measure.includes('highest-rate') ? [{ ...common, type: 'ladder' as const, percentiles: [] }] : []),
  ];
}

/** What the gate itself says to those that it runs. */
const OURS = [
  'json',
  'quiet',
  'label',
  'seed',
  'database',
  'store-journal',
  'runs',
  'replay',
  'progress',
  'help',
  'version',
];

interface Options {
  readonly options: readonly string[];
  /** The name, or what it is when none is said. */
  readonly environment: unknown;
}

/** `rate: 500` becomes `--rate 500`. What an option may be is for the command itself to say. */
async function optionsOf(command: 'bench' | 'run', given: unknown, mistakes: Mistakes): Promise<Options> {
  const { names, environment } = await optionNames(command);
  if (given === undefined || given === null) return { options: [], environment };
  if (typeof given !== 'object' || Array.isArray(given)) {
    mistakes.add([command], `a map of options, as of \`tidemark ${command} --help\`, is needed.`);
    return { options: [], environment };
  }
  const known = names.filter((one) => !OURS.includes(one));
  const options = Object.entries(given).flatMap(([option, value]: readonly [string, unknown]): readonly string[] => {
    if (!known.includes(option)) {
      mistakes.add([command, option], unknownName('field', option, known).message);
      return [];
    }
    if (option === 'mix' && String(value).includes(',')) {
      mistakes.add(
        [command, option],
        `a gate compares one bench with one: make a policy for each of ${String(value)}.`,
      );
      return [];
    }
    if (value === true) return [`--${option}`];
    if (value === false || value === null) return [];
    if (Array.isArray(value)) return [`--${option}`, value.join(',')];
    if (typeof value === 'object')
      return Object.entries(value).flatMap(([key, one]) => [`--${option}`, `${key}=${String(one)}`]);
    return [`--${option}`, String(value)];
  });
  return { options, environment: (given as Given)['env'] ?? environment };
}

interface OptionNames {
  /** The long ones. */
  readonly names: readonly string[];
  /** What `--env` is when it is not said. */
  readonly environment: unknown;
}

async function optionNames(command: 'bench' | 'run'): Promise<OptionNames> {
  const program = new Command();
  const nothing = (): void => undefined;
  const { register } = await loadCommand(command);
  register(program, {
    out: nothing,
    err: nothing,
    drained: () => Promise.resolve(),
    stdin: process.stdin,
    env: {},
    cwd: '',
    terminal: { out: false, err: false },
    colour: { out: false, err: false },
    argv: [],
    exit: nothing,
  });
  const options = program.commands.flatMap((one) => one.options);
  return {
    names: [...options.map((option) => option.long?.replace(/^--(no-)?/, '') ?? ''), 'plugin'],
    environment: options.find(({ long }) => long === '--env')?.defaultValue,
  };
}
