/** What is done to a cluster as a whole: brought up, looked at, handed over, hurt, ended. */
import { MILLISECOND, realClock, SECOND } from '../../history/clock.ts';
import { newRunId } from '../../results/files.ts';
import type { Io } from '../command.ts';
import { BadInput, type ExitCode, KEPT, UNDECIDED } from '../errors.ts';
import { freePorts } from '../ports.ts';
import { type Answered, switchOver, statusOf } from './admin.ts';
import { type Cluster, Home, type NodeHome } from './home.ts';
import { jsonOfStatus, leaderless, leaderOf, renderStatus, type Seen } from './table.ts';

const READY_NS = 30 * SECOND;
const STOP_NS = 20 * SECOND;
const KILL_NS = 5 * SECOND;
const SWITCHOVER_MS = 10_000;
const LOOK_NS = 50 * MILLISECOND;
const REGIONS = ['r1', 'r2', 'r3'] as const;

const clock = realClock();

export interface UpOptions {
  readonly nodes?: number;
  readonly learners?: number;
  readonly groups?: number;
  readonly settings: Readonly<Record<string, string>>;
}

export function homeOf(io: Io, name: string): Home {
  return new Home(io.cwd, name, clock);
}

/** Makes the cluster, or starts what is not up of one that is there; ends when every group is led and every node serves. */
export async function up(home: Home, options: UpOptions, io: Io, json: boolean): Promise<ExitCode> {
  const isNew = !home.exists;
  if (isNew) home.create(await newCluster(home.name, options));
  const cluster = home.read();
  if (!isNew) refuseChanges(cluster, options);
  if (!isNew && cluster.nodes.every((node) => home.isUp(node))) {
    throw new BadInput(`The cluster '${home.name}' is up already: 'tidemark cluster status' shows it.`);
  }
  try {
    await home.start(() => true);
    const seen = await untilReady(home);
    show(home, seen, io, json);
    if (verdictOf(cluster, seen) === KEPT) return KEPT;
    io.err(`tidemark: not every node serves after ${READY_NS / SECOND} s; the nodes' logs are in ${home.folder}\n`);
    return UNDECIDED;
  } catch (error) {
    // What never came up is not worth keeping, and would stand in the way of the next attempt.
    if (isNew && error instanceof BadInput) {
      await end(home, home.read().nodes, 'SIGKILL', KILL_NS);
      home.remove();
    }
    throw error;
  }
}

async function newCluster(
  name: string,
  { nodes = 3, learners = 0, groups = 1, settings }: UpOptions,
): Promise<Cluster> {
  const count = nodes + learners;
  const ports = await freePorts(2 * count);
  const homes = Array.from({ length: count }, (_, i): NodeHome => {
    return { node: `n${i + 1}`, region: REGIONS[i % REGIONS.length], client: ports[2 * i], admin: ports[2 * i + 1] };
  });
  return {
    schema: 1,
    name,
    id: `${name}-${newRunId().slice(-6)}`,
    groups,
    learners: homes.slice(nodes).map(({ node }) => node),
    settings,
    nodes: homes,
  };
}

/** What a cluster is does not change when it comes up again. */
function refuseChanges(cluster: Cluster, { nodes, learners, groups, settings }: UpOptions): void {
  const { length } = cluster.learners;
  const numbers = [
    ['nodes', nodes, cluster.nodes.length - length],
    ['learners', learners, length],
    ['groups', groups, cluster.groups],
  ] as const;
  const refuse = (asked: string, was: string): never => {
    throw new BadInput(
      `${asked}: the cluster '${cluster.name}' was made with ${was}; 'tidemark cluster down --purge' removes it, with its data.`,
    );
  };
  for (const [name, asked, was] of numbers) {
    if (asked !== undefined && asked !== was) refuse(`--${name} ${asked}`, String(was));
  }
  for (const [name, value] of Object.entries(settings)) {
    const was: string | undefined = cluster.settings[name];
    if (was !== value) refuse(`--set ${name}=${value}`, was === undefined ? 'no such setting' : was);
  }
}

