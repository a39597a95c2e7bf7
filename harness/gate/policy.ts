/** The policy of a gate: YAML. What is run, how much worse what may be, how long to look. All mistakes are found at once. */
import { Command } from '@commander-js/extra-typings';
import { z } from 'zod';
import { SECOND } from '../../history/clock.ts';
import type { Limit, Rules } from '../../results/look.ts';
import { unknownName } from '../errors.ts';
import { readYamlMap } from '../plan-file/document.ts';
import { fields, name, needed, several, whole } from '../plan-file/leaves.ts';
import type { Mistakes } from '../plan-file/mistakes.ts';
import { loadCommand } from '../plugins.ts';
import { nanosecondsOf } from '../times.ts';

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

const shape = fields('a policy', {
  bench: z.unknown().optional(),
  run: z.unknown().optional(),
  limits: z.array(limitShape, needed('a list of limits')).min(1, needed('a list of limits')),
  'false-alarms': share('a share').optional(),
  blocks: fields('first and most', { first: whole(1, 1_000).optional(), most: whole(2, 10_000).optional() }).optional(),
  seed: whole(0, Number.MAX_SAFE_INTEGER).optional(),
});

const FIRST = 4;
const MOST = 12;

/** Throws {@link BadInput} with every mistake in it: file, line, field, and what would be right. */
export async function readPolicy(file: string, cwd: string): Promise<Policy> {
  const { plain: given, mistakes } = await readYamlMap('policy', 'a map with bench or run, and limits,', file, cwd);
  const policy = mistakes.examine(shape, given, []);
  const command = given['run'] !== undefined && given['bench'] === undefined ? 'run' : 'bench';
  if (given['run'] !== undefined && given['bench'] !== undefined)
    mistakes.add(['run'], 'one of bench and run says what is run: leave out the other.');
  policy?.limits.forEach((limit, i) => {
    const mistake = amountMistake(limit);
    if (mistake !== undefined) mistakes.add(['limits', i, 'and-by'], mistake);
  });
  const options = await optionsOf(command, given[command], mistakes);
  const first = policy?.blocks?.first ?? FIRST;
  const most = policy?.blocks?.most ?? Math.max(MOST, 3 * first);
  if (most < 2 * first)
    mistakes.add(
      ['blocks', 'most'],
      `a suspicion is run again: at least ${2 * first} are needed where first is ${first}.`,
    );
  mistakes.throwIfAny();
  if (policy === undefined) throw new Error('not reached: there is a mistake');
  return {
    command,
    options,
    rules: {
      limits: policy.limits.flatMap((limit) => limitsOf(limit)),
      alpha: policy['false-alarms'] ?? 0.05,
      blocks: { first, most },
      seed: String(policy.seed ?? 1),
    },
  };
}

/** Half a millisecond, taken for half a million operations a second, would let everything pass. */
function amountMistake({ measure, 'and-by': by }: z.infer<typeof limitShape>): string | undefined {
  if (by === undefined) return undefined;
  const rates = measure.filter((one) => !one.startsWith('p'));
  const isTime = typeof by.value === 'string';
  if (isTime && rates.length > 0)
    return `${by.value} is a time, and ${rates.join(' and ')} a rate: give rates a limit of their own, with operations a second.`;
  if (!isTime && rates.length < measure.length && by.value !== 0)
    return `latencies want a time such as '0.5ms', not ${by.value}.`;
  return undefined;
}

/** One for latencies, one for each kind of rate. */
function limitsOf(limit: z.infer<typeof limitShape>): readonly Limit[] {
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
const OURS = ['json', 'quiet', 'label', 'seed', 'database', 'runs', 'replay', 'progress', 'help', 'version'];

/** `rate: 500` becomes `--rate 500`. What an option may be is for the command itself to say. */
async function optionsOf(command: 'bench' | 'run', given: unknown, mistakes: Mistakes): Promise<readonly string[]> {
  if (given === undefined || given === null) return [];
  if (typeof given !== 'object' || Array.isArray(given)) {
    mistakes.add([command], `a map of options, as of \`tidemark ${command} --help\`, is needed.`);
    return [];
  }
  const known = (await optionNames(command)).filter((one) => !OURS.includes(one));
  return Object.entries(given).flatMap(([option, value]: readonly [string, unknown]): readonly string[] => {
    if (!known.includes(option)) {
      mistakes.add([command, option], unknownName('field', option, known).message);
      return [];
    }
    if (value === true) return [`--${option}`];
    if (value === false || value === null) return [];
    if (Array.isArray(value)) return [`--${option}`, value.join(',')];
    if (typeof value === 'object')
      return Object.entries(value).flatMap(([key, one]) => [`--${option}`, `${key}=${String(one)}`]);
    return [`--${option}`, String(value)];
  });
}

/** By their long names. */
async function optionNames(command: 'bench' | 'run'): Promise<readonly string[]> {
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
  return [...options.map((option) => option.long?.replace(/^--(no-)?/, '') ?? ''), 'plugin'];
}
