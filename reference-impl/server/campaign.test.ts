import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import type { Role, Status } from '../core/types.ts';
import { readSettings } from './config.ts';
import { Election } from './election.ts';
import { Log } from './log.ts';
import { until } from './testing.ts';

const none = { term: 0, index: 0 };
const following: Status = {
  group: 'g0',
  role: 'follower',
  term: 3,
  leader: undefined,
  commit: none,
  applied: none,
  last: none,
  first: 1,
  members: { voters: ['n1', 'n2', 'n3'], learners: [] },
  lag: 0,
  notServing: undefined,
  damaged: false,
};

/** As much of etcd's gateway as a campaign asks for; every key is free. */
function gateway(asked: string[]) {
  let revision = 10;
  return createServer((request, response) => {
    const path = (request.url ?? '').slice('/v3/'.length);
    request.resume().on('end', () => {
      asked.push(path);
      if (path === 'lease/grant') response.end(JSON.stringify({ ID: '7', TTL: '30' }));
      else if (path === 'kv/txn')
        response.end(JSON.stringify({ succeeded: true, header: { revision: String(++revision) } }));
      else response.end(JSON.stringify({ result: { ID: '7', TTL: '30' } }));
    });
  });
}

/** A node that is named: what happens each time, and what it was told. */
async function named(stands: (term: number, times: number, become: (role: Role) => void) => void) {
  const asked: string[] = [];
  const told: (number | undefined)[] = [];
  const etcd = gateway(asked);
  await new Promise<void>((listening) => etcd.listen(0, '127.0.0.1', listening));
  const { port } = etcd.address() as AddressInfo; // it listens on TCP
  // Patience of 20 s: within this test nothing is given up for want of it.
  const flags = { node: 'n1', data: 'd', election: `etcd=http://127.0.0.1:${port}`, 'election-ms': '10000' };
  const election = new Election(
    readSettings(flags, undefined, {}),
    {
      status: () => [following],
      elect: (_group, term) => {
        told.push(term);
        if (term !== undefined) stands(term, told.length, (role) => election.roleChanged('g0', role));
      },
    },
    new Log('n1', 'text', () => undefined),
  );
  election.start();
  return {
    asked,
    told,
    async close() {
      await election.close();
      etcd.close();
      etcd.closeAllConnections();
    },
  };
}

test('a node whose campaign is lost gives the lease up at once, and does not stand again so soon', async () => {
  const node = await named((_term, _times, become) => {
    become('candidate');
    become('follower');
  });
  try {
    await until('the lease to be given up', () => (node.asked.includes('lease/revoke') ? true : undefined));
    expect(node.asked).toEqual(['lease/grant', 'kv/txn', 'lease/revoke']);
    expect(node.told).toEqual([11, undefined]);
  } finally {
    await node.close();
  }
});

test('a node that could not stand when it was named is named again in the same term', async () => {
  const node = await named((_term, times, become) => {
    if (times < 3) return;
    become('candidate');
    become('leader');
  });
  try {
    await until('it to stand', () => (node.told.length >= 3 ? true : undefined));
    expect(node.told).toEqual([11, 11, 11]);
    expect(node.asked).toEqual(['lease/grant', 'kv/txn']);
  } finally {
    await node.close();
  }
});