/** Until every node serves and every group is led, or the time is over. Throws when a node has ended by itself. */
async function untilReady(home: Home): Promise<readonly Seen[]> {
  const deadline = clock.now() + READY_NS;
  for (;;) {
    const cluster = home.read();
    const seen = await look(home);
    const ended = seen.find(({ pid, status }) => pid === undefined && status === undefined);
    if (ended !== undefined) {
      const { node } = ended.home;
      throw new BadInput(`${node} ended at once: ${home.lastWords(node)}`);
    }
    const ready = verdictOf(cluster, seen) === KEPT;
    if (ready || clock.now() >= deadline) return seen;
    await clock.sleepUntil(clock.now() + LOOK_NS);
  }
}

/** Asks every node. */
export async function look(home: Home): Promise<readonly Seen[]> {
  return Promise.all(
    home.read().nodes.map(async (node): Promise<Seen> => {
      const pid = home.pidOf(node);
      // Whoever answers at the port of a node that is down is somebody else.
      const status = pid === undefined ? undefined : await statusOf(node, clock);
      return { home: node, pid, status: status?.node === node.node ? status : undefined };
    }),
  );
}

function show(home: Home, seen: readonly Seen[], io: Io, json: boolean): void {
  const cluster = home.read();
  if (json) io.out(`${JSON.stringify(jsonOfStatus(cluster, seen))}\n`);
  else io.out(`${renderStatus(cluster, seen, io.colour.out).join('\n')}\n`);
}

export async function status(home: Home, io: Io, json: boolean): Promise<ExitCode> {
  const seen = await look(home);
  show(home, seen, io, json);
  return verdictOf(home.read(), seen);
}

function verdictOf(cluster: Cluster, seen: readonly Seen[]): ExitCode {
  return leaderless(cluster, seen).length === 0 && seen.every((one) => one.status?.serving === true) ? KEPT : UNDECIDED;
}

/** Shows it again and again, until it is interrupted or nobody reads any more. */
export async function watch(home: Home, io: Io, json: boolean, everyMs: number): Promise<ExitCode> {
  let over = false;
  let wake = (): void => undefined;
  const stop = (): void => {
    over = true;
    wake();
  };
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
  process.stdout.on('error', stop);
  try {
    for (;;) {
      const from = clock.now();
      const seen = await look(home);
      // In a terminal from its upper left corner, clearing what was there.
      if (io.terminal.out && !json) io.out('\u001b[H\u001b[J');
      show(home, seen, io, json);
      await io.drained();
      if (over) return KEPT;
      await new Promise<void>((resolve) => {
        const cancel = clock.timer(from + everyMs * MILLISECOND, resolve);
        wake = () => {
          cancel();
          resolve();
        };
      });
      if (over) return KEPT;
    }
  } finally {
    process.off('SIGINT', stop);
    process.off('SIGTERM', stop);
    process.stdout.off('error', stop);
  }
}

export interface SwitchoverOptions {
  readonly to?: string;
  readonly group?: string;
}

/** Has the leader of each group hand over, one group after another. */
export async function switchover(
  home: Home,
  { to, group }: SwitchoverOptions,
  io: Io,
  json: boolean,
): Promise<ExitCode> {
  const cluster = home.read();
  if (to !== undefined) home.node(to);
  const names = Array.from({ length: cluster.groups }, (_, i) => `g${i}`);
  if (group !== undefined && !names.includes(group)) {
    throw new BadInput(`There is no group '${group}': there are ${names.join(', ')}.`);
  }
  let code: ExitCode = KEPT;
  for (const one of group === undefined ? names : [group]) {
    const told = await handOver(home, one, to);
    if (json) io.out(`${JSON.stringify({ schema: 1, type: 'switchover', ...told })}\n`);
    else io.out(`${sentenceOf(told)}\n`);
    if (told.outcome !== 'done') code = UNDECIDED;
  }
  return code;
}

interface HandOver {
  readonly group: string;
  readonly outcome: 'done' | 'refused' | 'unknown';
  readonly from: string | null;
  readonly to: string | null;
  readonly ms: number;
  readonly reason?: string;
}

