/** Sentences for what the passes found, with the operations that convince. */
import { CAS, FAIL, NONE } from '../../history/history.ts';
import type { Anomaly } from '../checker.ts';
import { found, reference } from '../linearizable/register.ts';
import type { Step } from './converge.ts';
import type { PastFinding } from './past.ts';
import { chainBetween, type Link } from './paths.ts';
import { type BadRead, endOf, unitName, unitOf } from './units.ts';
import {
  anomalyOf,
  aside,
  did,
  keyText,
  tellChain,
  tellConflict,
  type Teller,
  tellPast,
  writeTo,
  written,
} from './words.ts';

/** From how many units of a long circle a shorter one is sought; from fewer where each search takes long. */
const STARTS = 24;
const SEARCHED_MAX = 4_000_000;

export function explainBadRead(teller: Teller, { type, row, write }: BadRead): Anomaly {
  const { history } = teller.units;
  const reader = `${teller.threads.name(row)} ${did(teller, row)}`;
  switch (type) {
    case 'never written': {
      const aborted = failedWrite(teller, row);
      if (aborted === NONE)
        return anomalyOf(history, 'read of a value never written', `${reader}, which nothing ever wrote there.`, [row]);
      const sentence = `${reader}, but the write of that value by ${teller.threads.name(aborted)} failed.`;
      return anomalyOf(history, 'read of a refused write', sentence, [row, aborted]);
    }
    case 'intermediate value': {
      const last = writeTo(teller, unitOf(history, write), history.key[row]);
      const sentence = `${reader}, which the transaction that wrote it replaced by ${written(teller, last)}: nobody may see it.`;
      return anomalyOf(history, 'read of an intermediate value', sentence, [row, write, last]);
    }
    case 'own future':
      return anomalyOf(history, 'read from its own future', `${reader} before it wrote that itself.`, [row, write]);
    case 'not its own write': {
      const sentence = `${reader} after it had written ${written(teller, write)} there in the same transaction.`;
      return anomalyOf(history, 'own write not read', sentence, [row, write]);
    }
    case 'refused without cause':
      return anomalyOf(history, 'cas refused without cause', `${reader}: what it found is what it expected.`, [row]);
  }
}

/** The failed write whose value a read returned; NONE if there is none. */
function failedWrite({ units }: Teller, row: number): number {
  const { history, reading } = units;
  const isCas = history.f[row] === CAS && history.outcome[row] !== FAIL;
  const shown = isCas ? reference(reading, history.expected[row]) : found(history, reading, row);
  for (let other = 0; other < history.length; other++) {
    if (history.outcome[other] !== FAIL || history.f[other] < 1 || history.f[other] > CAS) continue;
    if (history.key[other] === history.key[row] && reference(reading, history.value[other]) === shown) return other;
  }
  return NONE;
}

export function explainPast(teller: Teller, finding: PastFinding): Anomaly {
  const { history, source } = teller.units;
  switch (finding.type) {
    case 'cycle':
      return explainCycle(teller, finding.units);
    case 'initial after write': {
      const { read } = finding;
      const write = writeTo(teller, finding.write, history.key[read]);
      const past = tellPast(teller, write, read);
      const sentence =
        `${teller.threads.name(read)} ${did(teller, read)}, the initial value, though the write of ` +
        `${written(teller, write)} lies in its causal past${aside(past)}.`;
      return anomalyOf(history, 'initial value after a write', sentence, [read, write, ...past.rows]);
    }
    case 'overwritten': {
      const { read } = finding;
      const write = writeTo(teller, finding.write, history.key[read]);
      const replaced = tellPast(teller, source[read], write);
      const past = tellPast(teller, write, read);
      const sentence =
        `${teller.threads.name(read)} ${did(teller, read)}, which ${written(teller, write)} had replaced in its causal ` +
        `past: ${written(teller, write)} was written after it${aside(replaced)} and is known to the read${aside(past)}.`;
      const rows = [read, source[read], write, ...replaced.rows, ...past.rows];
      return anomalyOf(history, 'overwritten in its causal past', sentence, rows);
    }
    case 'fractured': {
      const told = finding.conflicts.map((conflict) => tellConflict(teller, conflict));
      const sentence = `No order of writes explains one ${unitName(history, finding.conflicts[0].read)}: ${told.map(({ text }) => text).join('; ')}.`;
      return anomalyOf(
        history,
        'conflicting orders',
        sentence,
        told.flatMap(({ rows }) => rows),
      );
    }
    case 'refused without cause': {
      const { row } = finding;
      const x = keyText(history, row);
      const sentence = `${teller.threads.name(row)} ${did(teller, row)}, but ${x} never held anything else by then.`;
      return anomalyOf(history, 'cas refused without cause', sentence, [row, ...knownWrites(teller, row)]);
    }
  }
}

