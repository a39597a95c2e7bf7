/**
 * The first process of a node's container: starts the store, ends, stops and continues it by its pid, and changes what the
 * container hears, as the harness asks. It ends with the harness: when its stdin does.
 *
 * Faults need no `exec` so, which costs 50 ms each, no rights on the engine's host, and no second way for an engine that is
 * on another machine.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { MILLISECOND, realClock } from '../../../../history/clock.ts';
import { Random } from '../../../../history/random.ts';
import { damageLog } from '../../real/damage.ts';
import { NodeProcess, stateOf } from '../../real/node-process.ts';
import { asUser, openAside, performed } from './beside.ts';
import { ClientLinks } from './clients.ts';
import { Clocks, followsNot } from './clocks.ts';
import { Disk } from './disk.ts';
import { Links } from './links.ts';
import { type Machine, place, RUN_MARK } from './place.ts';
import { endFirst, pressed } from './pressure.ts';
import { Shaping } from './shaping.ts';
import { rulesAndQueues } from './tables.ts';
import { type Answered, type Answers, type Event, lines, type Numbered, type Program } from './protocol.ts';

const CONFIG = `${place.folder}/store.yaml`;

const clock = realClock();
const links = new Links();
const clientLinks = new ClientLinks();
const shaping = new Shaping();
const disk = new Disk();
const clocks = new Clocks();
/** All shims there are. */
const shimmed = {
  ...Disk.env,
  ...Clocks.env,
  LD_PRELOAD: [Disk.env, Clocks.env].flatMap((env) => env['LD_PRELOAD'] ?? []).join(':'),
};
let store: NodeProcess | undefined;
/** Once it has begun to end. */
let over: Promise<never> | undefined;
/** Pauses in force, of this life of the store. */
let pauses = { life: 0, n: 0 };

function say(message: Event | Answered): void {
  process.stdout.write(`${JSON.stringify(message)}\n`);
}

function start(program: Program): Answers['start'] {
  if (store === undefined) {
    mkdirSync(place.folder, { recursive: true });
    if (program.other === undefined) writeFileSync(CONFIG, program.config);
    const { other } = program;
    store = new NodeProcess({
      command: other === undefined ? program.command : asUser(program.command, other.user),
      ...(other !== undefined && { tree: true, stopSignal: other.stopSignal }),
      env: {
        ...process.env,
        ...place.machine?.env,
        ...shimmed,
        ...other?.env,
        ...(program.data !== undefined && { TM_IO_DATA: program.data }),
      },
      ended: ({ expected, reason, code }) => {
        const why = !expected && reason.startsWith('SIGKILL') && outOfMemory() ? 'its memory limit is used up' : reason;
        say({ event: 'ended', expected, reason: why, ...(code !== undefined && { code }) });
      },
    });
  }
  if (!store.up) disk.journal.unlock();
  if (program.other !== undefined && !store.up) prepareOther(program.other, program.data);
  store.start();
  if (store.pid !== undefined && place.machine === undefined) endFirst(store.pid);
  return { life: store.lives };
}

let user: string | undefined;

/** What a store that is not ours is started with, and the doors to it. */
function prepareOther(other: NonNullable<Program['other']>, data: string | undefined): void {
  ({ user } = other);
  for (const [path, text] of Object.entries(other.files)) {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }
  if (data !== undefined) {
    mkdirSync(data, { recursive: true });
    if (user !== undefined) execFileSync('chown', [`${user}:`, data]);
  }
  for (const { port, at } of other.aside) openAside(port, at);
}

/** Whether the kernel has ended a process of this container for want of memory. */
function outOfMemory(): boolean {
  for (const file of ['/sys/fs/cgroup/memory.events', '/sys/fs/cgroup/memory/memory.oom_control']) {
    try {
      return Number(/^oom_kill (\d+)$/m.exec(readFileSync(file, 'latin1'))?.[1] ?? 0) > 0;
    } catch {
      // The other version of cgroups.
    }
  }
  return false;
}

/** Nothing of what the store wrote is anywhere but in its files and, where it was not synced, in the journal. */
async function cutPower(data: string, seed: string): Promise<Answers['cut-power']> {
  const life = store?.lives ?? 0;
  disk.mustReach(store?.pid);
  const was = (await store?.kill()) ?? false;
  const lost = was ? disk.journal.lose(data, new Random(seed)) : { writes: 0, torn: 0, bytes: 0 };
  return { was, life, ...lost };
}

async function stop(withinNs: number): Promise<Answers['stop']> {
  const [was, life, from] = [store?.up ?? false, store?.lives ?? 0, clock.now()];
  await store?.stop(withinNs);
  return { was, life, ms: (clock.now() - from) / MILLISECOND };
}

