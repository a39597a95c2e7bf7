/**
 * The deliberate bugs. Each is a switch that `ReplicaConfig.defect` turns on by name, applied at the places marked
 * `defect(…)` and nowhere else. `caughtBy` was declared before any run was made: the suite must find each defect through
 * one of these guarantees of its histories, under these faults.
 *
 * With a defect on, the assertions about what other nodes may do (`expects` in node.ts) are off: a history must show the
 * damage, not a crash. Assertions about a node's own bookkeeping stay on.
 *
 * long because: it is one list, with the circumstances of each.
 */

/** The guarantees' names; the core imports nothing, so they are repeated here. */
export type CaughtBy =
  | 'linearizable'
  | 'read-your-writes'
  | 'monotonic-reads'
  | 'monotonic-writes'
  | 'writes-follow-reads'
  | 'bounded-staleness'
  | 'durable'
  | 'fenced'
  | 'convergent'
  | 'one-leader-per-term';

export interface Defect {
  readonly name: DefectName;
  readonly about: string;
  readonly caughtBy: readonly [CaughtBy, ...CaughtBy[]];
  /** Faults that expose it best. `Found by`: so many of so many short runs of the soak, in these circumstances. */
  readonly faults: readonly string[];
  /** Any other fault would be in their way. */
  readonly alone?: true;
  /** So many nodes vote in the beginning, whatever else is drawn. */
  readonly voters?: number;
  /** Requests a second, and the length of the run, where those of a short run will not do. */
  readonly rate?: number;
  readonly durationMs?: number;
  /** What a run must be set to for it to show at all, as for `--set`. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Ways of reading and writing without which it cannot show. */
  readonly readPaths?: readonly string[];
  readonly writePaths?: readonly string[];
  /** Why no history can show it, and what does: the suite does not look for it. */
  readonly unseen?: string;
  /** `deep`: needs a rare interleaving, up to 1,000 seeds. */
  readonly depth: 'shallow' | 'deep';
}

export type DefectName =
  | 'configuration-not-undone'
  | 'duplicate-lost-in-snapshot'
  | 'snapshot-without-term-history'
  | 'membership-before-own-term'
  | 'damaged-node-votes'
  | 'ack-before-quorum'
  | 'ack-before-fsync'
  | 'vote-before-fsync'
  | 'commit-old-term'
  | 'read-index-without-own-term'
  | 'no-fence'
  | 'token-by-index'
  | 'committed-read-after-restart'
  | 'mismatch-from-uncommitted'
  | 'follower-serves-uncommitted'
  | 'truncate-committed'
  | 'lost-vote'
  | 'unfenced-switchover'
  | 'handover-without-catching-up'
  | 'lease-kept-during-switchover'
  | 'lease-ignores-drift'
  | 'lease-from-answer'
  | 'follower-linearizable-without-round'
  | 'bounded-trusts-deposed-leader'
  | 'bounded-from-answer'
  | 'stale-follower-serves'
  | 'duplicate-applied-twice'
  | 'all-applied-on-append'
  | 'no-recovery-epoch';