/** The write of the value that a refused cas expected, with what brought it there; none for the initial value. */
function knownWrites(teller: Teller, denial: number): readonly number[] {
  const { history, active } = teller.units;
  for (let row = 0; row < history.length; row++) {
    if (history.key[row] !== history.key[denial] || active[unitOf(history, row)] === 0) continue;
    if (writeTo(teller, unitOf(history, row), history.key[row]) === row)
      return [row, ...tellPast(teller, row, denial).rows];
  }
  return [];
}

/** A circle of the causal order itself, made shorter where session order allows. */
function explainCycle(teller: Teller, units: readonly number[]): Anomaly {
  const { history, source } = teller.units;
  let best: { readonly links: readonly Link[]; readonly read: number } | undefined;
  const starts = Math.max(2, Math.min(STARTS, Math.floor(SEARCHED_MAX / history.length)));
  for (const unit of units.slice(0, starts)) {
    for (let row = unit, end = endOf(history, unit); row < end; row++) {
      if (source[row] < 0) continue;
      const links = chainBetween(teller.units, teller.sessions, unit, unitOf(history, source[row]));
      if (links !== undefined && (best === undefined || links.length < best.links.length)) best = { links, read: row };
    }
  }
  if (best === undefined) {
    return anomalyOf(
      history,
      'cyclic causality',
      'Operations that each causally precede the next, in a circle.',
      units,
    );
  }
  const { links, read } = best;
  const { text, rows } = tellChain(teller, links, read, source[read]);
  const sentence = `${text}: that is the write which the first of these read, so that each comes before itself.`;
  return anomalyOf(history, 'cyclic causality', sentence, [...rows, read, source[read]]);
}

/** A circle of causal order and conflicts. */
export function explainCircle(teller: Teller, circle: readonly Step[]): Anomaly {
  const { history, source } = teller.units;
  const rows: number[] = [];
  const clauses: string[] = [];
  const links: string[] = [];
  circle.forEach(({ conflict }, i) => {
    if (conflict === undefined) return;
    const told = tellConflict(teller, conflict);
    rows.push(...told.rows);
    clauses.push(told.text);
    const next = nextConflict(circle, i);
    if (next === undefined || next.from === conflict.to) return;
    const [first, last] = [source[conflict.read], writeTo(teller, next.from, history.key[next.read])];
    const way = tellPast(teller, first, last);
    rows.push(...way.rows);
    links.push(
      `${written(teller, first)} in ${keyText(history, first)} comes before ${written(teller, last)} in ${keyText(history, last)}${aside(way)}`,
    );
  });
  const also = links.length === 0 ? '' : `, while ${links.join(' and ')}`;
  return anomalyOf(
    history,
    'conflicting orders',
    `${clauses.join('; ')}${also}: no order of writes does all of that.`,
    rows,
  );
}

function nextConflict(circle: readonly Step[], i: number): Step['conflict'] {
  for (let at = 1; at <= circle.length; at++) {
    const { conflict } = circle[(i + at) % circle.length];
    if (conflict !== undefined) return conflict;
  }
  return undefined;
}
