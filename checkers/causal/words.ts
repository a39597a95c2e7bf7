/** How units, causal chains and conflicts are said. */
import { CAS, FAIL, HAS_ACTUAL, type History, NONE, READ } from '../../history/history.ts';
import type { Anomaly } from '../checker.ts';
import { capital, legible, show, showOf } from '../linearizable/words.ts';
import { SWAPS, WRITES } from '../linearizable/register.ts';
import type { Threads } from '../sessions/threads.ts';
import type { SessionOrder } from './order.ts';
import type { Conflict } from './past.ts';
import { chainBetween, type Link } from './paths.ts';
import { endOf, type Units, unitName, unitOf } from './units.ts';

/** Longer chains are shown by their operations alone. */
const LINKS_SAID = 6;

export interface Teller {
  readonly units: Units;
  readonly sessions: SessionOrder;
  readonly threads: Threads;
  /** Per unit: its place in an order that causality allows, or NONE. */
  readonly place: Int32Array;
}

/** Rows are named once, in order of invocation. */
export function anomalyOf(history: History, kind: string, sentence: string, rows: Iterable<number>): Anomaly {
  const ascending = [...new Set(rows)].filter((row) => row >= 0).sort((a, b) => a - b);
  return { kind, sentence: legible(capital(sentence)), operations: ascending.map((row) => history.operation(row)) };
}

export function keyText(history: History, row: number): string {
  return show(history.keys[history.key[row]]);
}

/** What a row wrote. */
export function written({ units }: Pick<Teller, 'units'>, row: number): string {
  const { history } = units;
  return showOf(history.values, history.value[row]);
}

/** As it was recorded: null that stands for the initial value is null. `read 1 from x`, `wrote 2 to y`, `swapped 1 for 2 in x`. */
export function did(teller: Pick<Teller, 'units'>, row: number): string {
  const { history } = teller.units;
  const { f, outcome, expected, values } = history;
  const x = keyText(history, row);
  const text = (ref: number): string => showOf(values, ref);
  if (f[row] === READ) return `read ${text(history.value[row])} from ${x}`;
  if (f[row] !== CAS) return `wrote ${written(teller, row)} to ${x}`;
  const old = text(expected[row]);
  if (outcome[row] !== FAIL) return `swapped ${old} for ${written(teller, row)} in ${x}`;
  if ((history.flags[row] & HAS_ACTUAL) === 0) return `was refused to swap ${old} for ${written(teller, row)} in ${x}`;
  return `was refused to swap ${old} in ${x}, where it found ${text(history.actual[row])}`;
}

/** The row by which a unit writes a key for others to see; NONE if it does not. */
export function writeTo({ units }: Teller, unit: number, key: number): number {
  const { history, deeds } = units;
  for (let row = unit, end = endOf(history, unit); row < end; row++) {
    if (history.key[row] === key && (deeds[row] === WRITES || deeds[row] === SWAPS)) return row;
  }
  return NONE;
}

/** A chain in words, with the rows it speaks of. */
export interface Told {
  readonly text: string;
  readonly rows: readonly number[];
}

/** `session a wrote 2 to x, then wrote 3 to y, which session c read, then read 1 from x`. `first`, `last`: where it begins, ends. */
export function tellChain(teller: Teller, chain: readonly Link[], first: number, last: number): Told {
  const { units, threads } = teller;
  const rows: number[] = [first];
  let text = `${threads.name(first)} ${did(teller, first)}`;
  let told = first;
  chain.forEach(({ unit, read }, i) => {
    const next = chain[i + 1];
    const out = next === undefined ? last : next.read === NONE ? NONE : units.source[next.read];
    if (read !== NONE) {
      rows.push(read);
      text += `, which ${threads.name(unit)} ${units.history.f[read] === READ ? 'read' : did(teller, read)}`;
      told = read;
    }
    if (out === NONE && (i === 0 || read !== NONE)) return;
    const row = out === NONE ? unit : out;
    if (row === told) return;
    rows.push(row);
    const here = unitOf(units.history, told) === unit;
    text += here
      ? ` and in the same ${unitName(units.history, row)} ${did(teller, row)}`
      : `, then ${did(teller, row)}`;
    told = row;
  });
  return { text, rows };
}

/** How a write got into the past of a read: empty if there is no chain, which is never so for those the pass found. */
export function tellPast(teller: Teller, write: number, read: number): Told {
  const { history } = teller.units;
  const { place } = teller;
  const from = unitOf(history, write);
  const isBetween = (unit: number): boolean => place[unit] >= place[from];
  const chain = chainBetween(teller.units, teller.sessions, from, unitOf(history, read), isBetween);
  return chain === undefined ? { text: '', rows: [] } : tellChain(teller, chain, write, read);
}

/** ` (session a wrote …)`, unless that is too long to be read. */
export function aside({ text, rows }: Told): string {
  return text === '' || rows.length > LINKS_SAID ? '' : ` (${text})`;
}

/** `session c read 1 from x with 2 in its causal past (…), so that 2 comes before 1`. */
export function tellConflict(teller: Teller, { from, read }: Conflict): Told {
  const { history, source } = teller.units;
  const other = writeTo(teller, from, history.key[read]);
  const past = tellPast(teller, other, read);
  const [old, shown] = [written(teller, other), written(teller, source[read])];
  const text =
    `${teller.threads.name(read)} ${did(teller, read)} with ${old} in its causal past${aside(past)}, ` +
    `so that ${old} comes before ${shown}`;
  return { text, rows: [other, source[read], read, ...past.rows] };
}
