/** Having the lease, by a gateway of etcd's that does what a test says; campaign.test.ts has who stands. */
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { monotonicMs, sleep } from './clock.ts';
import { readSettings } from './config.ts';
import { Election } from './election.ts';
import type { Host } from './host.ts';
import { Log } from './log.ts';
import { until } from './testing.ts';

const ELECTION_MS = 100;
/** Ten times as long as what a campaign has to wait for. */
const TTL_S = 1;

class Gateway {
  readonly asked: string[] = [];
  readonly #server: Server;
  /** Who has the key; undefined: nobody. */
  holder: string | undefined;
  fails = false;
  leases = 0;

  constructor() {
    this.#server = createServer((request, response) => {
      const path = (request.url ?? '').slice('/v3/'.length);
      this.asked.push(path);
      if (this.fails && path === 'lease/keepalive') response.writeHead(503).end();
      else response.end(JSON.stringify(this.#answer(path)));
    }).listen(0, '127.0.0.1');
  }

  #answer(path: string): unknown {
    switch (path) {
      case 'lease/grant':
        return { ID: String(++this.leases), TTL: String(TTL_S) };
      case 'lease/keepalive':
        return { result: { ID: '1', TTL: String(TTL_S) } };
      case 'kv/txn': {
        if (this.holder === undefined) return { succeeded: true, header: { revision: '7' } };
        const value = Buffer.from(this.holder).toString('base64');
        return { header: { revision: '7' }, responses: [{ response_range: { kvs: [{ value }] } }] };
      }
      default:
        return {};
    }
  }

  async url(): Promise<string> {
    if (!this.#server.listening) await once(this.#server, 'listening');
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`; // a server on TCP has one
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}

const open: { close: () => unknown }[] = [];
afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one.close();
});

interface Named {
  readonly term: number | undefined;
  readonly atMs: number;
}

/** A node that campaigns; `leads`: whether its core gets to lead when it is named. */
async function campaigning(gateway: Gateway, leads: boolean): Promise<{ named: Named[]; said: string[] }> {
  open.push(gateway);
  const flags = { node: 'n1', data: 'd', 'election-ms': String(ELECTION_MS), 'heartbeat-ms': '20' };
  const settings = readSettings({ ...flags, election: `etcd=${await gateway.url()}` }, undefined, {});
  const named: Named[] = [];
  const said: string[] = [];
  const members = { voters: ['n1', 'n2', 'n3'], learners: [] };
  const host = {
    status: () => [{ group: 'g0', term: 3, damaged: false, members }],
    elect: (group: string, term: number | undefined) => {
      named.push({ term, atMs: monotonicMs() });
      if (leads) election.roleChanged(group, term === undefined ? 'follower' : 'leader');
    },
  } as unknown as Host; // all of it that a campaign asks for
  const election = new Election(settings, host, new Log('n1', 'text', (line) => void said.push(line)));
  open.push(election);
  election.start();
  return { named, said };
}

test('who does not get to lead gives the right up, and rests before the next attempt', async () => {
  const gateway = new Gateway();
  const { named } = await campaigning(gateway, false);
  await until('it to be given up', () => named.some(({ term }) => term === undefined));
  const [last] = named.slice(-1);
  expect([...new Set(named.map(({ term }) => term))]).toEqual([7, undefined]);
  // Long before the lease would have ended.
  expect(last.atMs - named[0].atMs).toBeLessThan(TTL_S * 1000 * 0.7);
  await until('etcd to be told', () => gateway.asked.includes('lease/revoke'));
  // Who was refused the key asks again within a quarter of the lease's life.
  await sleep(TTL_S * 400);
  expect(gateway.asked.filter((path) => path === 'kv/txn')).toHaveLength(1);
});

test('who leads keeps the lease', async () => {
  const gateway = new Gateway();
  const { named } = await campaigning(gateway, true);
  await until('renewals', () => gateway.asked.filter((path) => path === 'lease/keepalive').length === 2);
  expect(named).toHaveLength(1);
});

test('a right that is not renewed ends before the lease does', async () => {
  const gateway = new Gateway();
  gateway.fails = true;
  const { named, said } = await campaigning(gateway, true);
  await until('the end', () => named.length === 2);
  expect(named[1].term).toBeUndefined();
  expect(named[1].atMs - named[0].atMs).toBeLessThan(TTL_S * 1000);
  expect(said.join()).toContain('the lease in etcd was not renewed in time');
});

test('who finds the key taken does not stand', async () => {
  const gateway = new Gateway();
  gateway.holder = 'n2';
  const { named } = await campaigning(gateway, true);
  await until('a second attempt', () => gateway.leases === 2);
  expect(named).toEqual([]);
  gateway.holder = undefined;
  await until('its turn', () => named.length === 1);
  expect(named[0].term).toBe(7);
});
