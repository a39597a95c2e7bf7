/**
 * The session guarantees and consistent prefix against naive twins: their definitions, tried on every order of the writes of a
 * small history; long because: the histories and the twins, whose definitions build on one another, are read together.
 */
import { expect, test } from 'vitest';
import { CAS, FAIL, HAS_ACTUAL, type History, INFO, NONE, OK, READ } from '../../history/history.ts';
import { Random } from '../../history/random.ts';
import { rounds, seed } from '../../test-support/rounds.ts';
import { smallHistory, term } from '../../test-support/session-histories.ts';
import { type Checker, defaultSemantics, unlimited } from '../checker.ts';
import consistentPrefix from '../guarantees/consistent-prefix.ts';
import monotonicReads from '../guarantees/monotonic-reads.ts';
import monotonicWrites from '../guarantees/monotonic-writes.ts';
import readYourWrites from '../guarantees/read-your-writes.ts';
import writesFollowReads from '../guarantees/writes-follow-reads.ts';

/** With a read after all rows for each cas that says what it found, at the moments of the cas. */
function withReads(history: History): History {
  const cas = Array.from({ length: history.length }, (_, row) => row).filter(
    (row) => history.f[row] === CAS && (history.outcome[row] === OK || (history.flags[row] & HAS_ACTUAL) !== 0),
  );
  const more = (column: ArrayLike<number>, added: (row: number) => number = (row) => column[row]): Int32Array =>
    Int32Array.from([...Array.from(column), ...cas.map(added)]);
  const floats = (column: Float64Array): Float64Array => Float64Array.from([...column, ...cas.map(() => Number.NaN)]);
  const { f, outcome, expected, actual, key, value, call, ret, session, device, process, batch, node } = history;
  const found = (row: number): number => (outcome[row] === OK ? expected[row] : actual[row]);
  const columns = {
    f: Uint8Array.from(more(f, () => READ)),
    outcome: Uint8Array.from(more(outcome, () => OK)),
    value: more(value, found),
    batch: more(batch, () => NONE),
    key: more(key),
    call: more(call),
    ret: more(ret),
    session: more(session),
    device: more(device),
    process: more(process),
    node: more(node),
    versionAt: floats(history.versionAt),
    positionAt: floats(history.positionAt),
    versionHistory: more(history.versionHistory),
    positionHistory: more(history.positionHistory),
  };
  return { ...history, ...columns };
}

const INITIAL = -1;

/** Own writes that were acknowledged; those and what was read back of the others; all that was read. */
type Binding = 'acknowledged' | 'own' | 'seen';

/** What the definitions speak of, found by looking at every pair of rows. */
class Twin {
  readonly history: History;
  readonly #byDevice: boolean;
  readonly rows: readonly number[];
  readonly #sources: (readonly number[] | undefined)[] = [];

  /** @param casReads whether what a cas found counts as a read of its session */
  constructor(history: History, byDevice: boolean, casReads: boolean) {
    this.history = casReads ? withReads(history) : history;
    this.#byDevice = byDevice;
    this.rows = Array.from({ length: this.history.f.length }, (_, row) => row);
    this.#findSources();
  }

  thread(row: number): string {
    const { session, device, process } = this.history;
    if (session[row] === NONE) return `p${process[row]}`;
    return this.#byDevice ? `${session[row]} ${device[row]}` : String(session[row]);
  }

  isWrite(row: number): boolean {
    return this.history.f[row] !== READ && this.history.f[row] <= CAS && this.history.outcome[row] !== FAIL;
  }

  isRead(row: number): boolean {
    return this.history.f[row] === READ && this.history.outcome[row] === OK;
  }

  /** The writes that a read may have returned. */
  sources(read: number): readonly number[] {
    return this.#sources[read] ?? [];
  }

