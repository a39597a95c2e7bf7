/** Closed-loop load on the reference store through its own client's line. Driven by main.ts, as etcd-load.go is. */
import { createInterface } from 'node:readline';
import { realClock, SECOND } from '../../history/clock.ts';
import { Random } from '../../history/random.ts';
import type { Line } from '../../reference-impl/client/line.ts';
import { dialTcp } from '../../reference-impl/client/tcp.ts';
import type { Request, Response } from '../../reference-impl/core/types.ts';
import type { Order, Result } from './order.ts';

const CONNECTIONS_MAX = 8;
const clock = realClock();

for await (const line of createInterface({ input: process.stdin })) {
  process.stdout.write(`${JSON.stringify(await run(JSON.parse(line) as Order))}\n`);
}

async function run(order: Order): Promise<Result> {
  const address = order.op === 'read-follower' ? order.follower : order.leader;
  const lines = Array.from({ length: Math.min(order.clients, CONNECTIONS_MAX) }, () =>
    dialTcp(address, { cluster: 'bench' }),
  );
  try {
    return await (order.op === 'fill' ? fill(order, lines) : load(order, lines));
  } finally {
    for (const line of lines) line.close();
  }
}

async function fill(order: Order, lines: readonly Line[]): Promise<Result> {
  const value = 'v'.repeat(order.bytes);
  const start = clock.now();
  let next = 0;
  const worker = async (line: Line): Promise<void> => {
    while (next < order.keys) {
      const answer = await line.request({ type: 'write', ack: 'quorum-ack', key: `key${next++}`, value });
      if (answer.type !== 'written') throw new Error(`filling: ${JSON.stringify(answer)}`);
    }
  };
  await Promise.all(Array.from({ length: 64 }, (_, i) => worker(lines[i % lines.length])));
  const seconds = (clock.now() - start) / SECOND;
  return { operations: order.keys, errors: 0, seconds, p50: 0, p99: 0, p999: 0, cpuMs: 0 };
}

async function load(order: Order, lines: readonly Line[]): Promise<Result> {
  const value = 'v'.repeat(order.bytes);
  const latencies: number[] = [];
  let errors = 0;
  let firstError: string | undefined;
  const cpuBefore = process.cpuUsage();
  const start = clock.now();
  const end = start + order.seconds * SECOND;
  const body = (key: string): Request => {
    if (order.op === 'write') return { type: 'write', ack: 'quorum-ack', key, value };
    return { type: 'read', path: order.op === 'read-follower' ? 'follower' : 'leader', keys: [key], waitMs: 0 };
  };
  const client = async (i: number): Promise<void> => {
    const random = new Random(i);
    const line = lines[i % lines.length];
    for (let now = clock.now(); now < end; now = clock.now()) {
      const answer = await line
        .request(body(`key${random.below(order.keys)}`))
        .catch((error: unknown) => String(error));
      if (asHoped(answer, value)) latencies.push((clock.now() - now) / 1e6);
      else {
        errors++;
        firstError ??= JSON.stringify(answer);
      }
    }
  };
  await Promise.all(Array.from({ length: order.clients }, (_, i) => client(i)));
  const seconds = (clock.now() - start) / SECOND;
  const cpu = process.cpuUsage(cpuBefore);
  const sorted = Float64Array.from(latencies).sort();
  const at = (q: number): number => (sorted.length === 0 ? 0 : sorted[Math.floor(q * (sorted.length - 1))]);
  return {
    operations: sorted.length,
    errors,
    seconds,
    p50: at(0.5),
    p99: at(0.99),
    p999: at(0.999),
    cpuMs: (cpu.user + cpu.system) / 1000,
    ...(firstError !== undefined && { firstError }),
  };
}

function asHoped(answer: Response | string, value: string): boolean {
  if (typeof answer === 'string') return false;
  return answer.type === 'written' || (answer.type === 'read' && answer.values[0] === value);
}