export const defects: readonly Defect[] = [
  {
    name: 'ack-before-quorum',
    about: 'A quorum-ack write is answered as soon as the leader alone has it on disk.',
    caughtBy: ['durable', 'linearizable'],
    faults: ['isolate-leader', 'kill-leader'],
    readPaths: ['leader'],
    writePaths: ['quorum-ack'],
    depth: 'shallow',
  },
  {
    name: 'ack-before-fsync',
    about:
      'Leader and followers count entries in memory and write a hundred at a time; a crash forgets what was acknowledged.',
    caughtBy: ['durable', 'linearizable'],
    faults: ['restart-all', 'kill-random', 'slow-disk'],
    readPaths: ['leader'],
    writePaths: ['quorum-ack'],
    depth: 'shallow',
  },
  {
    name: 'vote-before-fsync',
    about:
      'A vote is given at once and goes to disk with the next entries; a voter that crashes may vote twice in one term.',
    caughtBy: ['one-leader-per-term', 'durable', 'linearizable'],
    // Whoever voted is restarted before the new leader's first entry has come: found in 18 of 20 short runs.
    faults: ['strike-new-leader'],
    alone: true,
    settings: { election: 'built-in' },
    depth: 'shallow',
  },
  {
    name: 'commit-old-term',
    about:
      'A new leader writes no entry of its own, commits older ones by counting copies, and reads at what it has counted.',
    caughtBy: ['linearizable', 'durable'],
    // As below; but whoever confirms the round mostly has the old entries too: in 5 of 16 short runs.
    faults: ['strike-new-leader'],
    alone: true,
    settings: { 'sync-min': '20', 'sync-max': '200', election: 'built-in' },
    readPaths: ['leader'],
    writePaths: ['quorum-ack'],
    depth: 'shallow',
  },
  {
    name: 'read-index-without-own-term',
    about: 'A new leader serves reads at the commit index that it knew as a follower.',
    caughtBy: ['linearizable'],
    // Slow syncs keep a new leader waiting for its own first entry, while rounds are answered at once: in 12 of 16 short runs.
    faults: ['strike-new-leader'],
    alone: true,
    settings: { 'sync-min': '20', 'sync-max': '200', election: 'built-in' },
    readPaths: ['leader'],
    writePaths: ['quorum-ack'],
    depth: 'shallow',
  },
  {
    name: 'no-fence',
    about: 'A node takes entries from a leader of an older term, and acknowledges them in that term.',
    caughtBy: ['fenced', 'durable', 'linearizable', 'convergent'],
    faults: ['pause-leader', 'isolate-leader', 'one-way-cut'],
    readPaths: ['leader'],
    writePaths: ['quorum-ack'],
    depth: 'shallow',
  },
  {
    name: 'token-by-index',
    about:
      'A token is satisfied as soon as the log reaches its index: whichever term wrote that place, committed or not.',
    caughtBy: ['read-your-writes', 'monotonic-reads'],
    // A client of follower+token looks at the answer's position itself, and asks again. What other devices of a user have
    // written only the region's node knows; lost messages leave it with an entry that it can't know to be committed.
    // Found by 16 of 24.
    faults: ['slow-link', 'lossy-link'],
    alone: true,
    rate: 600,
    settings: { loss: '0.05', keys: '3', sessions: '96' },
    readPaths: ['region'],
    writePaths: ['quorum-ack'],
    depth: 'shallow',
  },
  {
    name: 'committed-read-after-restart',
    about: 'A restarted node takes its whole recovered log for committed, and serves it.',
    caughtBy: ['writes-follow-reads', 'linearizable', 'monotonic-reads'],
    // It comes back with what nobody else has, while nobody can tell it so, and goes on serving: in 18 of 20 short runs.
    faults: ['restart-cut-off-leader'],
    alone: true,
    settings: { 'serve-silent-ms': 'never', 'serve-lag': 'never', 'serve-disk-ms': 'never' },
    readPaths: ['leader', 'follower'],
    writePaths: ['quorum-ack'],
    depth: 'shallow',
  },
  {
    name: 'mismatch-from-uncommitted',
    about: 'A cas that does not match is answered at once, from entries that may yet be undone.',
    caughtBy: ['linearizable'],
    faults: ['isolate-leader', 'pause-leader'],
    readPaths: ['leader'],
    writePaths: ['quorum-ack'],
    depth: 'shallow',
  },
  {
    name: 'follower-serves-uncommitted',
    about: 'Committed reads see the whole log, the uncommitted suffix included.',
    caughtBy: ['writes-follow-reads', 'monotonic-reads', 'monotonic-writes'],
    faults: ['isolate-leader', 'kill-leader'],
    readPaths: ['follower'],
    writePaths: ['quorum-ack'],
    depth: 'shallow',
  },
  {
    name: 'truncate-committed',
    about: 'A follower cuts its log behind every append it receives, late duplicates included.',
    caughtBy: ['convergent', 'durable', 'linearizable'],
    faults: ['lossy-link', 'slow-link', 'kill-leader'],
    readPaths: ['leader'],
    writePaths: ['quorum-ack'],
    depth: 'shallow',
  },
  {
    name: 'lost-vote',
    about: 'A restarted voter has read back its log only: its vote, and the term it was given in, are forgotten.',
    caughtBy: ['one-leader-per-term', 'durable', 'linearizable'],
    // As above: in 19 of 20 short runs.
    faults: ['strike-new-leader'],
    alone: true,
    settings: { election: 'built-in' },
    depth: 'shallow',
  },
  {
    name: 'unfenced-switchover',
    about: 'Having asked its successor to stand, a leader goes on taking writes and answers them from its own disk.',
    caughtBy: ['durable', 'linearizable', 'fenced'],
    faults: ['switchover'],
    readPaths: ['leader'],
    writePaths: ['quorum-ack'],
    depth: 'shallow',
  },
  {
    name: 'lease-kept-during-switchover',
    about:
      'A leader that hands over goes on reading by its lease until the lease would have ended, whoever leads by then.',
    caughtBy: ['linearizable'],
    // Many who seldom ask: who writes to the old leader learns that it is none, which hears late. Found by 4 of 24.
    faults: ['switchover'],
    alone: true,
    voters: 3,
    rate: 300,
    settings: { sessions: '300', keys: '3', latency: '2', election: 'built-in' },
    readPaths: ['leader-lease'],
    writePaths: ['quorum-ack'],
    depth: 'deep',
  },
  {
    name: 'handover-without-catching-up',
    about: 'A successor is asked to stand whatever its log holds, and gets votes whatever its log holds.',
    caughtBy: ['durable', 'linearizable', 'convergent'],
    faults: ['switchover', 'slow-disk', 'slow-link'],
    readPaths: ['leader'],
    writePaths: ['quorum-ack'],
    depth: 'shallow',
  },
  {
    name: 'configuration-not-undone',
    about: 'A change of members that is cut from the log goes on counting at the node that cut it.',
    caughtBy: ['durable', 'linearizable', 'one-leader-per-term'],
    // Who did not undo the first change leads again and begins the next: two steps away. In 22 of 40 short runs.
    faults: ['undo-change'],
    alone: true,
    voters: 3,
    settings: { election: 'built-in', groups: '1', 'preferred-leaders': 'off' },
    readPaths: ['leader'],
    writePaths: ['quorum-ack'],
    depth: 'shallow',
  },
  {
    name: 'duplicate-lost-in-snapshot',
    about: 'Snapshots leave out the records of requests: a repeat of one that was compacted is applied a second time.',
    caughtBy: ['linearizable'],
    // While a voter is away an all-ack write is committed, in a snapshot, and asked for again. Found by 17 of 60.
    faults: ['kill-random', 'restart-all', 'kill-leader'],
    settings: { repeats: 'on', 'snapshot-entries': '10', 'timeout-ms': '5000', keys: '3' },
    readPaths: ['leader'],
    writePaths: ['all-ack'],
    depth: 'deep',
  },
  {
    name: 'snapshot-without-term-history',
    about: 'With compacted entries their terms are forgotten: any token of a compacted place counts as satisfied.',
    caughtBy: ['read-your-writes', 'monotonic-reads'],
    faults: ['isolate-leader', 'kill-leader'],
    settings: { 'snapshot-entries': '60' },
    readPaths: ['follower+token'],
    writePaths: ['leader-ack'],
    unseen:
      'Only a token of an undone write tells it from a sound store, and only leader-ack writes are undone: no path promises to ' +
      'show them. A sound store says once that they are gone (TOKEN_UNDONE), this one passes over it; but a refused read ' +
      'says nothing in a history. Shown by snapshot-undone.txt, and by chaos, which knows what has become of every token.',
    depth: 'shallow',
  },
  {
    name: 'membership-before-own-term',
    about: 'A new leader changes the members before an entry of its own term is committed.',
    caughtBy: ['durable', 'linearizable', 'one-leader-per-term'],
    // Only of an even number of voters are two halves majorities of what two leaders want: in 14 of 20 short runs.
    faults: ['rival-changes'],
    alone: true,
    voters: 4,
    settings: { election: 'built-in' },
    readPaths: ['leader'],
    writePaths: ['quorum-ack'],
    depth: 'shallow',
  },
  {
    name: 'no-recovery-epoch',
    about: 'A promotion by force counts on in ordinary terms, and its followers keep the logs they have.',
    caughtBy: ['one-leader-per-term', 'durable', 'linearizable', 'convergent'],
    faults: ['promote-by-force'],
    depth: 'shallow',
  },
  {
    name: 'damaged-node-votes',
    about: 'A node whose log was found damaged votes, and its copies count, before it has got back what it had lost.',
    caughtBy: ['durable', 'linearizable'],
    faults: ['corrupt-disk'], // in 9 of 14 short runs
    alone: true,
    voters: 3,
    settings: { election: 'built-in' },
    readPaths: ['leader'],
    writePaths: ['quorum-ack'],
    depth: 'shallow',
  },
  {
    name: 'lease-ignores-drift',
    about: "A lease lasts the shortest election timeout on the leader's own clock, however slow that clock may be.",
    caughtBy: ['linearizable'],
    // Many who seldom ask; a lease that is long beside the time that elections and clients take. Found by 11 of 40.
    faults: ['clock-drift-within', 'isolate-leader'],
    alone: true,
    rate: 300,
    settings: { 'lease-drift': '400000', 'election-ms': '800', sessions: '400', keys: '3' },
    readPaths: ['leader-lease'],
    writePaths: ['quorum-ack'],
    depth: 'deep',
  },
  {
    name: 'lease-from-answer',
    about: 'A lease runs from when the answer of a quorum arrives, and not from when the question was sent.',
    caughtBy: ['linearizable'],
    // Found by 5 of 24.
    faults: ['failing-link'],
    alone: true,
    rate: 300,
    settings: { sessions: '300', keys: '3' },
    readPaths: ['leader-lease'],
    writePaths: ['quorum-ack'],
    depth: 'deep',
  },
  {
    name: 'follower-linearizable-without-round',
    about: 'A leader answers a probe at once with its commit index, and asks nobody whether it still leads.',
    caughtBy: ['linearizable'],
    faults: ['isolate-leader', 'split-majority'],
    readPaths: ['follower-linearizable'],
    writePaths: ['quorum-ack'],
    depth: 'shallow',
  },
  {
    name: 'bounded-trusts-deposed-leader',
    about:
      'A follower takes its state for as new as the last message of whoever leads it, be that one deposed or ahead.',
    caughtBy: ['bounded-staleness'],
    faults: ['split-majority', 'one-way-cut', 'bridge'],
    readPaths: ['bounded-400ms'],
    writePaths: ['quorum-ack'],
    depth: 'shallow',
  },
  {
    name: 'bounded-from-answer',
    about: 'A bounded read counts the age of the state from when the answer to a probe arrived.',
    caughtBy: ['bounded-staleness'],
    // Found by 18 of 24.
    faults: ['slow-link'],
    alone: true,
    settings: { keys: '3' },
    readPaths: ['bounded-100ms'],
    writePaths: ['quorum-ack'],
    depth: 'shallow',
  },
  {
    name: 'stale-follower-serves',
    about:
      'A follower that has lost its leader, lags or has a full disk serves all the same, and bounded reads without a bound.',
    caughtBy: ['bounded-staleness'],
    faults: ['isolate-leader', 'split-majority', 'follower-slow-disk'],
    readPaths: ['bounded-400ms'],
    writePaths: ['quorum-ack'],
    depth: 'shallow',
  },
  {
    name: 'duplicate-applied-twice',
    about: 'A new leader knows nothing of the requests that its predecessors took, and takes their repeats anew.',
    caughtBy: ['linearizable'],
    // While a voter is away an all-ack write is in the log and asked for again and again. Found by 15 of 30.
    faults: ['kill-leader', 'kill-random', 'switchover'],
    alone: true,
    rate: 480,
    settings: { repeats: 'on', 'timeout-ms': '4000', keys: '3', sessions: '72', election: 'built-in' },
    readPaths: ['leader'],
    writePaths: ['all-ack'],
    depth: 'shallow',
  },
  {
    name: 'all-applied-on-append',
    about: 'An all-applied write is answered once every voter has it on disk, and not when it is served.',
    caughtBy: ['read-your-writes'],
    faults: ['slow-link', 'lossy-link'],
    readPaths: ['follower'],
    writePaths: ['all-applied'],
    depth: 'shallow',
  },
];

export const defectNames: readonly string[] = defects.map((defect) => defect.name);
