/**
 * What becomes of writes and of replication when reads are more than the nodes can serve: 300 writes a second (quorum-ack,
 * open loop, latency from the intended start) while nobody reads, while both followers, the leader, or all three are asked
 * for more than they can give. Three real processes on loopback; all share this machine's processors with those who ask.
 *
 *     node dist/scripts/bench-store/overload.js [--seconds 5] [--rounds 3] [--readers 256] [--rate 300]
 */
import { availableParallelism } from 'node:os';
import { count, table } from '../../harness/table.ts';
import { MILLISECOND, realClock, SECOND } from '../../history/clock.ts';
import { dialTcp } from '../../reference-impl/client/tcp.ts';
import type { Status } from '../../reference-impl/core/types.ts';
import { argumentsOf } from '../arguments.ts';
import { Cluster, Generator, reference } from './clusters.ts';
import { median } from './ratio.ts';

const given = argumentsOf({ seconds: 'count', rounds: 'count', readers: 'count', rate: 'count' });
const { seconds = 5, rounds = 3, readers = 256, rate = 300 } = given;
const KEYS = 10_000;
const BYTES = 100;
const ANSWERED_WITHIN_NS = 10 * SECOND;
const LAG_EVERY_NS = 50 * MILLISECOND;
const clock = realClock();

interface Figures {
  readonly writes: number;
  readonly unanswered: number;
  readonly writeP50: number;
  readonly writeP99: number;
  readonly writeMax: number;
  readonly leaderReads: number;
  readonly leaderReadP99: number;
  readonly followerReads: number;
  readonly followerReadP99: number;
  /** Entries that a follower had not on its disk although they were committed; the worse of the two, of all looks. */
  readonly lagP50: number;
  readonly lagMost: number;
}

const PHASES: readonly (readonly [name: string, leader: boolean, followers: boolean])[] = [
  ['nobody reads', false, false],
  ['followers', false, true],
  ['leader', true, false],
  ['all three', true, true],
];

