/** The containers of a user's compose file, started for a run and removed after it; faults by the engine. */
import { connect } from 'node:net';
import { dirname } from 'node:path';
import type Docker from 'dockerode';
import { MILLISECOND, realClock, SECOND } from '../../../history/clock.ts';
import type { NodeId } from '../../../history/operation.ts';
import { newRunId } from '../../../results/files.ts';
import { BadInput } from '../../errors.ts';
import { Engine } from '../docker/engine.ts';
import { PROJECT_LABEL, projectName, removeProject } from '../docker/leftovers.ts';
import { GivenCluster } from '../endpoints/endpoints.ts';
import type { DeployOptions } from '../environment.ts';
import { compose, composeCommand } from './command.ts';
import { type ComposeFile, NODE_LABEL, PORT_LABEL } from './file.ts';
import { look, type Member, composeLevers } from './levers.ts';

const clock = realClock();
/** Images may have to be pulled or built. */
const UP_NS = 600 * SECOND;
const READY_NS = 120 * SECOND;
const DOWN_NS = 60 * SECOND;
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
        throw new BadInput(`--compose ${file.path}: ${error.message}.`, { cause: error });
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
    if (!State.Running)
      throw new BadInput(`--compose: the container of ${member.id} has ended with code ${State.ExitCode}.`);
    const health = State.Health?.Status;
    if (health === undefined || health === 'none') {
      if (await answers(member.address)) return;
      why = `nothing listens at ${member.address}`;
    } else if (health === 'healthy') return;
    else why = `its health is '${health}'`;
    await clock.sleepUntil(clock.now() + LOOK_AGAIN_NS);
  }
  throw new BadInput(`--compose: ${member.id} was not ready within ${READY_NS / SECOND} s: ${why}.`);
}

function answers(address: string): Promise<boolean> {
  const at = address.lastIndexOf(':');
  return new Promise((resolve) => {
    const socket = connect({ host: address.slice(0, at), port: Number(address.slice(at + 1)) });
    const cancel = clock.timer(clock.now() + SECOND, () => end(false));
    const end = (said: boolean): void => {
      cancel();
      socket.destroy();
      resolve(said);
    };
    socket.once('connect', () => end(true));
    socket.once('error', () => end(false));
  });
}
