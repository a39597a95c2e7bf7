/** The containers of a user's compose file, started for a run and removed after it; faults by the engine. */
import { dirname } from 'node:path';
import type Docker from 'dockerode';
import { printable } from '../../../checkers/explain/labels.ts';
import { MILLISECOND, millisecondsOf, realClock, SECOND } from '../../../history/clock.ts';
import type { NodeId } from '../../../history/operation.ts';
import { newRunId } from '../../../results/files.ts';
import { BadInput, closed } from '../../errors.ts';
import { Engine } from '../docker/engine.ts';
import { PROJECT_LABEL, projectName, removeProject } from '../docker/leftovers.ts';
import { GivenCluster } from '../endpoints/endpoints.ts';
import type { DeployOptions } from '../environment.ts';
import { lastLinesOf } from '../real/last-words.ts';
import { compose, composeCommand } from './command.ts';
import { type ComposeFile, NODE_LABEL, PORT_LABEL } from './file.ts';
import { composeLevers, look, type Member } from './levers.ts';
import { answers } from './port.ts';

const clock = realClock();
/** Images may have to be pulled or built. */
const UP_NS = 600 * SECOND;
const READY_NS = 120 * SECOND;
const DOWN_NS = 60 * SECOND;
const LOG_LINES = 40;
const LOOK_AGAIN_NS = 100 * MILLISECOND;

interface Project {
  readonly engine: Engine;
  remove(): Promise<void>;
}

export class ComposeCluster extends GivenCluster {
  readonly #project: Project;
  readonly #members: ReadonlyMap<NodeId, Member>;

  static async deploy(file: ComposeFile, options: DeployOptions): Promise<ComposeCluster> {
    const engine = await Engine.reach();
    const command = await composeCommand();
    const run = options.run?.id ?? newRunId();
    const name = projectName(run);
    const base = ['--project-name', name, '--project-directory', dirname(file.path), '--file', file.path];
    const project: Project = {
      engine,
      remove: async () => {
        try {
          await compose(command, [...base, 'down', '--volumes', '--timeout', '0'], DOWN_NS);
        } catch (error) {
          const failures = await removeProject(engine, name);
          if (failures.length > 0) throw error;
        }
      },
    };
    try {
      await compose(command, [...base, 'up', '--detach'], UP_NS).catch((error: Error) => {
        throw new BadInput(closed(`--compose ${file.path}: ${error.message}`), { cause: error });
      });
      const members = await Promise.all(file.nodes.map((node) => found(engine, name, node)));
      await Promise.all(members.map((member) => ready(engine, member)));
      return new ComposeCluster(project, members, options);
    } catch (error) {
      await project.remove().catch(() => undefined); // the first error says what matters; the next start finds what is left
      throw error;
    }
  }

  private constructor(project: Project, members: readonly Member[], options: DeployOptions) {
    const byId = new Map(members.map((member) => [member.id, member]));
    super(
      new Map(members.map(({ id, address }) => [id, address])),
      (told) =>
        composeLevers(project.engine, members, told, {
          addressIn: (looked, { id, port }) => addressIn(project.engine, looked, port, id),
          ready: (member, isAwaited) => ready(project.engine, member, isAwaited),
        }),
      options,
    );
    this.#project = project;
    this.#members = byId;
  }

