/** What is measured, and what the issue asks of it. */
import type { CheckOptions } from '../../checkers/index.ts';
import type { Guarantee } from '../../history/guarantee.ts';
import type { ClientLoad } from './clients.ts';
import type { ObjectLoad } from './objects.ts';
import type { ReplicaLoad } from './replicas.ts';

export type Load =
  | ({ readonly type: 'clients' } & ClientLoad)
  | ({ readonly type: 'replicas' } & ReplicaLoad)
  | ({ readonly type: 'objects' } & ObjectLoad)
  /** All logs of etcd among the vectors, one after the other. */
  | { readonly type: 'etcd logs'; readonly operations: number };

/** How the checker is called, and on what. */
export type Work =
  | { readonly type: 'check'; readonly guarantee: Guarantee; readonly options: CheckOptions }
  /** The whole process of `tidemark check`, from its start to its end. */
  | { readonly type: 'file'; readonly format: Format }
  /** The smallest Δ and k, and the ages by path and node. */
  | { readonly type: 'staleness'; readonly options: CheckOptions }
  /** No time: the memory of the columns. */
  | { readonly type: 'columns' };

export type Format = 'jsonl' | 'jsonl.gz' | 'edn';

export interface Aim {
  readonly ms?: number;
  /** Resident, of the whole process that holds the history and judges it. */
  readonly mb?: number;
  readonly bytesPerOperation?: number;
}

export interface Row {
  readonly input: string;
  readonly load: Load;
  readonly work: Work;
  readonly expected?: 'valid' | 'invalid';
  readonly aim?: Aim;
}

const THOUSAND = 1000;
const MILLION = 1_000_000;
const zero: CheckOptions = { initial: 0 };
const linearizable: Work = { type: 'check', guarantee: 'linearizable', options: zero };

const variants = [
  { says: '', load: {} },
  { says: ', one stale read', load: { stale: true } },
  { says: ', 2 % indeterminate', load: { indeterminate: 20 } },
  { says: ', both', load: { stale: true, indeterminate: 20 } },
] as const;

function size(operations: number): string {
  return operations >= MILLION ? `${operations / MILLION} M` : `${operations / THOUSAND} k`;
}

function clients(input: string, load: ClientLoad, aim?: Aim, work: Work = linearizable): Row {
  const expected = load.stale === true ? 'invalid' : 'valid';
  const said = `${input}, ${load.clients} clients`;
  return { input: said, load: { type: 'clients', ...load }, work, expected, ...(aim === undefined ? {} : { aim }) };
}

function oneKey(): Row[] {
  const rows: Row[] = [];
  for (const operations of [10 * THOUSAND, 100 * THOUSAND, MILLION, 10 * MILLION]) {
    const aim = operations === MILLION ? { ms: 100 } : operations > MILLION ? { ms: 1000, mb: 2000 } : undefined;
    for (const concurrency of [5, 20, 50]) {
      for (const { says, load } of variants) {
        const row = clients('one key', { operations, clients: concurrency, keys: 1, ...load }, aim);
        rows.push({ ...row, input: row.input + says });
      }
    }
  }
  return rows;
}

function manyKeys(): Row[] {
  return [100 * THOUSAND, MILLION].flatMap((operations) =>
    [5, 20, 50].flatMap((concurrency) =>
      variants.map(({ says, load }) => {
        const row = clients('100 keys', { operations, clients: concurrency, keys: 100, ...load });
        return { ...row, input: row.input + says };
      }),
    ),
  );
}

function cas(): Row[] {
  const rows: Row[] = [];
  for (const operations of [100 * THOUSAND, MILLION]) {
    const aim = operations === MILLION ? undefined : { ms: 1000 };
    for (const concurrency of [5, 20, 50]) {
      const load = { operations, clients: concurrency, keys: 1, casPercent: 30 };
      rows.push(clients('one key, 30 % cas that say what they found', { ...load, actual: true }, aim));
      rows.push(clients('one key, 30 % cas that only fail', load, aim));
      rows.push(clients('one key, 30 % cas that only fail, both', { ...load, stale: true, indeterminate: 20 }, aim));
    }
  }
  return rows;
}

function general(): Row[] {
  const operations = 100 * THOUSAND;
  const load = { operations, keys: 1, values: 5 };
  return [
    clients('one key, 5 values', { ...load, clients: 5 }, { ms: 1000, mb: 300 }),
    clients('one key, 5 values', { ...load, clients: 20 }),
    clients('one key, 5 values, 30 % cas', { ...load, clients: 20, casPercent: 30 }),
  ];
}