const cluster = await Cluster.up(reference);
const generators = [0, 1, 2].map(() => new Generator(reference));
try {
  await cluster.order({ op: 'fill', clients: 8, seconds: 0, keys: KEYS, bytes: BYTES });
  const all = new Map<string, Figures[]>(PHASES.map(([name]) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    const order = round % 2 === 0 ? PHASES : [...PHASES].reverse();
    for (const phase of order) all.get(phase[0])?.push(await measured(phase));
  }
  print(all);
} finally {
  for (const generator of generators) await generator.end();
  await cluster.down();
}

async function measured([, leader, followers]: (typeof PHASES)[number]): Promise<Figures> {
  const work = { clients: readers, keys: KEYS, bytes: BYTES, seconds: seconds + 1 };
  const others = [1, 2].map((i) => (cluster.leader + i) % 3);
  const fromLeader = leader
    ? generators[0].order({ ...work, op: 'read-linearizable', ...cluster.addresses(others[0]) })
    : undefined;
  const fromFollowers = followers
    ? others.map((node, i) => generators[1 + i].order({ ...work, op: 'read-follower', ...cluster.addresses(node) }))
    : [];
  await clock.sleepUntil(clock.now() + SECOND / 2); // the readers are at work
  const lags: number[] = [];
  const look = watchLag(others, lags);
  const { latencies, unanswered } = await write();
  await look();
  const sorted = [...latencies].sort((a, b) => a - b);
  lags.sort((a, b) => a - b);
  const [atLeader, ...atFollowers] = await Promise.all([fromLeader, ...fromFollowers]);
  return {
    writes: latencies.length / seconds,
    unanswered,
    writeP50: at(sorted, 0.5),
    writeP99: at(sorted, 0.99),
    writeMax: at(sorted, 1),
    leaderReads: (atLeader?.operations ?? 0) / (atLeader?.seconds ?? 1),
    leaderReadP99: atLeader?.p99 ?? 0,
    followerReads: atFollowers.reduce((sum, one) => sum + (one?.operations ?? 0) / (one?.seconds ?? 1), 0),
    followerReadP99: Math.max(0, ...atFollowers.map((one) => one?.p99 ?? 0)),
    lagP50: at(lags, 0.5),
    lagMost: at(lags, 1),
  };
}

/** Asks the leader how far each follower is, until the function that it returns is called. */
function watchLag(others: readonly number[], lags: number[]): () => Promise<void> {
  const watch = { over: false };
  const looking = (async () => {
    while (!watch.over) {
      const answer = await fetch(`${cluster.admin(cluster.leader)}/status`);
      const [{ role, commit, matches }] = ((await answer.json()) as { readonly groups: readonly Status[] }).groups;
      if (role !== 'leader') throw new Error('the leader has changed: the figures would be of something else');
      lags.push(Math.max(0, ...others.map((i) => commit.index - (matches?.[`n${i + 1}`] ?? 0))));
      await clock.sleepUntil(clock.now() + LAG_EVERY_NS);
    }
  })();
  return () => {
    watch.over = true;
    return looking;
  };
}

/** Open loop: each write has its time, whatever became of the others. */
async function write(): Promise<{ readonly latencies: readonly number[]; readonly unanswered: number }> {
  const lines = [0, 1, 2, 3].map(() => dialTcp(cluster.addresses(0).leader, { cluster: 'bench' }));
  const latencies: number[] = [];
  let unanswered = 0;
  const value = 'w'.repeat(BYTES);
  const start = clock.now();
  const total = Math.round(seconds * rate);
  const waiting: Promise<void>[] = [];
  for (let i = 0; i < total; i++) {
    const intended = start + (i * SECOND) / rate;
    if (clock.now() < intended) await clock.sleepUntil(intended);
    const asked = lines[i % lines.length].request({ type: 'write', ack: 'quorum-ack', key: `key${i % KEYS}`, value });
    waiting.push(
      asked.then(
        ({ type }) => {
          if (type === 'written') latencies.push((clock.now() - intended) / MILLISECOND);
          else unanswered++;
        },
        () => void unanswered++,
      ),
    );
  }
  const end = clock.sleepUntil(clock.now() + ANSWERED_WITHIN_NS);
  await Promise.race([Promise.all(waiting), end]);
  for (const line of lines) line.close();
  return { latencies, unanswered: total - latencies.length };
}

function at(sorted: readonly number[], share: number): number {
  return sorted.length === 0 ? 0 : sorted[Math.floor(share * (sorted.length - 1))];
}

function print(all: ReadonlyMap<string, readonly Figures[]>): void {
  const heading = [
    'asked too much',
    'writes/s',
    'unanswered',
    'p50 ms',
    'p99 ms',
    'max ms',
    'leader reads/s',
    'p99 ms',
    'follower reads/s',
    'p99 ms',
    'lag p50',
    'lag max',
  ];
  const rows = [...all].map(([name, figures]) => {
    const of = (pick: (one: Figures) => number, digits = 0): string => {
      const value = median(figures.map(pick));
      return digits === 0 ? count(Math.round(value)) : value.toFixed(digits);
    };
    return [
      name,
      of((one) => one.writes),
      of((one) => one.unanswered),
      of((one) => one.writeP50, 1),
      of((one) => one.writeP99, 1),
      of((one) => one.writeMax, 1),
      of((one) => one.leaderReads),
      of((one) => one.leaderReadP99, 1),
      of((one) => one.followerReads),
      of((one) => one.followerReadP99, 1),
      of((one) => one.lagP50),
      of((one) => one.lagMost),
    ];
  });
  console.log(
    `${rate} writes a second (quorum-ack, ${BYTES} bytes, open loop) for ${seconds} s, ${readers} readers at each node that is asked too much;\n` +
      `medians of ${rounds} rounds, ${availableParallelism()} cores for nodes and readers, node ${process.version}; lag in committed entries`,
  );
  console.log(table([heading, ...rows], ['left', ...heading.slice(1).map(() => 'right' as const)]).join('\n'));
}