  lastLines(node: NodeId): Promise<readonly string[]> {
    const member = this.#members.get(node);
    return member === undefined ? Promise.resolve([]) : lastLines(this.#project.engine, member);
  }

  async lingering(): Promise<readonly string[]> {
    const said = await Promise.all(
      [...this.#members.values()].map(async (member) => {
        try {
          const { State } = await look(this.#project.engine, member);
          if (State.Paused) return [`${member.id} was not healed: its container is paused`];
          return State.Running ? [] : [`${member.id} was not healed: its container has ended`];
        } catch (error) {
          return [`nobody knows whether ${member.id} was healed: ${(error as Error).message}`];
        }
      }),
    );
    return said.flat();
  }

  override async destroy(): Promise<void> {
    await super.destroy();
    await this.#project.remove();
  }
}

async function found(engine: Engine, project: string, node: NodeId): Promise<Member> {
  const filters = { label: [`${PROJECT_LABEL}=${project}`, `${NODE_LABEL}=${node}`] };
  const all = await engine.ask('listing containers', (abortSignal) =>
    engine.docker.listContainers({ all: true, filters, abortSignal }),
  );
  const [one, another] = all;
  if (one === undefined || another !== undefined)
    throw new BadInput(`--compose: ${all.length} containers came up for ${node}, and one is needed.`);
  const container = engine.docker.getContainer(one.Id);
  const port = Number(one.Labels[PORT_LABEL]);
  const looked = await engine.ask(`looking at ${node}`, (abortSignal) => container.inspect({ abortSignal }));
  return { id: node, container, port, address: addressIn(engine, looked, port, node) };
}

/** Where the file publishes the port, there; otherwise its own address, where that can be reached. */
function addressIn(engine: Engine, looked: Docker.ContainerInspectInfo, port: number, node: NodeId): string {
  const { Ports, Networks } = looked.NetworkSettings;
  const published = Ports[`${port}/tcp`]?.[0]?.HostPort;
  if (published !== undefined && published !== '') return `${engine.host}:${published}`;
  const address = Object.values(Networks)
    .map(({ IPAddress }) => IPAddress)
    .find((one) => one !== '');
  if (!engine.isHere || address === undefined)
    throw new BadInput(`--compose: the port ${port} of ${node} cannot be reached from here: publish it (ports:).`);
  return `${address}:${port}`;
}

/** Healthy, where its image or the file says how that is found out; otherwise its port answers. */
async function ready(engine: Engine, member: Member, isAwaited = (): boolean => true): Promise<void> {
  const deadline = clock.now() + READY_NS;
  let why = 'nothing is known of it';
  while (clock.now() < deadline) {
    if (!isAwaited()) return;
    const { State } = await look(engine, member);
    if (!State.Running) {
      const after = ((millisecondsOf(State.FinishedAt) - millisecondsOf(State.StartedAt)) / 1000).toFixed(1);
      const ended = `--compose: the container of ${member.id} has ended with code ${State.ExitCode} after ${after} s`;
      throw new BadInput(await withLastLines(engine, member, ended));
    }
    const health = State.Health?.Status;
    if (health === undefined || health === 'none') {
      if (await answers(member.address)) return;
      why = `nothing listens at ${member.address}`;
    } else if (health === 'healthy') return;
    else why = `its health is '${health}'`;
    await clock.sleepUntil(clock.now() + LOOK_AGAIN_NS);
  }
  const late = `--compose: ${member.id} was not ready within ${READY_NS / SECOND} s: ${why}`;
  throw new BadInput(await withLastLines(engine, member, late));
}

async function withLastLines(engine: Engine, member: Member, sentence: string): Promise<string> {
  const lines = await lastLines(engine, member).catch((error: Error) => [error.message]);
  return lines.length === 0
    ? `${sentence}; it wrote nothing.`
    : [`${sentence}. It wrote last:`, ...lines.map((line) => `  ${printable(line)}`)].join('\n');
}

async function lastLines(
  engine: Engine,
  { id, container }: Pick<Member, 'id' | 'container'>,
): Promise<readonly string[]> {
  const options = { stdout: true, stderr: true, tail: LOG_LINES, follow: false } as const;
  const [{ Config }, log] = await engine.ask(`reading the log of ${id}`, (abortSignal) =>
    Promise.all([container.inspect({ abortSignal }), container.logs({ ...options, abortSignal })]),
  );
  return lastLinesOf(Config.Tty ? log.toString('utf8') : unframed(log));
}

/** Without a terminal, what a container wrote comes in frames of eight bytes, which end in the length, and the text. */
function unframed(log: Buffer): string {
  const texts: string[] = [];
  for (let at = 0; at + 8 <= log.length; ) {
    const end = at + 8 + log.readUInt32BE(at + 4);
    texts.push(log.toString('utf8', at + 8, end));
    at = end;
  }
  return texts.join('');
}