  /** Versions of the writes: their own, and those of reads that can have returned nothing else, which tell later reads something. */
  #findSources(): void {
    const { versionAt } = this.history;
    const versions = Float64Array.from(this.rows, (row) => (this.isWrite(row) ? versionAt[row] : Number.NaN));
    for (const read of this.rows) {
      if (!this.isRead(read)) continue;
      const sources = this.#possibleSources(read, versions);
      this.#sources[read] = sources;
      const [only] = sources;
      if (sources.length === 1 && only !== INITIAL && Number.isNaN(versions[only])) versions[only] = versionAt[read];
    }
  }

  #possibleSources(read: number, versions: Float64Array): readonly number[] {
    const { key, value, versionAt, call, ret } = this.history;
    const all = this.rows.filter((row) => this.isWrite(row) && key[row] === key[read] && value[row] === value[read]);
    const earlier = all.filter((row) => call[row] < ret[read]);
    const alike = earlier.length > 0 ? earlier : all;
    if (value[read] === 1 && alike.length === 0) return [INITIAL]; // reference 1 is null
    if (Number.isNaN(versionAt[read]) || alike.length === 1) return alike;
    const same = alike.filter((row) => versions[row] === versionAt[read]);
    return same.length > 0 ? same : alike.filter((row) => Number.isNaN(versions[row]));
  }

  reads(write: number): readonly number[] {
    return this.rows.filter(
      (row) => this.isRead(row) && this.sources(row).length === 1 && this.sources(row)[0] === write,
    );
  }

  happened(write: number): boolean {
    return this.history.outcome[write] === OK || this.reads(write).length > 0;
  }

  version(write: number): number {
    const { versionAt } = this.history;
    return versionAt[[write, ...this.reads(write)].find((row) => !Number.isNaN(versionAt[row])) ?? write];
  }

  /** What a completed operation binds its thread to. */
  bound(row: number, kind: Binding): number | undefined {
    if (!this.isRead(row))
      return kind !== 'seen' && this.isWrite(row) && this.history.outcome[row] === OK ? row : undefined;
    if (kind === 'acknowledged') return undefined;
    const [write, ...others] = this.sources(row);
    if (write === undefined || write === INITIAL || others.length > 0) return undefined;
    const own = this.history.outcome[write] === INFO && this.thread(write) === this.thread(row);
    return kind === 'seen' || own ? write : undefined;
  }

  /** When a write had certainly taken effect; no earlier than it was asked for. */
  done(write: number): number {
    const { ret, call } = this.history;
    const ends = [ret[write], ...this.reads(write).map((read) => ret[read])];
    return Math.min(...ends.map((end) => Math.max(end, call[write])));
  }

  /** The pairs of these writes of which the first is known to come first. Versions count where they do not contradict time. */
  known(writes: readonly number[]): (a: number, b: number) => boolean {
    const { call } = this.history;
    const ends = new Map(writes.map((write) => [write, this.done(write)]));
    const places = new Map(writes.map((write) => [write, this.version(write)]));
    const inTime = (a: number, b: number): boolean => (ends.get(a) ?? 0) < call[b];
    const byVersion = (a: number, b: number): boolean => (places.get(a) ?? Number.NaN) < (places.get(b) ?? Number.NaN);
    const agree = !writes.some((a) => writes.some((b) => byVersion(a, b) && inTime(b, a)));
    return (a, b) => inTime(a, b) || (agree && byVersion(a, b));
  }

  /** Whether any order of some writes that `mustPrecede` allows is as it shall be. */
  someOrder(
    writes: readonly number[],
    mustPrecede: (a: number, b: number) => boolean,
    holds: (order: readonly number[]) => boolean = () => true,
  ): boolean {
    const extend = (order: readonly number[], left: readonly number[]): boolean =>
      left.length === 0
        ? holds(order)
        : left.some(
            (first) =>
              left.every((other) => other === first || !mustPrecede(other, first)) &&
              extend(
                [...order, first],
                left.filter((write) => write !== first),
              ),
          );
    return extend([], writes);
  }

  /** Whether some total order of each key's writes respects time, versions, and all of what is wanted: [before, after]. */
  satisfiable(wanted: readonly (readonly [number, number])[]): boolean {
    const { key, call } = this.history;
    if (wanted.some(([before, after]) => after !== INITIAL && this.done(after) < call[before])) return false;
    if (wanted.some(([before, after]) => after !== INITIAL && this.version(after) < this.version(before))) return false;
    return this.history.keys.every((_, ofKey) => {
      const writes = this.rows.filter((row) => this.isWrite(row) && key[row] === ofKey && this.happened(row));
      if (wanted.some(([before, after]) => after === INITIAL && writes.includes(before))) return false;
      const known = this.known(writes);
      return this.someOrder(
        writes,
        (a, b) => known(a, b) || wanted.some(([before, after]) => before === a && after === b),
      );
    });
  }

  /** Whether a read returned what nobody wrote: no order of the writes explains that. */
  readsUnwritten(): boolean {
    return this.rows.some((row) => this.isRead(row) && this.sources(row).length === 0);
  }

  /** Whether what is said of versions and positions cannot be. */
  lies(): boolean {
    return this.#versionsLie() || this.#positionsLie();
  }

  /** Two of one write, one of two, or against time within a term. */
  #versionsLie(): boolean {
    const { call, ret, outcome, versionAt } = this.history;
    const said: (readonly [number, number])[] = [];
    for (const row of this.rows) {
      if (Number.isNaN(versionAt[row])) continue;
      if (this.isRead(row) && this.sources(row).length === 1) said.push([this.sources(row)[0], versionAt[row]]);
      if (this.isWrite(row) && outcome[row] === OK) said.push([row, versionAt[row]]);
    }
    if (said.some(([a, at]) => said.some(([b, other]) => a >= 0 && b >= 0 && a !== b && at === other))) return true;
    // A write may have been sent again to the next leader: until it is undone the first one has a version of the older term.
    const isTwice = (write: number, one: number, other: number): boolean =>
      term(one) !== term(other) && (outcome[write] !== OK || Number.isNaN(versionAt[write]) || term(other) < term(one));
    if (said.some(([a, at]) => a >= 0 && at !== this.version(a) && !isTwice(a, this.version(a), at))) return true;
    const writes = this.rows.filter((row) => this.isWrite(row) && this.happened(row));
    // A version is there from when it was told on, by the acknowledgement or by a read.
    const told = (write: number): number => {
      const reads = this.rows.filter(
        (row) =>
          this.isRead(row) &&
          this.sources(row).length === 1 &&
          this.sources(row)[0] === write &&
          versionAt[row] === this.version(write) &&
          ret[row] >= call[write],
      );
      const own = outcome[write] === OK && !Number.isNaN(versionAt[write]) ? [write] : [];
      return Math.min(...[...own, ...reads].map((row) => ret[row]));
    };
    return writes.some((a) =>
      writes.some(
        (b) =>
          told(a) < call[b] && term(this.version(a)) === term(this.version(b)) && this.version(b) < this.version(a),
      ),
    );
  }

  /** A state that holds what lies above it, misses what its own term wrote below it, or is two. */
  #positionsLie(): boolean {
    const { key, value, batch, versionAt, positionAt } = this.history;
    const reads = this.rows.filter((row) => this.isRead(row) && !Number.isNaN(positionAt[row]));
    const writes = this.rows.filter((row) => this.isWrite(row) && this.happened(row));
    return reads.some((read) => {
      const at = positionAt[read];
      if (versionAt[read] > at) return true;
      const others = reads.filter((other) => key[other] === key[read] && positionAt[other] === at);
      if (
        others.some((other) => value[other] !== value[read] && (batch[read] === NONE || batch[other] !== batch[read]))
      )
        return true;
      if (this.sources(read).length !== 1) return false;
      const [shown] = this.sources(read);
      const told = shown === INITIAL ? -1 : this.version(shown);
      if (Number.isNaN(versionAt[read]) && told > at && term(told) === term(at)) return true;
      // Of a write that may have been sent again only the read tells which one it shows, or the acknowledgement.
      const place = shown === INITIAL ? -1 : Number.isNaN(versionAt[read]) ? versionAt[shown] : versionAt[read];
      if (shown !== INITIAL && place !== told) return false;
      return writes.some((write) => {
        const its = this.version(write);
        return write !== shown && key[write] === key[read] && term(its) === term(at) && its <= at && place < its;
      });
    });
  }

  /** Whether some order of all writes has a prefix for each state, and for a later state of a log no shorter one. */
  consistentPrefix(): boolean {
    const { key } = this.history;
    const reads = this.rows.filter((row) => this.isRead(row));
    const showing = reads.filter((row) => this.sources(row).length === 1);
    const pairs = showing.flatMap((a) => showing.filter((b) => this.continues(a, b)).map((b) => [a, b] as const));
    const writes = this.rows.filter((row) => this.isWrite(row) && this.happened(row));
    return this.someOrder(writes, this.known(writes), (order) =>
      pairs.every(([a, b]) => {
        const shown = order.indexOf(this.sources(b)[0]);
        const next = order.findIndex((write, i) => i > shown && key[write] === key[b]);
        return next === -1 || order.indexOf(this.sources(a)[0]) < next;
      }),
    );
  }

  /** Reads after what binds their thread. */
  byThread(kind: Binding): boolean {
    const { key, ret, call } = this.history;
    const wanted: [number, number][] = [];
    for (const read of this.rows.filter((row) => this.isRead(row))) {
      const sources = this.sources(read);
      for (const row of this.rows) {
        const write = this.bound(row, kind);
        if (write === undefined || key[write] !== key[read] || this.thread(row) !== this.thread(read)) continue;
        if (ret[row] >= call[read] || sources.length !== 1) continue;
        if (sources[0] !== write) wanted.push([write, sources[0]]);
      }
    }
    return this.satisfiable(wanted);
  }

  /** Whether what one read saw is part of what the other saw. */
  continues(first: number, second: number): boolean {
    const { batch, node, positionAt, positionHistory, call, ret, notes } = this.history;
    const life = (row: number): string =>
      notes
        .map(({ at, f }) =>
          f === 'down' && node[row] === this.history.nodes.indexOf('n0') ? `${at <= call[row]} ${at <= ret[row]}` : '',
        )
        .join();
    const broken = (row: number): boolean => life(row).includes('false true');
    const placed = (row: number): boolean => !Number.isNaN(positionAt[row]) && !broken(row);
    if (!placed(first) || !placed(second)) {
      return (
        !placed(first) &&
        !placed(second) &&
        (first === second || (batch[first] !== NONE && batch[first] === batch[second]))
      );
    }
    return (
      node[first] === node[second] &&
      life(first) === life(second) &&
      positionHistory[first] === positionHistory[second] &&
      positionAt[first] <= positionAt[second]
    );
  }

  byState(kind: Binding): boolean {
    const { key, ret, call } = this.history;
    const wanted: [number, number][] = [];
    const reads = this.rows.filter((row) => this.isRead(row) && this.sources(row).length === 1);
    for (const via of reads) {
      const [later] = this.sources(via);
      if (later === INITIAL) continue;
      for (const row of this.rows) {
        const write = this.bound(row, kind);
        if (write === undefined || this.thread(row) !== this.thread(later) || ret[row] >= call[later]) continue;
        for (const read of reads) {
          const [shown] = this.sources(read);
          if (key[read] === key[write] && shown !== write && this.continues(via, read)) wanted.push([write, shown]);
        }
      }
    }
    return this.satisfiable(wanted);
  }
}

