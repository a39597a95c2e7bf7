/**
 * Sequential consistency where the store says in which order it wrote: session order, reads-from, each version before the
 * next one of its key, and each read before the version that replaced what it returned (the dependencies of Adya 1999).
 * Over all keys at once; a circle means that no order of all operations keeps to these versions; without one, one does.
 *
 * Versions are claims. Those that contradict the values are anomalies of their own, and only versions of one term are sure
 * to have the order of their numbers: what a deposed leader acknowledged last was undone. An order through all terms is
 * merely tried.
 */
import { type History, NONE } from '../../history/history.ts';
import type { Anomaly, Verdict } from '../checker.ts';
import { circlesOf, type Step } from '../causal/converge.ts';
import { IntList } from '../causal/int-list.ts';
import { type Case, invalid, standing } from '../causal/judge.ts';
import { chainBetween } from '../causal/paths.ts';
import { endOf, INITIAL, unitOf } from '../causal/units.ts';
import { WritesByKey } from '../causal/views.ts';
import { anomalyOf, did, keyText, tellChain, type Told, writeTo, written } from '../causal/words.ts';
import { placeText, type Places, termOf } from '../positions.ts';
import { explainClaim } from '../sessions/claim-words.ts';
import { prepare } from '../sessions/rule.ts';

const CLAIMS_SHOWN = 10;
/** In how many terms a key is looked for the first write after a read of its initial value. */
const TERMS_TRIED = 4;

/** What versions alone decide; undefined where they do not. */
export function judgeVersions(at: Case): Verdict | undefined {
  const { history, semantics, examined, past } = at;
  if (!hasVersions(history)) return undefined;
  const { registers } = prepare(history, semantics);
  // An order of all operations need not be that of time.
  const claims = registers.falseClaims.filter(({ type }) => type !== 'order against real time');
  if (claims.length > 0) {
    const anomalies = claims.slice(0, CLAIMS_SHOWN).map((claim) => explainClaim(registers, claim));
    return invalid({ anomalies, count: claims.length }, examined);
  }
  const order = new VersionOrder(at, registers.timeless);
  const circlesIn = (edges: IntList): ReturnType<typeof circlesOf> => circlesOf(at.units, at.sessions, past, edges);
  const all = order.isComplete || !order.hasTerms ? circlesIn(order.edges(true)) : undefined;
  // What a refused cas found is not in the graph.
  if (all?.count === 0 && order.isComplete && past.denials.length === 0) return standing(at);
  const sure = order.hasTerms ? circlesIn(order.edges(false)) : all;
  if (sure === undefined || sure.count === 0) return undefined;
  const anomalies = sure.circles.map((circle) => explainVersions(at, registers.timeless, circle));
  return invalid({ anomalies, count: sure.count }, examined);
}

/** Whether one order of all operations keeps to the versions: whatever else the store says, such an order then exists. */
export function hasVersionOrder(at: Case): boolean {
  if (!hasVersions(at.history)) return false;
  const order = new VersionOrder(at, prepare(at.history, at.semantics).registers.timeless);
  return order.isComplete && circlesOf(at.units, at.sessions, at.past, order.edges(true)).count === 0;
}

export function hasVersions({ versionGroup }: History): boolean {
  return versionGroup.some((group) => group !== NONE);
}

class VersionOrder {
  /** Whether all writes that happened have versions. */
  isComplete = true;
  /** Whether the versions of some key are of several terms, or of several groups. */
  hasTerms = false;
  readonly #at: Case;
  readonly #places: Places;
  readonly #writes: WritesByKey;
  /** Per write row: the row of the next one of its key by version, or NONE. */
  readonly #next: Int32Array;
  /** Per key: where each term begins, in order; at most so many. */
  readonly #first: number[][] = [];

  constructor(at: Case, places: Places) {
    this.#at = at;
    this.#places = places;
    this.#writes = new WritesByKey(at.units);
    this.#next = new Int32Array(at.history.length).fill(NONE);
    for (let k = 0; k < at.history.keys.length; k++) this.#chain(k);
  }