async function pause(life: number): Promise<boolean> {
  const was = (await store?.pause()) ?? false;
  if (was) pauses = { life, n: pauses.life === life ? pauses.n + 1 : 1 };
  return was;
}

async function resume(life: number): Promise<boolean> {
  if (pauses.life !== life || pauses.n === 0) return false;
  pauses = { life, n: pauses.n - 1 };
  return pauses.n === 0 ? ((await store?.resume()) ?? false) : false;
}

async function perform(request: Numbered): Promise<Answers[keyof Answers]> {
  const life = store?.lives ?? 0;
  switch (request.do) {
    case 'start':
      return start(request.program);
    case 'kill':
      return { was: (await store?.kill()) ?? false, life };
    case 'stop':
      return stop(request.withinNs);
    case 'cut-power':
      return cutPower(request.data, request.seed);
    case 'pause':
      return { was: await pause(life), life };
    case 'resume':
      return { was: await resume(request.life) };
    case 'cut':
      return { dropped: await links.cut(request.sources) };
    case 'mend':
      return { dropped: await links.mend(request.sources) };
    case 'cut-clients':
      return { dropped: await clientLinks.change(request, 1) };
    case 'mend-clients':
      return { dropped: await clientLinks.change(request, -1) };
    case 'bend':
      return { travelled: await shaping.bend(request.addresses, request.shape) };
    case 'straighten':
      return { travelled: await shaping.straighten(request.addresses, request.shape) };
    case 'disk':
      return disk.set(request.number, request.fault, store?.pid);
    case 'pressure':
      return pressed();
    case 'perform':
      return performed(asUser(request.command, user), request.withinNs);
    case 'clock':
      return clocks.set(request.number, request.skew, store?.pid);
    case 'damage':
      return { kind: damageLog(request.data, new Random(request.seed))?.kind ?? 'nothing to damage' };
    case 'stand': {
      const pid = store?.pid;
      return {
        ...(pid !== undefined && { process: stateOf(pid) }),
        ...(await rulesAndQueues()),
        disk: disk.state,
        clock: clocks.state,
      };
    }
  }
}

async function answer(line: string): Promise<void> {
  const request = JSON.parse(line) as Numbered; // the harness's own word
  try {
    say({ id: request.id, ok: await perform(request) });
  } catch (error) {
    say({ id: request.id, error: error instanceof Error ? error.message : String(error) });
  }
}

/** `--can`: what faults this kernel lets us do, as one JSON object of reasons why not; then the end. */
async function can(): Promise<void> {
  await shaping.setUp();
  const shape = await shaping.whyNot();
  // What the reference store runs on.
  const clock = await followsNot('node', ['-p', 'Date.now()']);
  const lacking = { ...(shape !== undefined && { shape, throttle: shape }), ...(clock !== undefined && { clock }) };
  process.stdout.write(`${JSON.stringify(lacking)}\n`);
  process.exit(0);
}

async function serve(): Promise<void> {
  process.stdin.setEncoding('utf8');
  process.stdin.on(
    'data',
    lines((line) => void answer(line)),
  );
  process.stdin.on('end', end);
  process.stdin.on('error', end);
  if (place.machine?.rules !== false) {
    await links.setUp();
    await shaping.setUp();
  }
  if (place.machine !== undefined) listen(place.machine.silenceMs);
  say({ event: 'ready' });
}

/** Ends once nothing has come for so long: a line that broke in silence leaves a stdin that never ends. */
function listen(silenceMs: number): void {
  const again = (): (() => void) => clock.timer(clock.now() + silenceMs * MILLISECOND, end);
  let cancel = again();
  process.stdin.on('data', () => {
    cancel();
    cancel = again();
  });
}

/** In a container the store ends with its first process, and all else with the container. */
function end(): void {
  if (place.machine === undefined) process.exit(0);
  over ??= leave(place.machine);
}

/** Everything as it was before the agent came: each part even where another one fails. */
async function leave({ root, rules }: Machine): Promise<never> {
  await store?.kill();
  const gone = rules ? await Promise.allSettled([links.tearDown(), clientLinks.tearDown(), shaping.tearDown()]) : [];
  for (const one of gone) if (one.status === 'rejected') process.stderr.write(`agent: ${String(one.reason)}\n`);
  // Whoever wrote the place may have erred: only what was made for a run.
  if (existsSync(`${root}/${RUN_MARK}`)) {
    // The mark goes last, or half a folder would be nobody's to remove.
    const parts = readdirSync(root).filter((name) => name !== RUN_MARK);
    for (const part of [...parts, '.']) rmSync(join(root, part), { recursive: true, force: true });
    try {
      rmdirSync(dirname(root));
    } catch {
      // Others have runs there.
    }
  }
  process.exit(0);
}

process.stdout.on('error', end);
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, end);

await (process.argv.includes('--can') ? can() : serve());
