/**
 * What is on this machine that a cluster of containers consists of, one line each, and which lines are of one run: those that
 * carry its name, the ids of its containers and its network, its subnet, or the folder that it works in. So other work on the same
 * machine is told apart.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import type { Engine } from '../../harness/environments/docker/engine.ts';
import { labels } from '../../harness/environments/docker/owner.ts';

export interface Line {
  readonly kind: string;
  readonly text: string;
}

const CGROUPS = '/sys/fs/cgroup';
const SHORT_ID = 12;
/** Rules of ours that faults make. */
export const FAULTS = /-A TM-\S+ .*-j (?:DROP|NFQUEUE)/;

/** Everything, whoever it belongs to. `temporary`: the folder that a run's TMPDIR is. */
export async function listing(engine: Engine, temporary: string): Promise<readonly Line[]> {
  return [
    ...(await objects(engine)),
    ...of('interface', said('ip', '-o', 'link')),
    ...of('rule of the host', said('iptables-save')).filter(({ text }) => text.startsWith('-A')),
    ...of('mount', readFileSync('/proc/self/mountinfo', 'utf8')),
    ...cgroups(),
    ...processes(),
    ...(existsSync(temporary) ? readdirSync(temporary) : []).map((name) => ({
      kind: 'temporary file',
      text: join(temporary, name),
    })),
  ];
}

/** Rules of ours in the namespaces of the run's containers, while these live; from this machine's own processes only. */
export async function rulesWithin(engine: Engine, run: string): Promise<readonly Line[]> {
  const lines = await Promise.all(
    (await containersOf(engine, run)).map(async (id) => {
      const { State } = await engine.docker.getContainer(id).inspect();
      return State.Running ? said('nsenter', `--net=/proc/${State.Pid}/ns/net`, 'iptables-save') : '';
    }),
  );
  // Chains are there from the beginning, and a rule that lets pass what is shaped already; what drops or delays is a fault's.
  return lines.flatMap((text) => of('rule of a node', text)).filter(({ text }) => FAULTS.test(text));
}

/** What a run's own things are called; learnt while they are there, since what is left may name them in no other way. */
export class Marks {
  readonly #all: Set<string>;

  constructor(folder: string) {
    this.#all = new Set([folder]);
  }

  async learn(engine: Engine, run: string): Promise<void> {
    this.#all.add(run);
    const filters = { label: [`${labels.run}=${run}`] };
    for (const { Id, IPAM } of await engine.docker.listNetworks({ filters })) {
      this.#all.add(Id.slice(0, SHORT_ID));
      for (const { Subnet } of IPAM?.Config ?? []) if (Subnet !== undefined) this.#all.add(Subnet);
    }
    for (const id of await containersOf(engine, run)) {
      if (this.#all.has(id)) continue;
      try {
        const { GraphDriver, NetworkSettings } = await engine.docker.getContainer(id).inspect();
        this.#all.add(id);
        const { MergedDir } = GraphDriver.Data as { readonly MergedDir?: string }; // overlay2's; typed as devicemapper's
        for (const path of [MergedDir, NetworkSettings.SandboxKey])
          if (path !== undefined && path !== '') this.#all.add(path);
      } catch {
        // It is gone by now.
      }
    }
  }

  of(lines: readonly Line[]): readonly Line[] {
    return lines.filter(({ text }) => [...this.#all].some((mark) => text.includes(mark)));
  }
}

/** `3 containers, 1 network`; `nothing`. */
export function counted(lines: readonly Line[]): string {
  const kinds = [...new Set(lines.map(({ kind }) => kind))];
  const counts = kinds.map((kind) => {
    const n = lines.filter((line) => line.kind === kind).length;
    return `${n} ${n === 1 ? kind : plural(kind)}`;
  });
  return counts.length === 0 ? 'nothing' : counts.join(', ');
}

function plural(kind: string): string {
  const [first, ...rest] = kind.split(' of ');
  const many = new Map([
    ['process', 'processes'],
    ['entry', 'entries'],
  ]);
  return [many.get(first) ?? `${first}s`, ...rest].join(' of ');
}

async function containersOf(engine: Engine, run: string): Promise<readonly string[]> {
  const filters = { label: [`${labels.run}=${run}`] };
  return (await engine.docker.listContainers({ all: true, filters })).map(({ Id }) => Id);
}

async function objects(engine: Engine): Promise<readonly Line[]> {
  const { docker } = engine;
  const filters = { label: [labels.run] };
  const [containers, { Volumes }, networks] = await Promise.all([
    docker.listContainers({ all: true, filters }),
    docker.listVolumes({ filters }),
    docker.listNetworks({ filters }),
  ]);
  return [
    ...containers.map(({ Id, Names, State }) => ({ kind: 'container', text: `${Names[0]} ${Id} ${State}` })),
    ...(Volumes ?? []).map(({ Name }) => ({ kind: 'volume', text: Name })),
    ...networks.map(({ Id, Name }) => ({ kind: 'network', text: `${Name} ${Id}` })),
  ];
}

function of(kind: string, text: string): readonly Line[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => ({ kind, text: line }));
}

/** A container's folder in each hierarchy, which holds its limits. */
function cgroups(): readonly Line[] {
  const roots = ['', ...names(CGROUPS)].flatMap((name) => [join(CGROUPS, name, 'docker'), join(CGROUPS, name)]);
  const found = roots.flatMap((root) => names(root).map((name) => join(root, name)));
  return [...new Set(found)]
    .filter((path) => /[0-9a-f]{64}/.test(path))
    .map((text) => ({ kind: 'control group', text }));
}

function names(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return []; // a file, or gone
  }
}

function processes(): readonly Line[] {
  return names('/proc').flatMap((pid) => {
    if (!/^\d+$/.test(pid) || Number(pid) === process.pid) return [];
    try {
      const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
      const where = readFileSync(`/proc/${pid}/cgroup`, 'utf8').replaceAll('\n', ' ');
      return [{ kind: 'process', text: `${pid} ${command} in ${readlinkSync(`/proc/${pid}/cwd`)} ${where}` }];
    } catch {
      return []; // it has ended, or is the kernel's
    }
  });
}

function said(program: string, ...args: readonly string[]): string {
  try {
    return execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'], timeout: 10_000 });
  } catch {
    return ''; // it is not here, or the process that it was to look at has ended
  }
}
