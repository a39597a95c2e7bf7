/** One kill: a run is started, killed at its moment, and what it left is listed, removed by others and listed again. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Clock, MILLISECOND, SECOND } from '../../history/clock.ts';
import type { Random } from '../../history/random.ts';
import type { Ground } from './ground.ts';
import type { Line } from './listing.ts';
import { type Due, type Mark, marks, type Moment } from './moments.ts';
import { type Done, Subject, type Surroundings } from './subject.ts';

const RUN_NS = 180 * SECOND;
/** Containers, agents and the database's server look for their harness, and end without. */
const END_NS = 20 * SECOND;
const LEARN_NS = 300 * MILLISECOND;

export interface Lot {
  readonly clock: Clock;
  readonly ground: Ground;
  readonly surroundings: Surroundings;
  readonly random: Random;
}

export interface Killed {
  readonly run: string | undefined;
  /** The last mark in the journal, and faults that were in force by it. */
  readonly mark: Mark | undefined;
  readonly inForce: readonly string[];
  readonly ns: number;
  /** It ended before its moment came; how. */
  readonly missed: Done | undefined;
  /** Undefined: not looked at, since it was killed at once. */
  readonly within: readonly Line[] | undefined;
  readonly left: readonly Line[];
}

export async function kill(
  args: readonly string[],
  moment: Moment,
  due: Due,
  agentsToo: boolean,
  lot: Lot,
): Promise<Killed> {
  const { clock, ground, surroundings } = lot;
  const subject = new Subject(clock, args, surroundings);
  const learn = learning(subject, lot);
  const { after } = due;
  let alive = after === undefined || (await subject.until(() => subject.has(after), RUN_NS, learn));
  const at = (after === undefined ? clock.now() - subject.ns : clock.now()) + due.ns;
  if (alive) {
    await subject.until(() => clock.now() >= at, RUN_NS, learn);
    alive = !subject.isOver;
  }
  // Agents undo everything as soon as the harness is gone, and it does as soon as they are: neither gets to it.
  const frozen = alive && (moment.frozen || agentsToo);
  if (frozen) subject.signal('SIGSTOP');
  const { ns, run } = subject;
  if (frozen && run !== undefined) await ground.learn(run);
  const within = frozen && run !== undefined ? await ground.within(run) : undefined;
  if (agentsToo) await ground.killAgents?.();
  subject.signal('SIGKILL');
  const done = await subject.ended;
  if (run !== undefined) await ground.learn(run);
  const journal = subject.journal();
  return {
    run,
    mark: marks.findLast((mark) => subject.has(mark)),
    inForce: inForce(journal),
    ns,
    missed: alive ? undefined : done,
    within,
    left: await ground.left(),
  };
}

/** Names what a run makes while it makes it: what is removed by half at its end is named by then. */
export function learning(subject: Subject, { clock, ground }: Lot): () => void {
  let next = 0;
  let busy = false;
  return () => {
    const { run } = subject;
    if (run === undefined || busy || clock.now() < next) return;
    busy = true;
    next = clock.now() + LEARN_NS;
    ground
      .learn(run)
      .catch(() => undefined)
      .finally(() => (busy = false)); // what is being removed is looked for again
  };
}

export interface Removed {
  readonly by: 'cleanup' | 'the next run';
  readonly done: Done;
  /** Until nothing of it ran any more; undefined: something did. */
  readonly endedNs: number | undefined;
  readonly left: readonly Line[];
}

/** Lets what ends by itself end, unless it cannot, then has the rest removed. */
export async function remove(
  by: Removed['by'],
  args: readonly string[],
  endsItself: boolean,
  lot: Lot,
): Promise<Removed> {
  const { clock, ground, surroundings } = lot;
  const from = clock.now();
  const runs = async (): Promise<boolean> => (await ground.left()).some(isRunning);
  const until = from + (endsItself ? END_NS : 0);
  while ((await runs()) && clock.now() < until) await clock.sleepUntil(clock.now() + 200 * MILLISECOND);
  const endedNs = (await runs()) ? undefined : clock.now() - from;
  const subject = new Subject(clock, by === 'cleanup' ? ['cleanup'] : args, surroundings);
  const learn = learning(subject, lot);
  await subject.until(() => false, RUN_NS, learn);
  subject.signal('SIGKILL'); // it has ended, unless it hangs
  const done = await subject.ended;
  // The database's server ends two seconds after its last user.
  const gone = clock.now() + END_NS;
  let left = await ground.left();
  while (left.length > 0 && clock.now() < gone) {
    await clock.sleepUntil(clock.now() + 200 * MILLISECOND);
    left = await ground.left();
  }
  return { by, done, endedNs, left };
}

function isRunning({ kind, text }: Line): boolean {
  return kind.startsWith('process') || (kind === 'container' && text.endsWith(' running'));
}

export interface Judged {
  readonly what: 'journal' | 'torn';
  readonly code: number | null;
  readonly operations: number;
  readonly said: string;
}

/** A line of `tidemark check --json`. */
interface Verdict {
  readonly verdict: string;
  readonly operations: number;
}

/** The journal as it was left, and once more torn at a byte of the seed's choice; empty where there is none yet. */
export async function judge(folder: string, lot: Lot): Promise<readonly Judged[]> {
  const { clock, random, surroundings } = lot;
  const file = join(folder, 'journal.jsonl');
  let bytes: Buffer;
  try {
    bytes = readFileSync(file);
  } catch {
    return [];
  }
  const torn = join(surroundings.cwd, 'torn.jsonl');
  writeFileSync(torn, bytes.subarray(0, random.below(bytes.length + 1)));
  const judged: Judged[] = [];
  for (const [what, path] of [
    ['journal', file],
    ['torn', torn],
  ] as const) {
    const check = new Subject(clock, ['check', '--json', '--budget', '20s', path], surroundings);
    await check.until(() => false, RUN_NS);
    check.signal('SIGKILL');
    const { code, out, err } = await check.ended;
    const lines = out.split('\n').flatMap((line) => (line.startsWith('{') ? [JSON.parse(line) as Verdict] : []));
    const words = ['valid', 'invalid', 'unknown'].flatMap((word) => {
      const n = lines.filter(({ verdict }) => verdict === word).length;
      return n === 0 ? [] : [`${n} ${word}`];
    });
    const wasJudged = code === 0 || code === 1 || code === 2;
    judged.push({
      what,
      code,
      operations: Math.max(0, ...lines.map(({ operations }) => operations)),
      said: wasJudged ? words.join(', ') : err.trim(),
    });
  }
  return judged;
}

/** Faults that began and were not healed, by the nemesis' own notes. */
export function inForce(journal: string): readonly string[] {
  const now = new Map<number, string>();
  for (const line of journal.split('\n')) {
    if (!line.includes('"process":"nemesis"') || !line.endsWith('}')) continue;
    const { f, value } = JSON.parse(line) as { f: string; value: { do: string; id: number } }; // the nemesis' own
    if (value.do === 'inject') now.set(value.id, f);
    if (value.do === 'heal') now.delete(value.id);
  }
  return [...now.values()];
}
