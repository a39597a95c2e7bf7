/**
 * `kill -9` of the harness at seeded random moments of real runs: while it deploys, drives, disturbs, heals, judges, tears down.
 * What is left is listed, `tidemark cleanup` or the next run removes it, and nothing may be left then: no container, network, volume,
 * interface, rule, mount, control group, process, temporary file. Every journal, as it was left and once more torn, is judged
 * by `tidemark check`. Prints a line a round and a summary; a round of which something stayed, or whose journal was
 * not judged, ends it with 1.
 *
 *   npm run kills [-- --env docker|ssh] [--runs 30] [--seed 1] [--nodes 3] [--seconds 8] [--json]
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BadInput, unknownName } from '../../harness/errors.ts';
import { loadEnvironments, loadFaults } from '../../harness/plugins.ts';
import { realClock, SECOND } from '../../history/clock.ts';
import { Random } from '../../history/random.ts';
import type { Fault } from '../../nemesis/fault.ts';
import { argumentsOf, orEnd } from '../arguments.ts';
import { dockerGround, type Ground } from './ground.ts';
import { counted } from './listing.ts';
import { drawMoments, dueOf, type Mark, marks, type Moment, type Timeline } from './moments.ts';
import { judge, kill, type Killed, learning, type Judged, type Lot, remove, type Removed } from './round.ts';
import { Subject } from './subject.ts';
import { sshGround } from './ssh-ground.ts';

const WARM_NS = 300 * SECOND;
/** Of a run's time; see harness/run.ts. */
const FAULTS_SHARE = 9 / 12;
const FAULTS_A_RUN = 6;
const RATE = 120;
const TRIES = 3;

const given = argumentsOf({
  env: 'text',
  runs: 'count',
  seed: 'count',
  nodes: 'count',
  seconds: 'count',
  json: 'flag',
});
const { env = 'docker', runs = 30, seed = 1, nodes = 3, seconds = 8, json } = given;
orEnd(() => {
  if (env !== 'docker' && env !== 'ssh')
    throw unknownName('environment that can be killed here', env, ['docker', 'ssh']);
});

const clock = realClock();
const folder = mkdtempSync(join(tmpdir(), 'tm-kills-'));
const temporary = join(folder, 't');
mkdirSync(temporary);
const surroundings = {
  cwd: folder,
  env: { ...process.env, TMPDIR: temporary, NO_COLOR: '1', CI: '1', TIDEMARK_DATABASE_URL: undefined },
};
const random = new Random(`kills/${seed}`);
const faults = await machineFaults();
let ground: Ground | undefined;
let code = 0;
try {
  ground = await (env === 'ssh' ? sshGround(nodes, folder, temporary) : dockerGround(folder, temporary));
  code = await all({ clock, ground, surroundings, random: random.fork('torn') });
} catch (error) {
  if (!(error instanceof BadInput)) throw error;
  console.error(error.message);
  code = 254;
} finally {
  await ground?.remove();
  rmSync(folder, { recursive: true, force: true });
}
process.exit(code);

async function all(lot: Lot): Promise<number> {
  const before = await lot.ground.all();
  if (json !== true) console.log(`before: ${counted(before)} on this machine, of others too`);
  const timeline = await undisturbed(lot);
  const draw = random.fork('faults');
  const tally = {
    wrong: 0,
    removed: { cleanup: 0, 'the next run': 0 },
    judged: new Map<string, number>(),
    unbegun: 0,
    missed: 0,
    torn: 0,
  };
  for (const [i, moment] of drawMoments(runs, random.fork('moments')).entries()) {
    const by = i % 2 === 0 ? 'cleanup' : 'the next run';
    const agentsToo = lot.ground.killAgents !== undefined && i % 4 < 2;
    const names = draw.shuffle([...faults]).slice(0, FAULTS_A_RUN);
    const due = dueOf(moment, timeline, faultsNs());
    let killed = await kill(runOf(seed + i, names), moment, due, agentsToo, lot);
    // Ended by itself, for it went faster than expected, or the machine was too busy for an election.
    for (let tries = 1; killed.missed !== undefined && tries < TRIES; tries++)
      killed = await kill(runOf(seed + i, names), moment, due, agentsToo, lot);
    if (killed.missed !== undefined) tally.missed++;
    const removed = await remove(by, runOf(seed + i, [], 2), !agentsToo, lot);
    const judged = killed.run === undefined ? [] : await judge(join(folder, '.tidemark', 'runs', killed.run), lot);
    const wrong = wrongs(killed, removed, judged, agentsToo);
    tally.wrong += wrong.length === 0 ? 0 : 1;
    tally.removed[by]++;
    if (judged.length === 0) tally.unbegun++;
    for (const one of judged)
      tally.judged.set(`${one.what} ${one.code}`, (tally.judged.get(`${one.what} ${one.code}`) ?? 0) + 1);
    tell(i, moment, agentsToo, killed, removed, judged, wrong);
  }
  const codes = [...tally.judged].map(([what, n]) => `${n} × ${what.replace(' ', ' exit ')}`).sort();
  const after = lot.ground;
  const left = counted(await after.left());
  if (json === true) {
    console.log(
      JSON.stringify({
        schema: 1,
        type: 'kills',
        env,
        seed,
        rounds: runs,
        wrong: tally.wrong,
        removedBy: tally.removed,
        codes: Object.fromEntries(tally.judged),
        unbegun: tally.unbegun,
        missed: tally.missed,
        left,
      }),
    );
  } else {
    console.log(`after: ${counted(await after.all())} on this machine, of others too; of these runs: ${left}`);
    console.log(
      `${runs} kills, seed ${seed}: ${runs - tally.wrong} left nothing (${tally.removed.cleanup} after cleanup, ${tally.removed['the next run']} after the next run), ${tally.wrong} went wrong`,
    );
    console.log(
      `journals: ${codes.join(', ')}; ${tally.unbegun} runs had none yet; ${tally.missed} runs ended before their moment, three times`,
    );
  }
  return tally.wrong === 0 ? 0 : 1;
}

