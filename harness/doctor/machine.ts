/** What this machine and its engine have: each part in one line, and what to install where it is not there. */
import { execFile } from 'node:child_process';
import { accessSync, constants, existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { release } from 'node:os';
import { dirname, join } from 'node:path';
import type { Lever } from '../../nemesis/fault.ts';
import { lacking } from '../environments/docker/abilities.ts';
import type { Engine } from '../environments/docker/engine.ts';
import { asset } from '../entry.ts';
import { databaseCheck } from './database.ts';
import { runOnce } from './run-once.ts';

/** `not needed`: it is not there, and something of ours does its work. */
export type State = 'ok' | 'missing' | 'not needed';

export interface Check {
  readonly check: string;
  readonly state: State;
  readonly found: string;
  /** What to do where it is missing. */
  readonly install?: string;
}

const ASK_MS = 10_000;
const SHIMS = ['tm-net', 'tm-io.so', 'tm-clock.so'];

/** What an engine tells of itself, as far as it is asked for. */
interface Info {
  readonly ServerVersion: string;
  readonly KernelVersion: string;
  readonly OperatingSystem: string;
  readonly Architecture: string;
  readonly CgroupVersion?: string;
  readonly CgroupDriver?: string;
  readonly CpuCfsQuota: boolean;
  readonly MemoryLimit: boolean;
  readonly SecurityOptions?: readonly string[];
  readonly NCPU: number;
}

/** Without an engine. */
export async function machineChecks(database: string | undefined): Promise<readonly Check[]> {
  return [kernel(undefined), loopDevices(undefined), await sshClient(), sshLibrary(), await databaseCheck(database)];
}

export function noEngine(why: string): Check {
  return {
    check: 'Docker engine',
    state: 'missing',
    found: why.replace(/\.$/, ''),
    install: 'apt-get install docker.io, and add this user to the group docker; or set DOCKER_HOST',
  };
}

/** `made`: what had to be made for it. */
export async function engineChecks(
  engine: Engine,
  image: string,
  made: readonly string[],
  database: string | undefined,
): Promise<{ readonly checks: readonly Check[]; readonly lacks: ReadonlyMap<Lever, string> }> {
  const info = (await engine.ask('asking it for what it is', () => engine.docker.info())) as Info; // as it documents it
  const lacks = await lacking(engine, image);
  const rootless = (info.SecurityOptions ?? []).some((option) => option.includes('rootless'));
  const tries = await inContainer(engine, image);
  const checks: Check[] = [
    {
      check: 'Docker engine',
      state: 'ok',
      found: `${info.ServerVersion} at ${engine.address}, ${rootless ? 'rootless' : 'as root'}, ${info.NCPU} processors`,
    },
    { check: 'images', state: 'ok', found: `${image}, ${made.length === 0 ? 'there already' : 'made now'}` },
    kernel(info),
    cgroups(info),
    netem(tries),
    nfqueue(lacks.get('shape')),
    ...shims(tries, lacks.get('clock')),
    faketime(tries),
    loopDevices(engine),
    await sshClient(),
    sshLibrary(),
    await databaseCheck(database),
  ];
  return { checks, lacks };
}

function kernel(info: Info | undefined): Check {
  const here = `${process.platform} ${release()}`;
  const found = info === undefined ? here : `${info.KernelVersion}, ${info.Architecture}, ${info.OperatingSystem}`;
  return { check: 'kernel', state: 'ok', found };
}

function cgroups({ CgroupVersion = '1', CgroupDriver = '?', CpuCfsQuota, MemoryLimit }: Info): Check {
  const lacks = [...(CpuCfsQuota ? [] : ['cpu quota']), ...(MemoryLimit ? [] : ['memory limit'])];
  const found = `version ${CgroupVersion}, ${CgroupDriver}`;
  if (lacks.length === 0) return { check: 'cgroups', state: 'ok', found: `${found}, limits of processors and memory` };
  return {
    check: 'cgroups',
    state: 'missing',
    found: `${found}, no ${lacks.join(', no ')}`,
    install:
      'a kernel with CONFIG_CFS_BANDWIDTH and CONFIG_MEMCG (cgroup_enable=memory); rootless engines: delegate cpu and memory',
  };
}

interface Tries {
  readonly netem: string;
  readonly shims: readonly string[];
  readonly faketime: boolean;
}

/** Asked of a container as the nodes are, with a network of its own that is nobody else's. */
async function inContainer(engine: Engine, image: string): Promise<Tries> {
  const script = `
    out=$(tc qdisc add dev lo root netem delay 1ms 2>&1) && echo netem:ok || echo "netem:$out" | tr '\\n' ' '
    echo
    for shim in ${SHIMS.join(' ')}; do test -e /opt/shims/$shim && echo "shim:$shim"; done
    ls /usr/lib/*/faketime/libfaketime.so.1 >/dev/null 2>&1 && echo faketime:ok
    exit 0`;
  const lines = (await runOnce(engine, image, ['sh', '-c', script])).split('\n');
  const after = (mark: string): readonly string[] =>
    lines.filter((line) => line.startsWith(mark)).map((line) => line.slice(mark.length).trim());
  return { netem: after('netem:')[0] ?? '', shims: after('shim:'), faketime: after('faketime:').length > 0 };
}

function netem({ netem: said }: Tries): Check {
  if (said === 'ok') return { check: 'netem', state: 'ok', found: 'in the kernel; not used, tm-net does its work' };
  return { check: 'netem', state: 'not needed', found: `not in this kernel (${said}); tm-net does its work` };
}

function nfqueue(why: string | undefined): Check {
  if (why === undefined) return { check: 'NFQUEUE', state: 'ok', found: 'packets can be queued to tm-net' };
  return {
    check: 'NFQUEUE',
    state: 'missing',
    found: why,
    install:
      "on the engine's host: modprobe nfnetlink_queue xt_NFQUEUE, or a kernel with CONFIG_NETFILTER_NETLINK_QUEUE",
  };
}

function shims({ shims: there }: Tries, whyNoClock: string | undefined): readonly Check[] {
  return SHIMS.map((name): Check => {
    const check = `shim ${name}`;
    const install = 'tidemark cleanup --images, and run again: it is made with the images';
    if (!there.includes(name)) return { check, state: 'missing', found: 'not in the image', install };
    if (name === 'tm-clock.so' && whyNoClock !== undefined)
      return { check, state: 'missing', found: whyNoClock, install: 'a Node that is linked dynamically' };
    return { check, state: 'ok', found: name === 'tm-clock.so' ? 'in the image; Node follows it' : 'in the image' };
  });
}

function faketime({ faketime: there }: Tries): Check {
  if (there) return { check: 'faketime', state: 'ok', found: 'in the image; not used, tm-clock.so does its work' };
  return { check: 'faketime', state: 'not needed', found: 'not in the image; tm-clock.so does its work' };
}

/** `engine`: whose host has to have them. */
function loopDevices(engine: Engine | undefined): Check {
  const check = 'loop devices';
  if (engine !== undefined && !engine.isHere)
    return { check, state: 'not needed', found: 'the engine is elsewhere; tm-io.so does their work' };
  try {
    accessSync('/dev/loop-control', constants.R_OK | constants.W_OK);
    return { check, state: 'ok', found: '/dev/loop-control; not used, tm-io.so does their work' };
  } catch {
    return { check, state: 'not needed', found: 'not for this user; tm-io.so does their work' };
  }
}

async function sshClient(): Promise<Check> {
  const said = await new Promise<string | undefined>((resolve) => {
    execFile('ssh', ['-V'], { timeout: ASK_MS }, (error, stdout, stderr) =>
      resolve(error === null ? `${stdout}${stderr}`.trim() : undefined),
    );
  });
  if (said !== undefined) return { check: 'ssh client', state: 'ok', found: said };
  return {
    check: 'ssh client',
    state: 'not needed',
    found: 'no ssh on PATH; --env ssh brings its own',
    install: 'apt-get install openssh-client, to look at machines by hand',
  };
}

function sshLibrary(): Check {
  const version = packageVersion('ssh2');
  if (version !== undefined) return { check: 'ssh library', state: 'ok', found: `ssh2 ${version}` };
  return { check: 'ssh library', state: 'missing', found: 'the package ssh2 is not installed', install: 'npm install' };
}

/** Undefined: it is not installed. */
function packageVersion(name: string): string | undefined {
  const { resolve } = createRequire(asset('package.json'));
  let folder: string;
  try {
    folder = dirname(resolve(name));
  } catch {
    return undefined;
  }
  for (; folder !== dirname(folder); folder = dirname(folder)) {
    const file = join(folder, 'package.json');
    if (!existsSync(file)) continue;
    const said = JSON.parse(readFileSync(file, 'utf8')) as { readonly name?: string; readonly version?: string }; // npm has read it
    if (said.name === name) return said.version;
  }
  return undefined;
}
