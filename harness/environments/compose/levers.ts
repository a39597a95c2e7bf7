/** What the engine does to containers that somebody else describes: kill, stop and pause, also where two of them meet on one node. */
import type Docker from 'dockerode';
import { MILLISECOND, realClock, SECOND } from '../../../history/clock.ts';
import type { NodeId } from '../../../history/operation.ts';
import type { Effect, Injection, Levers } from '../../../nemesis/fault.ts';
import { all } from '../docker/controlled.ts';
import type { Engine } from '../docker/engine.ts';
import type { Told } from '../endpoints/endpoints.ts';
import { injection } from '../real/injection.ts';

const clock = realClock();
/** The engine has answered, and what it did is to be seen. */
const SEEN_NS = 10 * SECOND;
const LOOK_AGAIN_NS = 20 * MILLISECOND;
/** SIGTERM, and so long for what it brings about. */
const STOP_S = 10;

/** A node as it was found when all were up. */
export interface Member {
  readonly id: NodeId;
  readonly container: Pick<Docker.Container, 'inspect' | 'logs' | 'start' | 'kill' | 'stop' | 'pause' | 'unpause'>;
  readonly port: number;
  readonly address: string;
}

/** The part of an engine that is asked. */
export type Asked = Pick<Engine, 'ask'>;

/** What the cluster knows of its containers. */
export interface Ways {
  readonly addressIn: (looked: Docker.ContainerInspectInfo, member: Member) => string;
  /** Resolves once it can be used, or nobody waits for that any more. */
  readonly ready: (member: Member, isAwaited: () => boolean) => Promise<void>;
}

type State = Docker.ContainerInspectInfo['State'];

export function look(engine: Asked, { id, container }: Member): Promise<Docker.ContainerInspectInfo> {
  return engine.ask(`looking at ${id}`, (abortSignal) => container.inspect({ abortSignal }));
}

/** A node, and what was done to it. */
class Victim {
  readonly member: Member;
  readonly #engine: Asked;
  readonly #told: Told;
  readonly #addressIn: Ways['addressIn'];
  /** The one under way, and those that wait for it. */
  #turns: Promise<unknown> = Promise.resolve();
  /** How many of its lives were ended by a kill or a stop. */
  #ended = 0;
  /** Pauses in force in this life: the last one healed resumes it. */
  #pauses = 0;
  #down = false;

  constructor(engine: Asked, member: Member, told: Told, addressIn: Ways['addressIn']) {
    this.#engine = engine;
    this.member = member;
    this.#told = told;
    this.#addressIn = addressIn;
  }

  /** Which life it is in, so that who struck one leaves the next alone. */
  get life(): number {
    return this.#ended;
  }

  /** Whether any fault is in force on it. */
  get isStruck(): boolean {
    return this.#down || this.#pauses > 0;
  }