async function handOver(home: Home, group: string, to: string | undefined): Promise<HandOver> {
  const before = leaderOf(group, await look(home))?.home;
  const from = clock.now();
  const ms = (): number => Math.round((clock.now() - from) / MILLISECOND);
  if (before === undefined) return { group, outcome: 'refused', from: null, to: null, ms: 0, reason: 'nobody leads' };
  if (before.node === to) return { group, outcome: 'done', from: to, to, ms: 0, reason: 'it leads already' };
  const answer = await switchOver(before, { group, ...(to !== undefined && { to }) }, clock, SWITCHOVER_MS);
  const base = { group, from: before.node, ...reasonOf(answer) };
  if (answer.type !== 'done') return { ...base, outcome: answer.type, to: null, ms: ms() };
  // The old leader's word is that it has handed over; who took over says so itself.
  for (;;) {
    const after = leaderOf(group, await look(home))?.home.node;
    if (after !== undefined && after !== before.node) return { ...base, outcome: 'done', to: after, ms: ms() };
    if (ms() >= SWITCHOVER_MS)
      return { ...base, outcome: 'unknown', to: null, ms: ms(), reason: 'nobody has taken over' };
    await clock.sleepUntil(clock.now() + LOOK_NS);
  }
}

function reasonOf({ code, reason }: Answered): Pick<HandOver, 'reason'> {
  const told = code === undefined ? reason : reason === undefined ? code : `${code}: ${reason}`;
  return told === undefined ? {} : { reason: told };
}

function sentenceOf({ group, outcome, from, to, ms, reason }: HandOver): string {
  const why = reason === undefined ? '' : `: ${reason}`;
  switch (outcome) {
    case 'done':
      return from === to ? `${group}: ${String(to)}${why}` : `${group}: ${String(from)} -> ${String(to)} in ${ms} ms`;
    case 'refused':
      return `${group}: refused${why}`;
    case 'unknown':
      return `${group}: nobody knows whether ${String(from)} has handed over${why}`;
  }
}

export async function kill(home: Home, name: string, io: Io): Promise<ExitCode> {
  const node = home.node(name);
  if (!home.isUp(node)) throw new BadInput(`${name} is not up: 'tidemark cluster start ${name}' starts it.`);
  await end(home, [node], 'SIGKILL', KILL_NS);
  io.out(`${name} killed\n`);
  return KEPT;
}

export async function start(home: Home, name: string, io: Io): Promise<ExitCode> {
  home.node(name);
  const started = await home.start((node) => node === name);
  if (started.length === 0) throw new BadInput(`${name} is up already.`);
  const deadline = clock.now() + READY_NS;
  for (;;) {
    const node = home.node(name);
    if (!home.isUp(node)) throw new BadInput(`${name} ended at once: ${home.lastWords(name)}`);
    if ((await statusOf(node, clock)) !== undefined) break;
    if (clock.now() >= deadline) {
      io.err(`tidemark: ${name} was started, and has not answered within ${READY_NS / SECOND} s\n`);
      return UNDECIDED;
    }
    await clock.sleepUntil(clock.now() + LOOK_NS);
  }
  io.out(`${name} started\n`);
  return KEPT;
}

/** Ends every node as asked, leaders handing over; `purge` removes the cluster with its data. */
export async function down(home: Home, purge: boolean, io: Io): Promise<ExitCode> {
  const { nodes } = home.read();
  const left = await end(home, nodes, 'SIGTERM', STOP_NS);
  if (left.length > 0) await end(home, left, 'SIGKILL', KILL_NS);
  if (purge) home.remove();
  io.out(`${home.name} is down${purge ? ', and its data gone' : `; its data is in ${home.folder}`}\n`);
  return KEPT;
}

/** Returns those that were still there when the time was over. */
async function end(
  home: Home,
  nodes: readonly NodeHome[],
  signal: 'SIGTERM' | 'SIGKILL',
  withinNs: number,
): Promise<readonly NodeHome[]> {
  const deadline = clock.now() + withinNs;
  for (const node of nodes) home.signal(node, signal);
  for (;;) {
    const left = nodes.filter((node) => home.isUp(node));
    if (left.length === 0 || clock.now() >= deadline) return left;
    await clock.sleepUntil(clock.now() + LOOK_NS);
  }
}
