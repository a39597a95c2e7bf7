/**
 * Why some operations have no order, as a chain of reasons: who came before whom, because of their sessions, because one found what the
 * other wrote, or because otherwise a read would not have found the latest write; until these go round in a circle (the rules of
 * Bouajjani, Enea & others, Gradual consistency checking, CAV 2019). Where only a search tells, what each session did.
 */
import { INFO, NONE } from '../../history/history.ts';
import { type Units, unitName, unitOf } from '../causal/units.ts';
import { did, keyText, written } from '../causal/words.ts';
import { DENIES, found, READS, reference, SWAPS, WRITES } from '../linearizable/register.ts';
import type { Threads } from '../sessions/threads.ts';

/** Of more rows than these it takes too long, and nobody reads it. */
export const ROWS_TOLD = 60;
const SAID = 12;

interface Edge {
  readonly from: number;
  readonly to: number;
  /** `latest`: a write that came before a read came before what that read found; `replaced`: a read came before what replaced that. */
  readonly kind: 'session' | 'found' | 'still initial' | 'latest' | 'replaced';
  /** The rows that it speaks of; NONE for an edge of a session. */
  readonly out: number;
  readonly in: number;
  /** Of `latest` and `replaced`: the way that forces it, and the row that it ends with. */
  readonly way: readonly Edge[];
  readonly last: number;
}

/** The sentence on rows that no order explains. */
export function tellNoOrder(units: Units, threads: Threads, some: readonly number[]): string {
  const { deeds } = units;
  const rows = some.filter((row) => [READS, WRITES, SWAPS, DENIES].includes(deeds[row])).sort((a, b) => a - b);
  const circle = rows.length <= ROWS_TOLD ? new Reasons(units, threads, rows).circle() : undefined;
  const teller = new ReasonTeller(units, threads);
  return `No one order of all operations explains this: ${circle === undefined ? teller.all(rows) : teller.circle(circle)}.`;
}

class Reasons {
  readonly #units: Units;
  readonly #threads: Threads;
  readonly #rows: readonly number[];
  readonly #nodes: readonly number[];
  readonly #edges: Edge[] = [];
  /** By `from`, and the pairs that are there. */
  readonly #after = new Map<number, Edge[]>();
  readonly #known = new Set<string>();
  /** Reads with the one write that each can have found, by rows; NONE for the initial value. */
  readonly #sources: { readonly read: number; readonly write: number }[] = [];

  constructor(units: Units, threads: Threads, rows: readonly number[]) {
    this.#units = units;
    this.#threads = threads;
    this.#rows = rows;
    for (const read of rows) {
      const writes = this.#mayHaveFound(read);
      if (writes?.length === 1) this.#sources.push({ read, write: writes[0] });
    }
    const read = new Set(this.#sources.map(({ write }) => write).filter((write) => write !== NONE));
    const { outcome } = units.history;
    const happened = (row: number): boolean =>
      outcome[row] !== INFO || rows.some((other) => read.has(other) && this.#unit(other) === this.#unit(row));
    this.#nodes = [...new Set(rows.filter(happened).map((row) => this.#unit(row)))];
    this.#begin();
  }

  /** Edges that lead from somewhere back to there, as few as there are when the first such way is found. */
  circle(): readonly Edge[] | undefined {
    for (;;) {
      const circles = this.#nodes.flatMap((unit) => {
        const way = this.#way(unit, unit);
        return way === undefined ? [] : [way];
      });
      if (circles.length > 0) return circles.reduce((a, b) => (weight(b) < weight(a) ? b : a));
      const more = this.#forced();
      if (more.length === 0) return undefined;
      for (const edge of more) this.#add(edge);
    }
  }

  #unit(row: number): number {
    return unitOf(this.#units.history, row);
  }