/** A run that nobody kills: how long each part of it takes here, and that it leaves nothing. */
async function undisturbed(lot: Lot): Promise<Timeline> {
  const seen = new Map<Mark, number>();
  const subject = new Subject(clock, runOf(seed, [...faults].slice(0, FAULTS_A_RUN)), surroundings);
  const learn = learning(subject, lot);
  const look = (): boolean => {
    for (const mark of marks) if (!seen.has(mark) && subject.has(mark)) seen.set(mark, subject.ns);
    return false;
  };
  await subject.until(look, WARM_NS, learn);
  subject.signal('SIGKILL'); // it has ended, unless it hangs
  const { code: ended, ns, err } = await subject.ended;
  seen.set('exit', ns);
  if ((ended !== 0 && ended !== 2) || marks.some((mark) => !seen.has(mark)))
    throw new Error(`a run that nobody killed ended with ${ended}, after ${[...seen.keys()].join(', ')}: ${err}`);
  const said = [...seen].map(([mark, at]) => `${mark} ${(at / SECOND).toFixed(1)} s`).join(', ');
  if (json !== true) console.log(`undisturbed: ${said}; exit ${ended}`);
  return seen;
}

function runOf(ofSeed: number, names: readonly string[], lasts: number = seconds): readonly string[] {
  const load = [
    '--rate',
    String(RATE),
    '--set',
    'sessions=24',
    '--write-path',
    'quorum-ack',
    '--read-path',
    'leader,follower',
  ];
  const what = ['--seed', String(ofSeed), '--nodes', String(nodes), '--duration', `${lasts}s`];
  return [
    'run',
    ...(ground?.flags ?? []),
    ...what,
    ...load,
    '--fault',
    names.length === 0 ? 'none' : names.join(),
    '--quiet',
  ];
}

function faultsNs(): number {
  return seconds * FAULTS_SHARE * SECOND;
}

function wrongs(killed: Killed, removed: Removed, judged: readonly Judged[], agentsToo: boolean): readonly string[] {
  const { by, done, endedNs, left } = removed;
  const bad: string[] = left.map(({ kind, text }) => `left: ${kind} ${text}`);
  const { missed } = killed;
  if (missed !== undefined && missed.code !== 0 && missed.code !== 2)
    bad.push(`the run itself ended with ${missed.code}: ${missed.err.trim()}`);
  if (endedNs === undefined && !agentsToo) bad.push('what it left did not end by itself');
  if (by === 'cleanup' ? done.code !== 0 : done.code !== 0 && done.code !== 2)
    bad.push(`${by} ended with ${done.code}: ${done.err.trim()}`);
  for (const { what, code: ended, said } of judged)
    if (ended !== 0 && ended !== 1 && ended !== 2) bad.push(`its ${what} was not judged: ${ended} ${said}`);
  if (judged.length === 0 && killed.mark !== undefined && killed.mark !== 'folder') bad.push('its journal is gone');
  return bad;
}

function tell(
  i: number,
  moment: Moment,
  agentsToo: boolean,
  killed: Killed,
  removed: Removed,
  judged: readonly Judged[],
  wrong: readonly string[],
): void {
  const { run, mark, inForce, ns, missed, within, left } = killed;
  if (json === true) {
    console.log(
      JSON.stringify({
        schema: 1,
        type: 'kill',
        round: i + 1,
        run,
        ...moment,
        agentsToo,
        mark,
        inForce,
        ns,
        missed,
        within: within?.length,
        left: left.map(({ kind }) => kind),
        removedBy: removed.by,
        removedNs: removed.done.ns,
        endedNs: removed.endedNs,
        judged,
        wrong,
      }),
    );
    return;
  }
  const s = (of: number): string => `${(of / SECOND).toFixed(1)} s`;
  const when = missed
    ? `ended before its moment with ${missed.code}`
    : `at ${s(ns)}, journal ${mark === undefined || mark === 'folder' ? 'not begun' : `in '${mark}'`}`;
  const parts = [
    `${String(i + 1).padStart(3)} ${moment.stage} ${Math.round(moment.share * 100)} %`,
    `${when}${agentsToo ? ', agents too' : ''}`,
    `in force ${inForce.length === 0 ? 'nothing' : inForce.join(', ')}${within === undefined ? '' : ` (${counted(within)})`}`,
    `left ${counted(left)}`,
    `${removed.endedNs === undefined ? 'did not end by itself' : `ended in ${s(removed.endedNs)}`}, ${removed.by} ${s(removed.done.ns)}`,
    judged.length === 0
      ? 'nothing recorded yet'
      : judged
          .map(({ what, code: ended, operations, said }) => `${what} ${operations} operations ${said} (${ended})`)
          .join(', '),
    wrong.length === 0 ? 'nothing left' : `WRONG: ${wrong.slice(0, 5).join('; ')}`,
  ];
  console.log(parts.join(' | '));
}

/** Faults of machines that the environment can do; what strikes members and epochs is the operator's. */
async function machineFaults(): Promise<readonly string[]> {
  const [environments, known] = await Promise.all([loadEnvironments(), loadFaults()]);
  const can: ReadonlySet<string> = new Set(environments.get(env)?.levers);
  const fits = ({ levers }: Fault): boolean => levers.length > 0 && levers.every((lever) => can.has(lever));
  return [...known.values()]
    .filter(fits)
    .map(({ name }) => name)
    .sort();
}