  /** Edges of version order and of reads, as {@link circlesOf} takes them; with `all`, also from one term to the next. */
  edges(all: boolean): IntList {
    const { history, units, past } = this.#at;
    const { source } = units;
    const edges = new IntList(1024);
    const add = (from: number, to: number, says: number): void => {
      if (from === to) return;
      edges.push(from);
      edges.push(to);
      edges.push(says);
    };
    for (let i = 0; i < past.length; i++) {
      const unit = past.order[i];
      for (let row = unit, end = endOf(history, unit); row < end; row++) {
        const next = this.#next[row];
        if (next !== NONE && (all || this.#sameTerm(row, next))) add(unit, unitOf(history, next), wroteAs(row));
        if (source[row] >= 0) {
          const later = this.#next[source[row]];
          if (later !== NONE && (all || this.#sameTerm(source[row], later))) add(unit, unitOf(history, later), row);
        } else if (source[row] === INITIAL) {
          for (const write of this.#first[history.key[row]]) add(unit, unitOf(history, write), row);
        }
      }
    }
    return edges;
  }

  #sameTerm(a: number, b: number): boolean {
    const { group, history } = this.#places;
    return group[a] === group[b] && history[a] === history[b];
  }

  /** Sorts the writes of a key by version. Terms that have no order are put in some order, which is not relied on. */
  #chain(k: number): void {
    const { group, history, at } = this.#places;
    const { start, rows } = this.#writes;
    const writes = rows.subarray(start[k], start[k + 1]);
    let known = writes;
    if (writes.some((write) => group[write] === NONE)) {
      // One write alone needs no version to be told from others.
      if (writes.length > 1) this.isComplete = false;
      else this.#first[k] = [writes[0]];
      known = writes.filter((write) => group[write] !== NONE);
    }
    const term = (write: number): number => {
      const number = termOf(history[write]);
      return Number.isNaN(number) ? Number.POSITIVE_INFINITY : number;
    };
    const compare = (a: number, b: number): number => {
      if (this.#sameTerm(a, b)) return at[a] - at[b];
      if (group[a] !== group[b]) return group[a] - group[b];
      return term(a) < term(b) ? -1 : term(a) > term(b) ? 1 : history[a] - history[b];
    };
    for (let i = 1; i < known.length; i++) {
      if (compare(known[i - 1], known[i]) <= 0) continue;
      known = known.slice().sort(compare);
      break;
    }
    this.#first[k] ??= known.length === 0 ? [] : [known[0]];
    for (let i = 1; i < known.length; i++) {
      this.#next[known[i - 1]] = known[i];
      if (this.#sameTerm(known[i - 1], known[i])) continue;
      this.hasTerms = true;
      if (this.#first[k].length < TERMS_TRIED) this.#first[k].push(known[i]);
    }
  }
}

/** What an edge between writes says: the row of the first, told from the rows of reads. */
function wroteAs(row: number): number {
  return -2 - row;
}

function explainVersions(at: Case, versions: Places, circle: readonly Step[]): Anomaly {
  const { history, source } = at.units;
  const place = (write: number): string =>
    versions.group[write] === NONE ? '' : ` ${placeText(history, versions, write)}`;
  const told: Told[] = [];
  /** Which rows an edge is between. */
  const ends = (says: number, unit: number): readonly [number, number] => {
    const from = says < NONE ? -2 - says : says;
    return [from, writeTo(at, unit, history.key[from])];
  };
  const edges = circle.filter(({ conflict }) => conflict !== undefined);
  edges.forEach(({ conflict }, i) => {
    if (conflict === undefined) return;
    const [from, to] = ends(conflict.read, conflict.to);
    const x = keyText(history, from);
    const newer = `${written(at, to)}${place(to)}`;
    const known = source[from];
    if (conflict.read < NONE) {
      told.push({ text: `${written(at, from)}${place(from)} comes before ${newer} in ${x}`, rows: [from, to] });
    } else if (known === INITIAL) {
      const text = `${at.threads.name(from)} ${did(at, from)}, the initial value, which ${newer} replaced`;
      told.push({ text, rows: [from, to] });
    } else {
      const text = `${at.threads.name(from)} ${did(at, from)}${place(known)}, which ${newer} replaced`;
      told.push({ text, rows: [from, known, to] });
    }
    const next = edges[(i + 1) % edges.length].conflict;
    if (next === undefined || next.from === conflict.to) return;
    const [last] = ends(next.read, next.to);
    const chain = chainBetween(at.units, at.sessions, conflict.to, next.from);
    if (chain !== undefined) told.push(tellChain(at, chain, to, last));
  });
  const clauses = told.map(({ text }) => text).join('; ');
  const sentence = `In the order of versions that the store reports, no one order of all operations explains this: ${clauses}.`;
  return anomalyOf(
    history,
    'against the order of versions',
    sentence,
    told.flatMap(({ rows }) => rows),
  );
}
