/** Real processes of the reference store, one of which can be made to hear of everything late: a follower that is behind, for certain. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { asset } from '../harness/entry.ts';
import { NodeProcess } from '../harness/environments/real/node-process.ts';
import { freePorts } from '../harness/ports.ts';
import { MILLISECOND, realClock } from '../history/clock.ts';
import { buildFirst } from './tidemark.ts';

const clock = realClock();

export interface StoreProcesses {
  /** Of clients, in the order n1, n2, n3. */
  readonly addresses: readonly string[];
  /** From now on n3 hears, and is heard, so much later. */
  readonly late: (ms: number) => void;
  readonly kill: (node: string) => Promise<void>;
  readonly start: (node: string) => void;
  /** Resolves when all three answer, and one of them leads. */
  readonly settled: () => Promise<void>;
  readonly end: () => Promise<void>;
}

/** Three nodes of a cluster called `name`; one of the first two leads when this resolves. */
export async function storeProcesses(name: string): Promise<StoreProcesses> {
  buildFirst();
  const folder = mkdtempSync(join(tmpdir(), 'tidemark-store-'));
  const ports = await freePorts(6);
  const nodes = ['n1', 'n2', 'n3'];
  const address = (i: number): string => `127.0.0.1:${ports[i]}`;
  const relays: Relay[] = [];
  const lately = async (to: string): Promise<string> => {
    const relay = await Relay.to(to);
    relays.push(relay);
    return relay.address;
  };
  const processes = new Map<string, NodeProcess>();
  for (const [i, node] of nodes.entries()) {
    const others = nodes.map((other, j) => ({ other, j })).filter(({ other }) => other !== node);
    const peer: Record<string, string> = {};
    for (const { other, j } of others) {
      const isLate = node === 'n3' || other === 'n3';
      peer[other] = isLate ? await lately(address(j)) : address(j);
    }
    const data = join(folder, node);
    mkdirSync(data, { mode: 0o700 });
    const settings = { node, cluster: name, listen: address(i), admin: address(i + 3), peer, data, region: 'r1' };
    // The late one goes on serving.
    const times = {
      'election-ms': 300,
      'serve-leader-silent-ms': 'off',
      'serve-lag-entries': 'off',
      'serve-disk-ms': 'off',
    };
    writeFileSync(`${data}.yaml`, JSON.stringify({ ...settings, ...times }));
    processes.set(
      node,
      new NodeProcess({
        command: [process.execPath, asset('bin/tidemark-store.mjs'), '--config', `${data}.yaml`],
        log: `${data}.log`,
        ended: () => undefined,
      }),
    );
  }
  const start = (node: string): void => processes.get(node)?.start();
  for (const node of ['n1', 'n2']) start(node);
  const settled = async (...admins: readonly string[]): Promise<void> => {
    for (let i = 0; !(await isLed(admins)); i++) {
      if (i > 2000) throw new Error('the store was not led within 100 s');
      await clock.sleepUntil(clock.now() + 50 * MILLISECOND);
    }
  };
  await settled(address(3), address(4));
  start('n3');
  const all = (): Promise<void> => settled(address(3), address(4), address(5));
  await all();
  return {
    addresses: nodes.map((_, i) => address(i)),
    late: (ms) => relays.forEach((relay) => (relay.lateMs = ms)),
    settled: all,
    start,
    kill: async (node) => void (await processes.get(node)?.kill()),
    end: async () => {
      await Promise.all([...processes.values()].map((one) => one.kill()));
      await Promise.all(relays.map((relay) => relay.close()));
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function isLed(admins: readonly string[]): Promise<boolean> {
  const roles = await Promise.all(
    admins.map(async (admin) => {
      try {
        const { groups } = (await (await fetch(`http://${admin}/status`)).json()) as { groups: { role: string }[] };
        return groups[0]?.role;
      } catch {
        return undefined;
      }
    }),
  );
  return roles.includes('leader') && roles.every((role) => role !== undefined);
}

/** Hands on what comes, both ways, so much later. */
class Relay {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  lateMs = 0;

  static async to(address: string): Promise<Relay> {
    const relay = new Relay(address);
    await new Promise<void>((resolve) => relay.#server.listen(0, '127.0.0.1', resolve));
    return relay;
  }

  private constructor(address: string) {
    const [host, port] = address.split(':');
    this.#server = createServer((near) => {
      const far = connect({ host, port: Number(port) });
      for (const [from, to] of [
        [near, far],
        [far, near],
      ] as const) {
        this.#sockets.add(from);
        let last = 0;
        const later = (act: () => void): void => {
          // Nothing overtakes what came before it. Of two timers for one instant the first fires first.
          last = Math.max(last + 1, clock.now() + this.lateMs * MILLISECOND);
          void clock.timer(last, act);
        };
        from.on('data', (bytes) => later(() => to.writable && to.write(bytes)));
        from.on('end', () => later(() => to.end()));
        from.on('error', () => to.destroy());
        from.on('close', () => this.#sockets.delete(from));
      }
    });
  }

  get address(): string {
    const address = this.#server.address();
    return typeof address === 'object' && address !== null ? `127.0.0.1:${address.port}` : '';
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
