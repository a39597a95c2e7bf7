/** Writes down each lever that is pulled, on whom, and until when: what a picture of the cluster over time is drawn from. */
import type { Clock } from '../history/clock.ts';
import type { Injection, Lever, Levers, Link } from '../nemesis/fault.ts';
import type { PullRecord } from '../results/record.ts';

/** What the arguments of each lever say of nodes and links; of `operate` nothing: it is no state that is healed. */
const actsOn: { readonly [Name in Exclude<Lever, 'operate'>]: (...given: Parameters<Levers[Name]>) => On } = {
  cut: (links) => ({ links }),
  shape: (links) => ({ links }),
  throttle: (links) => ({ links }),
  cutClients: (nodes) => ({ nodes }),
  kill: (nodes) => ({ nodes }),
  stop: (nodes) => ({ nodes }),
  pause: (nodes) => ({ nodes }),
  clock: (node) => ({ nodes: [node] }),
  slowDisk: (node) => ({ nodes: [node] }),
  fillDisk: (node) => ({ nodes: [node] }),
  stallDisk: (node) => ({ nodes: [node] }),
  failDisk: (node) => ({ nodes: [node] }),
  cutPower: (nodes) => ({ nodes }),
  corruptDisk: (node) => ({ nodes: [node] }),
  squeeze: (node) => ({ nodes: [node] }),
};

interface On {
  readonly nodes?: readonly string[];
  readonly links?: readonly Link[];
}

/** The same levers; every pull that came about is added to `pulls`, and gets its end when it is healed. */
export function recorded(levers: Partial<Levers>, clock: Clock, pulls: Pulls): Partial<Levers> {
  const wrapped: Record<string, unknown> = { ...levers };
  for (const [lever, on] of Object.entries(actsOn)) {
    const pull = levers[lever as Lever] as ((...given: unknown[]) => Promise<Injection>) | undefined;
    if (pull === undefined) continue;
    wrapped[lever] = (...given: unknown[]): Promise<Injection> =>
      pull.apply(levers, given).then((injection) => {
        const close = pulls.open(lever, (on as (...given: unknown[]) => On)(...given), clock.now());
        return {
          effect: () => injection.effect(),
          // Its own promise is handed on: in a simulation one more turn of the queue would be another run.
          heal: () => {
            const healed = injection.heal();
            void healed.then(
              () => close(clock.now()),
              () => undefined, // it goes on, to the end of the run
            );
            return healed;
          },
        };
      });
  }
  return wrapped;
}

interface Pull {
  readonly what: Omit<PullRecord, 'until'>;
  until: number | undefined;
}

export class Pulls {
  readonly #all: Pull[] = [];

  open(lever: string, { nodes = [], links = [] }: On, from: number): (at: number) => void {
    const one: Pull = {
      what: { lever, nodes: [...nodes], links: links.map((link) => [link.from, link.to] as const), from },
      until: undefined,
    };
    this.#all.push(one);
    return (at) => {
      one.until ??= at;
    };
  }

  /** Those that were never let go end with the run. */
  records(endNs: number): readonly PullRecord[] {
    return this.#all.map(({ what, until }) => ({ ...what, until: until ?? endNs }));
  }
}
