/**
 * Log: each offset of a log has one value, and each acknowledged value is seen by whoever reads past it (after Jepsen's Kafka
 * workload). `send` answers `[offset, value]`, `poll` `[[offset, value], …]`, of one key (partition).
 *
 * Anomalies: two values at one offset; one value at more offsets than it was sent; a value that was never sent, only refused, or
 * sent only later; a poll whose offsets fall or repeat, or that leaves out an offset known to be taken; sends of one session, one
 * after the other, whose offsets fall; and a lost value: known to be at an offset that a consumer went past, and polled by nobody.
 *
 * From one poll to the next a consumer may have lost its partition to another one and got it back: that it then goes
 * back, or leaves out what another consumer has polled, or may have in a poll of unknown outcome, is counted, and no anomaly.
 */
import { FAIL, type History, INFO, NONE, OK } from '../../history/history.ts';
import type { Anomaly, Checker } from '../checker.ts';
import { Elements, methodCode } from '../collections/elements.ts';
import { entriesOf, type Entry, entryOf, Log } from '../collections/entries.ts';
import { Findings } from '../sessions/findings.ts';
import { operationsOf } from '../sessions/rule.ts';
import { amount, answer, capital, key, valueText } from '../sessions/words.ts';

const SEND = methodCode('send');
const POLL = methodCode('poll');

interface Reading {
  readonly history: History;
  readonly findings: Findings;
  readonly logs: readonly Log[];
  /** Values that may have been sent: by element the first send, and how many there are. */
  readonly sent: Elements;
  readonly firstSend: number[];
  readonly sends: number[];
  readonly refused: Elements;
  readonly counted: {
    sends: number;
    polls: number;
    polled: number;
    indeterminate: number;
    jumpsBack: number;
    skips: number;
  };
  unreadable: number;
}

const textOf = (history: History, ref: number): string => valueText(history.values.get(ref));

function anomaly(history: History, kind: string, sentence: string, rows: readonly number[]): Anomaly {
  return { kind, sentence: capital(sentence), operations: operationsOf(history, rows) };
}

/** What a row says of its log; with all that is wrong about it by itself. */
function put(reading: Reading, row: number, entry: Entry): void {
  const { history, findings, logs } = reading;
  const k = history.key[row];
  const { offset } = entry;
  const other = logs[k].put(entry, row);
  if (other === NONE) return;
  findings.add(() => {
    const before = logs[k].at.get(offset)?.value ?? NONE;
    const sentence = `offset ${offset} of ${key(history, row)} holds ${textOf(history, entry.value)}${answer(history, row)}, and held ${textOf(history, before)}${answer(history, other)}.`;
    return anomaly(history, 'two values at one offset', sentence, [other, row]);
  });
}

function readSends(reading: Reading): void {
  const { history, findings, sent, refused, firstSend, sends, counted } = reading;
  const { length, f, outcome, key: keyOf, value, values, session, sessions, process, call, ret } = history;
  /** By session and key: sends that returned, by the order of their returns, and the greatest offset so far. */
  const latest = new Map<string, { row: number; offset: number }[]>();
  for (let row = 0; row < length; row++) {
    if (f[row] !== SEND) continue;
    const entry = outcome[row] === OK ? entryOf(history, values.get(value[row])) : undefined;
    if (outcome[row] === FAIL) {
      refused.add(keyOf[row], value[row]);
      continue;
    }
    counted.sends++;
    if (outcome[row] === INFO) counted.indeterminate++;
    const element = sent.add(keyOf[row], entry?.value ?? value[row]);
    firstSend[element] ??= row;
    sends[element] = (sends[element] ?? 0) + 1;
    if (entry === undefined) continue;
    put(reading, row, entry);
    reading.logs[keyOf[row]].acknowledged.set(entry.offset, row);
    const thread = `${session[row] === NONE ? `p${process[row]}` : `s${sessions[session[row]]}`} ${keyOf[row]}`;
    const before = latest.get(thread) ?? [];
    const higher = before.findLast((other) => ret[other.row] < call[row] && other.offset > entry.offset);
    if (higher !== undefined) {
      findings.add(() => {
        const sentence = `${textOf(history, entry.value)} was sent to ${key(history, row)} after offset ${higher.offset} had been acknowledged to the same session, and got offset ${entry.offset}.`;
        return anomaly(history, 'reordered sends', sentence, [higher.row, row]);
      });
    }
    // Those of lower offset that returned before this one was invoked will never be the reason again.
    latest.set(thread, [
      ...before.filter((other) => other.offset > entry.offset || ret[other.row] > call[row]),
      { row, offset: entry.offset },
    ]);
  }
}

/** One poll by itself. */
function readPoll(reading: Reading, row: number, entries: readonly Entry[]): void {
  const { history, findings, logs, sent, refused, firstSend, counted } = reading;
  const k = history.key[row];
  let previous: Entry | undefined;
  for (const entry of entries) {
    counted.polled++;
    const element = sent.find(k, entry.value);
    if (element === NONE || history.call[firstSend[element]] > history.ret[row]) {
      const why =
        element !== NONE
          ? 'was sent only later'
          : refused.find(k, entry.value) === NONE
            ? 'was never sent'
            : 'was refused when it was sent';
      const sentence = `a poll of ${key(history, row)}${answer(history, row)} returned ${textOf(history, entry.value)} at offset ${entry.offset}, which ${why}.`;
      findings.add(() =>
        anomaly(history, why === 'was refused when it was sent' ? 'aborted read' : 'unexpected value', sentence, [row]),
      );
    }
    put(reading, row, entry);
    if (!logs[k].polled.has(entry.offset)) logs[k].polled.set(entry.offset, row);
    if (previous !== undefined && entry.offset <= previous.offset) {
      const sentence = `a poll of ${key(history, row)}${answer(history, row)} returned offset ${entry.offset} after offset ${previous.offset}.`;
      findings.add(() => anomaly(history, 'reordered poll', sentence, [row]));
    }
    previous = entry;
  }
}

