/**
 * The acceptance suite that every system passes, be it a file of harness/systems/ or a driver of a user's: its clients say what is
 * true, send what they are asked to once, and ask whom they say.
 *
 * ```ts
 * const results = await acceptance({ system, cluster, settings });
 * ```
 */
import { oneWins } from './at-once.ts';
import { cas, close, fresh, logs, readMany, reads, transactions } from './answers.ts';
import { Bench, type Check, type Result, type Subject } from './bench.ts';
import { BadInput, closed } from '../errors.ts';
import { broken, refusals, resends, timeouts } from './honesty.ts';
import { asked, sighting, tokens } from './paths.ts';

export type { Check, Result, Subject } from './bench.ts';

/** What the check of lines goes by: the one that a busy machine does too, and the one that the harness does itself. */
const LATE = 'driver late answers';
const ENDED = 'driver silences';
/** A driver that owes an answer is listened to for so long. */
const LINGER_MS = 1000;

/** Only drivers can fail it: they speak in lines. */
const lines: Check = {
  name: 'one-answer-each-in-time',
  about:
    'A driver answers every question once, before its deadline, with a line that makes sense, and ends when it is told to.',
  async run(bench) {
    // What is late in the last of the other checks has yet to come.
    await bench.sleep(LINGER_MS);
    // One that did not answer where no node did was ended by the harness: that is allowed.
    const told = [...bench.misdeeds]
      .filter(([name]) => name !== ENDED)
      .map(
        ([name, times]) =>
          `${times} ${name.replace(/^driver /, '').replace(/answers$/, times === 1 ? 'answer' : 'answers')}`,
      );
    return told.length === 0
      ? { type: 'passed' }
      : { type: 'failed', why: `during the other checks: ${told.join(', ')}` };
  },
};

/** In this order: what comes first is what the others rest on. */
export const checks: readonly Check[] = [
  reads,
  cas,
  oneWins,
  readMany,
  logs,
  transactions,
  fresh,
  asked,
  timeouts,
  broken,
  resends,
  refusals,
  tokens,
  close,
  sighting,
  lines,
];

export interface Tried {
  readonly check: Check;
  readonly result: Result;
}

/**
 * Runs the checks one after another, and tells of each as it ends. After the first that has to hold for the others, no more are tried.
 *
 * @throws BadInput where the store cannot be used at all
 */
export async function acceptance(
  subject: Subject,
  options: { readonly only?: readonly string[]; readonly told?: (tried: Tried) => void } = {},
): Promise<readonly Tried[]> {
  const { only = [], told } = options;
  const why = await subject.system.ready?.(subject.cluster);
  if (why !== undefined) throw new BadInput(closed(why));
  const bench = await Bench.over(subject);
  const all: Tried[] = [];
  try {
    for (const check of checks) {
      if (only.length > 0 && !only.includes(check.name)) continue;
      const first = await carriedOut(check, bench);
      const onlyLate = check === lines && [...bench.misdeeds.keys()].every((name) => name === LATE || name === ENDED);
      const result = onlyLate && first.type === 'failed' ? await triedAgain(all, bench, first.why) : first;
      const tried = { check, result };
      all.push(tried);
      told?.(tried);
      if (check === reads && result.type === 'failed') break;
    }
  } finally {
    await bench.close();
  }
  return all;
}

async function carriedOut(check: Check, bench: Bench): Promise<Result> {
  const result = await check.run(bench).catch((error: unknown): Result => {
    return {
      type: 'failed',
      why: `it could not be carried out: ${error instanceof Error ? error.message : String(error)}`,
    };
  });
  await bench.settle();
  return result;
}

/**
 * A driver that takes no heed of its deadline is late whenever a node does not answer it, and an honest one on a busy machine now and then:
 * so where lateness is all that is wrong, what was tried is tried again, once.
 */
async function triedAgain(tried: readonly Tried[], bench: Bench, why: string): Promise<Result> {
  bench.misdeeds.clear();
  for (const { check, result } of tried) {
    if (result.type === 'not offered') continue;
    const again = await carriedOut(check, bench);
    if (again.type === 'failed' && result.type !== 'failed')
      return { type: 'failed', why: `${why}; and ${check.name}, tried again, failed: ${again.why}` };
  }
  const second = await lines.run(bench);
  if (second.type === 'failed') return { type: 'failed', why: `${why}; late again when they were tried again` };
  return { type: 'passed', note: `${why}, and none when they were tried again: the machine is busy` };
}
