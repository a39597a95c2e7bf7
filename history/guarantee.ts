/**
 * The guarantees: something a history can satisfy or violate. These names are the join key of the whole suite: systems
 * promise them, workloads exercise them, checkers decide them, the matrix has a column for each, `--guarantee` takes
 * them. One definition each, here and nowhere else.
 */

export interface GuaranteeDefinition {
  /** One sentence, as printed by `tidemark catalog`. */
  readonly definition: string;
  readonly source: string;
  /** What it is a property of: every (write path, read path), a write path, or the system. */
  readonly scope: 'row' | 'write path' | 'system';
}

export const guarantees = {
  linearizable: {
    definition:
      'Per key, one total order of all operations that respects real time, each read returning the latest write before it.',
    source: 'Herlihy & Wing 1990',
    scope: 'row',
  },
  sequential: {
    definition:
      'One total order of all operations on all keys respects each session, each read returning the latest write before it.',
    source: 'Lamport 1979',
    scope: 'row',
  },
  causal: {
    definition:
      'Causal convergence: each read is explained by its causal past, in one order of writes that all sessions agree on.',
    source: 'Bouajjani, Enea, Guerraoui & Hamza 2017',
    scope: 'row',
  },
  'causal-memory': {
    definition:
      'Causal memory: each session sees its causal past in one order of its own, in which every one of its reads stands.',
    source: 'Ahamad et al. 1995; Bouajjani et al. 2017',
    scope: 'row',
  },
  'causal-weak': {
    definition: 'Causal consistency: each read is explained by some order of its causal past.',
    source: 'Bouajjani, Enea, Guerraoui & Hamza 2017',
    scope: 'row',
  },
  'read-your-writes': {
    definition: 'A read sees every earlier acknowledged write of its own session to that key, or a later one.',
    source: 'Terry et al. 1994',
    scope: 'row',
  },
  'monotonic-reads': {
    definition: 'Successive reads of one key in one session never go back to an older write.',
    source: 'Terry et al. 1994',
    scope: 'row',
  },
  'monotonic-writes': {
    definition: "A state that shows a session's later write shows its earlier ones too.",
    source: 'Terry et al. 1994',
    scope: 'row',
  },
  'writes-follow-reads': {
    definition: 'A state that shows a write shows every write its session had read before making it.',
    source: 'Terry et al. 1994',
    scope: 'row',
  },
  'consistent-prefix': {
    definition: 'Every state shows some prefix of one order of all writes.',
    source: 'Terry 2013',
    scope: 'row',
  },
  'bounded-staleness': {
    definition:
      'Every read returns the newest value as of some moment at most the bound of its path before its invocation.',
    source: 'Golab, Li & Shah 2011',
    scope: 'row',
  },
  durable: {
    definition: 'Every acknowledged write is in the final state read through the strongest path.',
    source: 'Tidemark',
    scope: 'write path',
  },
  fenced: {
    definition:
      'Nothing invoked after an acknowledgement of a higher term returned is acknowledged by a lower term of the same group. The term is what the version of a write claims; a claim that others contradict is an anomaly of its own, which blames the claim and no write.',
    source: 'Gray & Cheriton 1989',
    scope: 'write path',
  },
  convergent: {
    definition: 'After healing, within the stated bound, every node that is up holds the same state.',
    source: 'Shapiro et al. 2011',
    scope: 'system',
  },
  'one-leader-per-term': {
    definition: 'No two nodes claim to lead in the same term.',
    source: 'Ongaro & Ousterhout 2014, Election Safety',
    scope: 'system',
  },
  set: {
    definition: 'Every element whose add was acknowledged is in the set for good, once, and nothing else is.',
    source: 'Jepsen, set-full',
    scope: 'row',
  },
  queue: {
    definition: 'Every value whose enqueue was acknowledged is dequeued exactly once, and nothing else is.',
    source: 'Jepsen, total-queue',
    scope: 'row',
  },
  log: {
    definition:
      'Each offset of a log has one value, and consumers see every acknowledged value once, in order, skipping none.',
    source: 'Jepsen, Kafka',
    scope: 'row',
  },
  counter: {
    definition: 'Every read lies between the sum of what had been added for certain and of what may have been added.',
    source: 'Jepsen, counter',
    scope: 'row',
  },
  lock: {
    definition: 'No two hold a lock at once, and the fencing tokens of its holders rise.',
    source: 'Gray & Cheriton 1989; Burrows 2006',
    scope: 'row',
  },
} as const satisfies Record<string, GuaranteeDefinition>;

export type Guarantee = keyof typeof guarantees;

export const guaranteeNames = Object.keys(guarantees) as Guarantee[]; // Object.keys widens to string

/** The bound of a path that states one in its name, `bounded-500ms`, in milliseconds. */
export function boundMsOf(path: string): number | undefined {
  const digits = /^bounded-(\d{1,9})ms$/.exec(path)?.[1];
  return digits === undefined ? undefined : Number(digits);
}