/** Offsets that a consumer went past: within one poll, and from one poll of a process to its next. */
function judgeGaps(reading: Reading, polls: readonly { row: number; entries: readonly Entry[] }[]): void {
  const { history, findings, logs, counted } = reading;
  const known = logs.map(({ at }) => Float64Array.from(at.keys()).sort());
  // A poll without an answer may have taken what lies between two others.
  const unanswered = new Uint8Array(logs.length);
  for (let row = 0; row < history.length; row++) {
    if (history.f[row] === POLL && history.outcome[row] === INFO) unanswered[history.key[row]] = 1;
  }
  const lost = logs.map(() => new Set<number>());
  const position = new Map<string, { offset: number; row: number }>();
  const between = (k: number, low: number, high: number): Float64Array =>
    known[k].subarray(above(known[k], low), above(known[k], high - 0.5));
  const pass = (row: number, from: number, to: number, inPoll: boolean): void => {
    const k = history.key[row];
    for (const offset of between(k, from, to)) {
      const by = logs[k].polled.get(offset);
      const held = logs[k].at.get(offset);
      if (held === undefined) continue;
      if (by === undefined && !inPoll && unanswered[k] === 1) counted.skips++;
      else if (by === undefined) {
        if (lost[k].has(offset)) continue;
        lost[k].add(offset);
        const sentence = `${textOf(history, held.value)}, acknowledged at offset ${offset} of ${key(history, row)}, was polled by nobody, though a consumer went from offset ${from} to ${to}.`;
        findings.add(() => anomaly(history, 'lost value', sentence, [held.row, row]));
      } else if (inPoll) {
        const sentence = `a poll of ${key(history, row)}${answer(history, row)} went from offset ${from} to ${to} without ${textOf(history, held.value)} at offset ${offset}.`;
        findings.add(() => anomaly(history, 'skipped value', sentence, [held.row, row]));
      } else counted.skips++;
    }
  };
  for (const { row, entries } of polls) {
    const thread = `${history.process[row]} ${history.key[row]}`;
    for (let i = 1; i < entries.length; i++) pass(row, entries[i - 1].offset, entries[i].offset, true);
    const before = position.get(thread);
    const [first] = entries;
    if (before !== undefined && first !== undefined) {
      if (first.offset <= before.offset) counted.jumpsBack++;
      else pass(row, before.offset, first.offset, false);
    }
    const last = entries[entries.length - 1];
    if (last !== undefined) position.set(thread, { offset: last.offset, row });
  }
}

/** How many are at most this. */
function above(sorted: Float64Array, limit: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle] <= limit) low = middle + 1;
    else high = middle;
  }
  return low;
}

function judgeDuplicates({ history, findings, logs, sent, sends }: Reading): void {
  logs.forEach((log, k) => {
    for (const [value, offsets] of log.offsets) {
      const element = sent.find(k, value);
      if (element === NONE || offsets.length <= sends[element]) continue;
      const rows = offsets.map((offset) => log.at.get(offset)?.row ?? NONE).filter((row) => row !== NONE);
      const often = sends[element] === 1 ? 'once' : `${sends[element]} times`;
      const sentence = `${textOf(history, value)} was sent to ${String(history.keys[k])} ${often}, and is at offsets ${offsets.slice(0, 10).join(' and ')}.`;
      findings.add(() => anomaly(history, 'duplicated value', sentence, rows.slice(0, 10)));
    }
  });
}

export default {
  name: 'log',
  decides: 'log',
  check(history, budget) {
    const counted = { sends: 0, polls: 0, polled: 0, indeterminate: 0, jumpsBack: 0, skips: 0 };
    const findings = new Findings();
    const reading: Reading = {
      history,
      findings,
      logs: history.keys.map(() => new Log()),
      sent: new Elements(),
      firstSend: [],
      sends: [],
      refused: new Elements(),
      counted,
      unreadable: 0,
    };
    readSends(reading);
    const polls: { row: number; entries: readonly Entry[] }[] = [];
    for (let row = 0; row < history.length; row++) {
      if (history.f[row] !== POLL || history.outcome[row] !== OK) continue;
      const spent = budget.spent();
      if (spent !== undefined) return findings.verdict({ operations: history.operations, ...counted }, spent);
      const entries = entriesOf(history, history.values.get(history.value[row]));
      if (entries === undefined) {
        reading.unreadable++;
        continue;
      }
      counted.polls++;
      readPoll(reading, row, entries);
      polls.push({ row, entries });
    }
    judgeGaps(reading, polls);
    judgeDuplicates(reading);
    const { sends, polled, indeterminate, jumpsBack, skips } = counted;
    const examined = {
      operations: history.operations,
      sends,
      polls: counted.polls,
      polled,
      indeterminate,
      'jumps back': jumpsBack,
      'left to other consumers': skips,
    };
    const doubt =
      reading.unreadable > 0
        ? `${amount(reading.unreadable, 'poll')} did not return a list of [offset, value]`
        : sends === 0 || polled === 0
          ? 'nothing was sent and polled'
          : undefined;
    return findings.verdict(examined, doubt);
  },
} satisfies Checker;