  /** The life to come; undefined: it did not run. A container that is paused ends all the same. */
  end(how: 'killing' | 'stopping'): Promise<number | undefined> {
    return this.#inTurn(async () => {
      if (!(await this.#state()).Running) return undefined;
      const { container } = this.member;
      await this.#do(
        how,
        (abortSignal) =>
          how === 'killing' ? container.kill({ abortSignal }) : container.stop({ t: STOP_S, abortSignal }),
        ({ Running }) => !Running,
      );
      this.#ended++;
      this.#pauses = 0;
      this.#down = true;
      this.#told.down(this.member.id);
      return this.life;
    });
  }

  /** Does nothing once somebody else has ended that life too. */
  start(life: number): Promise<void> {
    return this.#inTurn(async () => {
      if (life !== this.life) return;
      const { container, id, address } = this.member;
      await this.#do(
        'starting',
        (abortSignal) => container.start({ abortSignal }),
        ({ Running }) => Running,
      );
      const now = this.#addressIn(await look(this.#engine, this.member), this.member);
      if (now !== address)
        throw new Error(`${id} came back at ${now}, not at ${address}: give it an ipv4_address or publish its port`);
      this.#down = false;
      this.#told.up(id);
    });
  }

  /** The life that is paused; undefined: it did not run. */
  pause(): Promise<number | undefined> {
    return this.#inTurn(async () => {
      await this.#do(
        'pausing',
        (abortSignal) => this.member.container.pause({ abortSignal }),
        ({ Running, Paused }) => Paused || !Running,
      );
      if (!(await this.#state()).Paused) return undefined;
      this.#pauses++;
      return this.life;
    });
  }

  /** Does nothing once that life has ended, or while another pause of it is in force. */
  resume(life: number): Promise<void> {
    return this.#inTurn(async () => {
      if (life !== this.life || --this.#pauses > 0) return;
      await this.#do(
        'resuming',
        (abortSignal) => this.member.container.unpause({ abortSignal }),
        ({ Paused }) => !Paused,
      );
    });
  }

  /** Unless it is so already. What counts is what is seen afterwards, whether the engine refused or said that it did it. */
  async #do(
    what: string,
    work: (abortSignal: AbortSignal) => Promise<unknown>,
    isSo: (state: State) => boolean,
  ): Promise<void> {
    if (isSo(await this.#state())) return;
    try {
      await this.#engine.ask(`${what} ${this.member.id}`, work);
    } catch (error) {
      if (!isSo(await this.#state())) throw error; // or it ended by itself meanwhile
    }
    const deadline = clock.now() + SEEN_NS;
    for (;;) {
      const state = await this.#state();
      if (isSo(state)) return;
      if (clock.now() > deadline)
        throw new Error(`the engine did as it was asked, and ${this.member.id} is ${state.Status} still`);
      await clock.sleepUntil(clock.now() + LOOK_AGAIN_NS);
    }
  }

  async #state(): Promise<State> {
    return (await look(this.#engine, this.member)).State;
  }

  /** One after another: what one has looked at is so until it has acted. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const mine = this.#turns.then(work);
    this.#turns = mine.catch(() => undefined);
    return mine;
  }
}

/** As with containers of our own: a node counts as struck where it ran, and healing undoes what was done to that life of it. */
export function composeLevers(
  engine: Asked,
  members: Iterable<Member>,
  told: Told,
  { addressIn, ready }: Ways,
): Pick<Levers, 'kill' | 'stop' | 'pause'> {
  const victims = new Map([...members].map((member) => [member.id, new Victim(engine, member, told, addressIn)]));
  const of = (nodes: readonly NodeId[]): Victim[] => [...new Set(nodes)].flatMap((node) => victims.get(node) ?? []);
  /** Started, and not known to be ready. */
  const begun = new Set<Victim>();
  /** A node may need the others to become ready: whoever is started is waited for once nobody is struck any more. */
  const settle = async (): Promise<void> => {
    const isCalm = (): boolean => ![...victims.values()].some(({ isStruck }) => isStruck);
    if (!isCalm()) return;
    await all(
      [...begun].map(async (victim) => {
        await ready(victim.member, isCalm);
        if (isCalm()) begun.delete(victim);
      }),
    );
  };
  const lever =
    (
      strike: (victim: Victim) => Promise<number | undefined>,
      undo: (victim: Victim, life: number) => Promise<void>,
      effect: (struck: readonly Struck[]) => Effect,
    ) =>
    async (nodes: readonly NodeId[]): Promise<Injection> => {
      const settled = await Promise.allSettled(
        of(nodes).map(async (victim): Promise<readonly Struck[]> => {
          const life = await strike(victim);
          return life === undefined ? [] : [{ victim, life }];
        }),
      );
      const struck = settled.flatMap((one) => (one.status === 'fulfilled' ? one.value : []));
      const heal = async (): Promise<void> => {
        await all(struck.map(({ victim, life }) => undo(victim, life)));
        await settle();
      };
      const failed = settled.find((one) => one.status === 'rejected');
      if (failed === undefined) return injection(heal, () => effect(struck));
      await heal();
      throw failed.reason;
    };
  const start = async (victim: Victim, life: number): Promise<void> => {
    begun.add(victim);
    await victim.start(life);
  };
  return {
    kill: lever(
      (victim) => victim.end('killing'),
      start,
      ({ length }) => ({ 'nodes killed': length }),
    ),
    stop: lever(
      (victim) => victim.end('stopping'),
      start,
      ({ length }) => ({ 'nodes stopped': length }),
    ),
    pause: lever(
      (victim) => victim.pause(),
      (victim, life) => victim.resume(life),
      (struck) => {
        const ended = struck.filter(({ victim, life }) => victim.life !== life).length;
        return { 'nodes paused': struck.length, ...(ended > 0 && { 'ended while paused': ended }) };
      },
    ),
  };
}

/** A node in one of its lives: the one that a fault pauses, or the one that its healing begins. */
interface Struck {
  readonly victim: Victim;
  readonly life: number;
}