const guarantees: readonly [Checker, (twin: Twin) => boolean][] = [
  [readYourWrites, (twin) => twin.byThread('acknowledged')],
  [monotonicReads, (twin) => twin.byThread('seen')],
  [monotonicWrites, (twin) => twin.byState('own')],
  [writesFollowReads, (twin) => twin.byState('seen')],
  [consistentPrefix, (twin) => twin.consistentPrefix()],
];

test.each(guarantees)(
  `$name agrees with its definition (seed ${seed}, ${rounds} histories)`,
  { timeout: 3_600_000 },
  (checker, holds) => {
    const found = { valid: 0, invalid: 0, unknown: 0, 'invalid without a lie': 0, lies: 0 };
    for (let round = 0; round < rounds; round++) {
      const random = new Random(seed).fork(round);
      const history = smallHistory(random);
      const byDevice = random.chance(0.3);
      const semantics = { ...defaultSemantics, thread: byDevice ? ('device' as const) : ('session' as const) };
      const verdict = checker.check(history, unlimited, semantics);
      found[verdict.type]++;
      const twin = new Twin(history, byDevice, checker !== consistentPrefix);
      const lies = twin.lies();
      const expected = !twin.readsUnwritten() && !lies && holds(twin);
      if (lies) found.lies++;
      else if (!expected) found['invalid without a lie']++;
      const context = `TIDEMARK_SEED=${seed}, round ${round}: ${JSON.stringify(verdict)}`;
      expect(verdict.type === 'invalid', context).toBe(!expected);
      if (verdict.type === 'unknown') {
        expect(verdict.examined.pairs === 0 || verdict.examined.ambiguous > 0, context).toBe(true);
      }
    }
    for (const [type, count] of Object.entries(found))
      expect(count, `${type} of ${rounds}, TIDEMARK_SEED=${seed}`).toBeGreaterThan(rounds / 100);
  },
);