  #begin(): void {
    const { history } = this.#units;
    for (const from of this.#nodes) {
      for (const to of this.#nodes) {
        if (this.#threads.of[from] !== this.#threads.of[to] || history.ret[from] >= history.call[to]) continue;
        this.#add({ from, to, kind: 'session', out: NONE, in: NONE, way: [], last: NONE });
      }
    }
    for (const { read, write } of this.#sources) {
      const to = this.#unit(read);
      if (write !== NONE) {
        this.#add({ from: this.#unit(write), to, kind: 'found', out: write, in: read, way: [], last: NONE });
        continue;
      }
      for (const other of this.#writesBeside(read)) {
        const next = this.#unit(other);
        this.#add({ from: to, to: next, kind: 'still initial', out: read, in: other, way: [], last: NONE });
      }
    }
  }

  /** What a read can have found: writes, or NONE for the initial value; undefined where it is no read. */
  #mayHaveFound(read: number): readonly number[] | undefined {
    const { history, reading, deeds } = this.#units;
    if (deeds[read] !== READS && deeds[read] !== SWAPS) return undefined;
    const ref = deeds[read] === READS ? found(history, reading, read) : reference(reading, history.expected[read]);
    const writes = this.#rows.filter(
      (row) => this.#writes(row, history.key[read]) && reference(reading, history.value[row]) === ref,
    );
    const others = writes.filter((row) => this.#unit(row) !== this.#unit(read));
    return ref === reading.initial ? [...others, NONE] : others;
  }

  #writes(row: number, key: number): boolean {
    const { history, deeds } = this.#units;
    return history.key[row] === key && (deeds[row] === WRITES || deeds[row] === SWAPS);
  }

  /** Writes to the key of a read by other units, that have happened. */
  #writesBeside(read: number): readonly number[] {
    const { key } = this.#units.history;
    return this.#rows.filter(
      (row) =>
        this.#writes(row, key[read]) && this.#unit(row) !== this.#unit(read) && this.#nodes.includes(this.#unit(row)),
    );
  }

  #add(edge: Edge): void {
    const pair = `${edge.from} ${edge.to}`;
    if (this.#known.has(pair)) return;
    this.#known.add(pair);
    this.#edges.push(edge);
    this.#after.set(edge.from, [...(this.#after.get(edge.from) ?? []), edge]);
  }

  /** What follows from the edges there are, and is not said by them. */
  #forced(): readonly Edge[] {
    const more: Edge[] = [];
    for (const { read, write } of this.#sources) {
      if (write === NONE) continue;
      const [reader, from] = [this.#unit(read), this.#unit(write)];
      for (const other of this.#writesBeside(read)) {
        const between = this.#unit(other);
        if (between === from) continue;
        const before = this.#known.has(`${between} ${from}`) ? undefined : this.#way(between, reader);
        if (before !== undefined)
          more.push({ from: between, to: from, kind: 'latest', out: other, in: write, way: before, last: read });
        const after = this.#known.has(`${reader} ${between}`) ? undefined : this.#way(from, between);
        if (after !== undefined)
          more.push({ from: reader, to: between, kind: 'replaced', out: read, in: other, way: after, last: other });
      }
    }
    return more;
  }

  /** The way from one unit to another, or back to itself, that is told with the fewest edges. */
  #way(from: number, to: number): readonly Edge[] | undefined {
    const came = new Map<number, Edge>();
    const queue = [from];
    for (const unit of queue) {
      for (const edge of this.#after.get(unit) ?? []) {
        if (edge.to === to) {
          const way = [edge];
          for (let at = edge.from; at !== from; ) {
            const step = came.get(at);
            if (step === undefined) break;
            way.unshift(step);
            at = step.from;
          }
          return way;
        }
        if (edge.to === from || came.has(edge.to)) continue;
        came.set(edge.to, edge);
        queue.push(edge.to);
      }
    }
    return undefined;
  }
}

function weight(way: readonly Edge[]): number {
  return way.reduce((sum, edge) => sum + 1 + weight(edge.way), 0);
}

class ReasonTeller {
  readonly #units: Units;
  readonly #threads: Threads;
  /** Forced edges that have been told, by their number. */
  readonly #told = new Map<Edge, number>();
  readonly #reasons: string[] = [];

  constructor(units: Units, threads: Threads) {
    this.#units = units;
    this.#threads = threads;
  }

