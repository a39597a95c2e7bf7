/**
 * What this node and its clients do not hear of one another, while the nodes hear each other: a chain of our own that lets peers
 * and the node itself pass and drops the rest of the store's ports. It is there only while it is asked for.
 */
import type { Clients } from './protocol.ts';
import { chain, place } from './place.ts';
import { LOCK_S, removeChain, restore, run } from './tables.ts';

/** By what is lost: where packets pass, and the match of the store's side. */
const ways = {
  requests: { from: 'INPUT', chain: chain('TM-ASKED'), itself: '-i lo', peer: '-s', port: '--dport' },
  answers: { from: 'OUTPUT', chain: chain('TM-SAID'), itself: '-o lo', peer: '-d', port: '--sport' },
} as const;

export class ClientLinks {
  readonly #cuts = { requests: 0, answers: 0 };
  /** Packets dropped by rules that are gone. */
  readonly #before = { requests: 0, answers: 0 };
  /** One change at a time. */
  #turn: Promise<unknown> = Promise.resolve();

  /** Packets dropped so, since the agent started. */
  change(clients: Clients, by: 1 | -1): Promise<number> {
    const changed = this.#turn.then(() => this.#apply(clients, by));
    this.#turn = changed.catch(() => undefined); // whoever asked is told
    return changed;
  }

  async tearDown(): Promise<void> {
    for (const lost of ['requests', 'answers'] as const) {
      if (this.#cuts[lost] > 0) await removeChain(ways[lost].from, ways[lost].chain);
    }
  }

  async #apply({ lost, ports, peers }: Clients, by: 1 | -1): Promise<number> {
    const way = ways[lost];
    const was = this.#cuts[lost];
    const is = Math.max(0, was + by);
    if (was === 0 && is > 0) {
      await restore([
        `:${way.chain} - [0:0]`,
        // On a machine that several nodes share, all of them pass there.
        ...(place.machine === undefined ? [`-A ${way.chain} ${way.itself} -j RETURN`] : []),
        ...peers.map((peer) => `-A ${way.chain} ${way.peer} ${peer}/32 -j RETURN`),
        ...ports.map((port) => `-A ${way.chain} -p tcp ${way.port} ${port} -j DROP`),
        `-I ${way.from} -j ${way.chain}`,
      ]);
    }
    const dropped = was > 0 || is > 0 ? await droppedBy(way.chain) : 0;
    if (was > 0 && is === 0) {
      await removeChain(way.from, way.chain);
      this.#before[lost] += dropped;
    }
    this.#cuts[lost] = is;
    return this.#before[lost] + (is > 0 ? dropped : 0);
  }
}

async function droppedBy(name: string): Promise<number> {
  const rows = (await run(['iptables', '--wait', LOCK_S, '-nvxL', name]))
    .split('\n')
    .map((row) => row.trim().split(/\s+/));
  const drops = rows.filter(([, , target]) => target === 'DROP');
  if (drops.length === 0) throw new Error(`the rule of ${name} is not there`);
  return drops.reduce((sum, [packets]) => sum + Number(packets), 0);
}