function sessions(): Row[] {
  const rows: Row[] = [];
  const judged = (
    guarantee: Guarantee,
    count: number,
    tells: ReplicaLoad['tells'],
    aim?: Aim,
    operations = MILLION,
  ): void => {
    const load: Load = { type: 'replicas', operations, sessions: count, keys: 100, tells };
    rows.push({
      input: `100 keys, ${count} sessions, ${tells}`,
      load,
      work: { type: 'check', guarantee, options: {} },
      expected: 'valid',
      ...(aim === undefined ? {} : { aim }),
    });
  };
  for (const guarantee of ['causal-weak', 'causal', 'causal-memory', 'sequential'] as const) {
    for (const count of [5, 20, 50]) {
      const aim = count === 20 && guarantee !== 'sequential' ? { ms: 600 } : undefined;
      for (const tells of ['versions and positions', 'values alone'] as const) judged(guarantee, count, tells, aim);
    }
  }
  const ofThreads = ['read-your-writes', 'monotonic-reads'] as const;
  // These speak of one state, which takes positions to know.
  const ofStates = ['monotonic-writes', 'writes-follow-reads', 'consistent-prefix'] as const;
  for (const guarantee of ofThreads) {
    for (const tells of ['versions and positions', 'values alone'] as const) judged(guarantee, 20, tells, { ms: 300 });
  }
  for (const guarantee of ofStates) {
    for (const tells of ['versions and positions', 'positions'] as const) judged(guarantee, 20, tells, { ms: 300 });
  }
  for (const guarantee of ['causal-weak', 'causal', ...ofThreads, ...ofStates] as const) {
    judged(guarantee, 20, 'versions and positions', undefined, 10 * MILLION);
  }
  judged('causal', 20, 'values alone', undefined, 10 * MILLION);
  return rows;
}

/** Collections, counters and locks. */
function objects(): Row[] {
  return (['set', 'queue', 'log', 'counter', 'lock'] as const).map((kind): Row => {
    return {
      input: `${kind}, 20 clients`,
      load: { type: 'objects', operations: MILLION, clients: 20, kind },
      work: { type: 'check', guarantee: kind, options: {} },
      expected: 'valid',
    };
  });
}

function staleness(): Row[] {
  const judged = (input: string, load: Load): Row => {
    const aim = load.operations === MILLION ? { aim: { ms: 1000 } } : {};
    return { input, load, work: { type: 'staleness', options: load.type === 'clients' ? zero : {} }, ...aim };
  };
  return [MILLION, 10 * MILLION].flatMap((operations) => [
    judged('Δ and k, one key, 20 clients', { type: 'clients', operations, clients: 20, keys: 1 }),
    ...(['versions and positions', 'values alone'] as const).map((tells) =>
      judged(`Δ and k, 100 keys, 20 sessions, ${tells}`, {
        type: 'replicas',
        operations,
        sessions: 20,
        keys: 100,
        tells,
      }),
    ),
  ]);
}

function files(): Row[] {
  const load: Load = { type: 'clients', operations: MILLION, clients: 20, keys: 1 };
  return (['jsonl', 'jsonl.gz', 'edn'] as const).map((format): Row => {
    const aim = format === 'jsonl' ? { aim: { ms: 800, mb: 300 } } : {};
    return {
      input: `file to verdict, ${format}, one key, 20 clients`,
      load,
      work: { type: 'file', format },
      expected: 'valid',
      ...aim,
    };
  });
}

/** In the order in which they are printed. */
export const rows: readonly Row[] = [
  ...oneKey(),
  ...manyKeys(),
  ...cas(),
  {
    input: 'the logs of etcd, together',
    load: { type: 'etcd logs', operations: 4300 },
    work: { type: 'check', guarantee: 'linearizable', options: {} },
    aim: { ms: 120 },
  },
  ...general(),
  ...sessions(),
  ...objects(),
  ...staleness(),
  ...files(),
  {
    input: 'columns of one key, 20 clients',
    load: { type: 'clients', operations: 10 * MILLION, clients: 20, keys: 1 },
    work: { type: 'columns' },
    aim: { bytesPerOperation: 60 },
  },
];

/** Unique: how a row is asked for. */
export function nameOf({ input, load, work }: Row): string {
  const what = work.type === 'check' ? work.guarantee : work.type;
  return `${size(load.operations)}, ${input}, ${what}`;
}