  circle(edges: readonly Edge[]): string {
    for (const edge of edges) this.#reason(edge);
    const [first, second] = edges;
    const isPair = edges.length === 2 && first.kind === 'latest' && second.kind === 'latest';
    if (isPair) return `${this.#reasons.join('; ')}; both cannot be`;
    const begin = first.out !== NONE ? first.out : edges[edges.length - 1].in;
    const text = this.#walk(edges, begin === NONE ? first.from : begin, NONE);
    return [...this.#reasons, `${this.#reasons.length === 0 ? '' : 'and so '}${text}, which is a circle`].join('; ');
  }

  /** By session, where no chain of reasons is known: every order that sessions allow was tried. */
  all(rows: readonly number[]): string {
    const threads = [...new Set(rows.slice(0, SAID).map((row) => this.#threads.of[row]))];
    const said = threads.map((thread) => {
      const own = rows.slice(0, SAID).filter((row) => this.#threads.of[row] === thread);
      return `${this.#threads.name(own[0])} ${own.map((row) => this.#did(row)).join(', then ')}`;
    });
    if (rows.length > SAID) said.push(`and ${rows.length - SAID} more operations`);
    return `${said.join('; ')}; in each order that the sessions allow, some of these does not find what was written last`;
  }

  #reason(edge: Edge): void {
    if (edge.way.length === 0 || this.#told.has(edge)) return;
    for (const before of edge.way) this.#reason(before);
    const { history } = this.#units;
    const x = keyText(history, edge.in);
    const claim =
      edge.kind === 'latest'
        ? `${written(this.#at, edge.out)} came to ${x} before ${written(this.#at, edge.in)}`
        : `${this.#threads.name(edge.out)} ${this.#did(edge.out)} before ${this.#threads.name(edge.in)} ${this.#did(edge.in)}`;
    const begin = edge.kind === 'latest' ? edge.out : edge.way[0].out;
    const text = this.#walk(edge.way, begin === NONE ? this.#writeOf(edge) : begin, edge.last);
    this.#told.set(edge, this.#told.size + 1);
    this.#reasons.push(`(${this.#told.size}) ${claim}, for ${text}`);
  }

  /** The write that was replaced. */
  #writeOf({ in: other, way }: Edge): number {
    const { history, deeds } = this.#units;
    for (let row = way[0].from; row < history.length && unitOf(history, row) === way[0].from; row++) {
      if (history.key[row] === history.key[other] && (deeds[row] === WRITES || deeds[row] === SWAPS)) return row;
    }
    return way[0].from;
  }

  get #at(): { readonly units: Units } {
    return { units: this.#units };
  }

  #did(row: number): string {
    const { history, deeds } = this.#units;
    const is = history.outcome[row] === INFO && deeds[row] !== DENIES ? ' (outcome unknown)' : '';
    return `${did(this.#at, row)}${is}`;
  }

  /** A way in words, from one row to another. */
  #walk(way: readonly Edge[], begin: number, last: number): string {
    let at = begin;
    let text = `${this.#threads.name(at)} ${this.#did(at)}`;
    const goTo = (row: number): void => {
      if (row !== NONE && row !== at) {
        text += ` and in the same ${unitName(this.#units.history, row)} ${this.#did(row)}`;
      }
      if (row !== NONE) at = row;
    };
    way.forEach((edge, i) => {
      goTo(edge.out);
      const who = this.#threads.name(edge.in === NONE ? edge.to : edge.in);
      if (edge.kind === 'session') {
        const next = i + 1 < way.length ? way[i + 1].out : last;
        at = next !== NONE && unitOf(this.#units.history, next) === edge.to ? next : edge.to;
        text += `, then ${this.#did(at)}`;
        return;
      }
      at = edge.in;
      const number = this.#told.get(edge);
      if (edge.kind === 'found') text += `, which ${who} ${this.#units.deeds[at] === READS ? 'read' : this.#did(at)}`;
      else text += `, before ${who} ${this.#did(at)}${number === undefined ? '' : ` (${number})`}`;
    });
    goTo(last);
    return text;
  }
}
