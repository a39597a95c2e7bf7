/**
 * Log: each offset of a log has one value, and each acknowledged value is seen by whoever reads past it (after Jepsen's Kafka
 * workload). `send` answers `[offset, value]`, `poll` `[[offset, value], …]`, of one key (partition).
 *
 * Anomalies: two values at one offset; one value at more offsets than it was sent; a value that was never sent, only refused, or
 * sent only later; a poll whose offsets fall or repeat, or that leaves out an offset known to be taken; sends of one session, one
 * after the other, whose offsets fall; and a lost value: acknowledged at an offset below one that was polled, and polled by
 * nobody.
 *
 * From one poll to the next a consumer may have lost its partition to another one and got it back: that it then goes
 * back, or leaves out what another consumer has polled, is counted, and no anomaly. What a poll of unknown outcome may have
 * returned is lost only where one poll passes over it.
 */
import { FAIL, type History, INFO, NEVER, NONE, OK } from '../../history/history.ts';
import type { Anomaly, Checker, Follower, Verdict } from '../checker.ts';
import { eachEvent, Elements, holdersOf, methodCode } from '../collections/elements.ts';
import { entriesOf, type Entry, entryOf, Places, Polls } from '../collections/entries.ts';
import { confirming } from '../online/confirming.ts';
import { LogStream } from '../online/logs.ts';
import { Findings } from '../sessions/findings.ts';
import { operationsOf } from '../sessions/rule.ts';
import { amount, answer, capital, key, valueTextOf } from '../sessions/words.ts';

const SEND = methodCode('send');
const POLL = methodCode('poll');

class Reading {
  readonly history: History;
  readonly findings = new Findings();
  readonly places = new Places();
  readonly polls = new Polls();
  /** Values that may have been sent: by element the first send, and how many there are. */
  readonly sent = new Elements();
  readonly firstSend: number[] = [];
  readonly sends: number[] = [];
  /** Values whose sends were refused: by element the first such send. */
  readonly refused = new Elements();
  readonly firstRefused: number[] = [];
  /** By row: the place of an acknowledged send. */
  readonly placeOf: Int32Array;
  /** By key: when a send was first called whose acknowledgement does not say what was sent; whether some poll may have returned just anything. */
  readonly vagueFrom: Int32Array;
  readonly isOpen: Uint8Array;
  readonly counted = { sends: 0, polls: 0, polled: 0, indeterminate: 0, jumpsBack: 0, left: 0 };
  vague = 0;
  unreadable = 0;

  constructor(history: History) {
    this.history = history;
    this.placeOf = new Int32Array(history.length).fill(NONE);
    this.vagueFrom = new Int32Array(history.keys.length).fill(NEVER);
    this.isOpen = new Uint8Array(history.keys.length);
  }

  find(kind: string, rows: readonly number[], sentence: () => string): void {
    this.findings.add(
      (): Anomaly => ({ kind, sentence: capital(sentence()), operations: operationsOf(this.history, rows) }),
    );
  }

  text(ref: number): string {
    return valueTextOf(this.history.values, ref);
  }
}

/** What a row says of its log. */
function put(reading: Reading, row: number, entry: Entry): number {
  const { history, places } = reading;
  const place = places.put(history.key[row], entry, row);
  const held = places.value[place];
  if (held !== entry.value) {
    const other = places.by[place];
    reading.find(
      'two values at one offset',
      [other, row],
      () =>
        `offset ${entry.offset} of ${key(history, row)} holds ${reading.text(entry.value)}${answer(history, row)}, and held ${reading.text(held)}${answer(history, other)}.`,
    );
  }
  return place;
}

function readSends(reading: Reading, underWay?: ReadonlySet<number>): void {
  const { history, sent, refused, firstRefused, firstSend, sends, counted } = reading;
  const { length, f, outcome, call, key: keyOf, value, values } = history;
  for (let row = 0; row < length; row++) {
    if (f[row] !== SEND) continue;
    if (outcome[row] === FAIL) {
      if (refused.add(keyOf[row], value[row]) === firstRefused.length) firstRefused.push(row);
      continue;
    }
    counted.sends++;
    const entry = outcome[row] === OK ? entryOf(history, values.get(value[row])) : undefined;
    const element = sent.add(keyOf[row], entry?.value ?? value[row]);
    if (element === firstSend.length) {
      firstSend.push(row);
      sends.push(0);
    }
    sends[element]++;
    if (entry !== undefined) reading.placeOf[row] = put(reading, row, entry);
    else if (outcome[row] === INFO) counted.indeterminate++;
    else reading.vague++;
    // One that is under way may turn out so.
    if ((outcome[row] === OK && entry === undefined) || underWay?.has(call[row]) === true)
      reading.vagueFrom[keyOf[row]] = Math.min(reading.vagueFrom[keyOf[row]], call[row]);
  }
}

/** Sends of a session that had returned before the next was invoked have lower offsets than that. */
function judgeSends(reading: Reading): void {
  const { history, places, placeOf } = reading;
  const { length, key: keyOf } = history;
  const sessions = holdersOf(history);
  const pairs = new Elements(); // of a session and a key
  const greatest: number[] = []; // by pair: the send that returned with the greatest offset so far
  const before = new Int32Array(length).fill(NONE);
  const offset = (row: number): number => places.offset[placeOf[row]];
  eachEvent(
    history,
    (row) => placeOf[row] !== NONE,
    (row, isCall) => {
      const pair = pairs.add(sessions[row], keyOf[row]);
      if (pair === greatest.length) greatest.push(NONE);
      if (isCall) {
        before[row] = greatest[pair];
        return;
      }
      const higher = before[row];
      if (higher !== NONE && offset(higher) > offset(row)) {
        reading.find(
          'reordered sends',
          [higher, row],
          () =>
            `${reading.text(places.value[placeOf[row]])} was sent to ${key(history, row)} after offset ${offset(higher)} had been acknowledged to the same session, and got offset ${offset(row)}.`,
        );
      }
      if (greatest[pair] === NONE || offset(greatest[pair]) < offset(row)) greatest[pair] = row;
    },
  );
}

/** One poll by itself. */
function readPoll(reading: Reading, row: number, entries: readonly Entry[]): void {
  const { history, places, polls } = reading;
  let previous: Entry | undefined;
  for (const entry of entries) {
    judgeOrigin(reading, row, entry);
    const place = put(reading, row, entry);
    if (places.polled[place] === NONE) places.polled[place] = row;
    polls.push(place);
    if (previous !== undefined && entry.offset <= previous.offset) {
      const { offset } = previous;
      reading.find(
        'reordered poll',
        [row],
        () =>
          `a poll of ${key(history, row)}${answer(history, row)} returned offset ${entry.offset} after offset ${offset}.`,
      );
    }
    previous = entry;
  }
  polls.end(row);
  reading.counted.polled += entries.length;
}

function judgeOrigin(reading: Reading, row: number, { value, offset }: Entry): void {
  const { history, sent, refused, firstRefused, firstSend } = reading;
  const k = history.key[row];
  const element = sent.find(k, value);
  if (element !== NONE && history.call[firstSend[element]] < history.ret[row]) return;
  if (reading.vagueFrom[k] < history.ret[row]) return; // it may be what such a send sent
  const inVain = refused.find(k, value);
  const [kind, why, send] =
    element !== NONE
      ? ['unexpected value', 'was sent only later', firstSend[element]]
      : inVain === NONE
        ? ['unexpected value', 'was never sent', NONE]
        : ['aborted read', 'was refused when it was sent', firstRefused[inVain]];
  reading.find(
    kind,
    [send, row],
    () =>
      `a poll of ${key(history, row)}${answer(history, row)} returned ${reading.text(value)} at offset ${offset}, which ${why}.`,
  );
}

function readPolls(reading: Reading): void {
  const { history, isOpen, counted } = reading;
  const { length, f, outcome, key: keyOf, value, values } = history;
  for (let row = 0; row < length; row++) {
    if (f[row] !== POLL || outcome[row] === FAIL) continue;
    const entries = outcome[row] === OK ? entriesOf(history, values.get(value[row])) : undefined;
    if (entries !== undefined) {
      counted.polls++;
      readPoll(reading, row, entries);
      continue;
    }
    isOpen[keyOf[row]] = 1;
    if (outcome[row] === OK) reading.unreadable++;
  }
}

/** All places by key and offset; those that were polled, and those that nobody polled, counted and found from any rank on. */
class Ranks {
  readonly order: Int32Array;
  readonly rankOf: Int32Array;
  /** How many were polled below each rank; the next one that was. */
  readonly polledBelow: Int32Array;
  readonly nextPolled: Int32Array;
  /** The next one that nobody polled and that was not told of yet, or on the way to it. */
  readonly #next: Int32Array;

  constructor(places: Places, keys: number) {
    this.order = places.inOrder(keys);
    const n = this.order.length;
    this.rankOf = new Int32Array(n);
    this.polledBelow = new Int32Array(n + 1);
    this.nextPolled = new Int32Array(n + 1).fill(n);
    this.#next = new Int32Array(n + 1).fill(n);
    for (let rank = 0; rank < n; rank++) {
      this.rankOf[this.order[rank]] = rank;
      this.polledBelow[rank + 1] = this.polledBelow[rank] + (places.polled[this.order[rank]] === NONE ? 0 : 1);
    }
    for (let rank = n - 1; rank >= 0; rank--) {
      const isPolled = this.polledBelow[rank + 1] > this.polledBelow[rank];
      this.nextPolled[rank] = isPolled ? rank : this.nextPolled[rank + 1];
      this.#next[rank] = isPolled ? rank + 1 : rank;
    }
  }

  /** Those of ranks from … to-1 that nobody polled: each is told of once. */
  tellUnpolled(from: number, to: number, tell: (place: number) => void): void {
    for (let rank = this.#find(from); rank < to; rank = this.#find(rank)) {
      tell(this.order[rank]);
      this.#next[rank] = rank + 1;
    }
  }

  #find(from: number): number {
    const next = this.#next;
    let rank = from;
    while (next[rank] !== rank) {
      next[rank] = next[next[rank]]; // halves the way for whoever comes next
      rank = next[rank];
    }
    return rank;
  }
}

/** Offsets that were gone past: within one poll, from one poll of a process to its next, and below what was polled at all. */
function judgeGaps(reading: Reading, isEnd = true): void {
  const { history, places, polls, counted, isOpen } = reading;
  const { key: keyOf, process, keys } = history;
  const ranks = new Ranks(places, keys.length);
  const { rankOf, order, polledBelow, nextPolled } = ranks;
  const lost = (place: number, row: number): void => {
    const by = places.by[place];
    reading.find(
      'lost value',
      [by, row],
      () =>
        `${reading.text(places.value[place])}, acknowledged at offset ${places.offset[place]} of ${key(history, by)}${answer(history, by)}, was polled by nobody, though a poll${answer(history, row)} returned a higher offset.`,
    );
  };
  const highest = new Int32Array(keys.length).fill(NONE); // rank
  const readers = new Elements(); // pairs of process and key
  const reached: number[] = []; // rank
  polls.rows.forEach((row, i) => {
    const own = polls.places(i);
    if (own.length === 0) return;
    const k = keyOf[row];
    for (let j = 1; j < own.length; j++) {
      const [from, to] = [rankOf[own[j - 1]] + 1, rankOf[own[j]]];
      if (from >= to) continue;
      ranks.tellUnpolled(from, to, (place) => lost(place, row));
      const left = polledBelow[to] - polledBelow[from];
      if (left > 0) skipped(reading, row, order[nextPolled[from]], left);
    }
    const reader = readers.add(process[row], k);
    if (reader < reached.length) {
      const [from, to] = [reached[reader] + 1, rankOf[own[0]]];
      if (to < from) counted.jumpsBack++;
      else counted.left += polledBelow[to] - polledBelow[from];
    }
    reached[reader] = rankOf[own[own.length - 1]];
    for (const place of own) highest[k] = Math.max(highest[k], rankOf[place]);
  });
  if (!isEnd) return;
  let first = 0;
  for (let k = 0; k < keys.length; k++) {
    const top = highest[k];
    // A poll without an answer may have returned what the others leave out.
    if (top === NONE) continue;
    while (places.key[order[first]] !== k) first++;
    if (isOpen[k] === 0) ranks.tellUnpolled(first, top, (place) => lost(place, places.polled[order[top]]));
  }
}

function skipped(reading: Reading, row: number, place: number, count: number): void {
  const { history, places } = reading;
  const more = count === 1 ? '' : `, nor ${count - 1} more that others polled`;
  reading.find(
    'skipped value',
    [places.by[place], row],
    () =>
      `a poll of ${key(history, row)}${answer(history, row)} returned what is below and above offset ${places.offset[place]}, but not ${reading.text(places.value[place])} that is there${more}.`,
  );
}

function judgeDuplicates(reading: Reading): void {
  const { history, places, sent, sends, vagueFrom } = reading;
  const held = new Int32Array(sends.length); // places of each value
  const element = (place: number): number => sent.find(places.key[place], places.value[place]);
  for (let place = 0; place < places.count; place++) if (element(place) !== NONE) held[element(place)]++;
  held.forEach((count, value) => {
    const k = sent.key(value);
    if (count <= sends[value] || vagueFrom[k] !== NEVER) return;
    reading.findings.add(() => {
      const own: number[] = []; // the first ten
      for (let place = 0; place < places.count && own.length < 10; place++)
        if (element(place) === value) own.push(place);
      const often = sends[value] === 1 ? 'once' : `${sends[value]} times`;
      const offsets = own.map((place) => places.offset[place]).sort((a, b) => a - b);
      return {
        kind: 'duplicated value',
        sentence: `${capital(reading.text(sent.ref(value)))} was sent to ${String(history.keys[k])} ${often}, and is at offsets ${offsets.join(' and ')}.`,
        operations: operationsOf(
          history,
          own.map((place) => places.by[place]),
        ),
      };
    });
  });
}

export default {
  name: 'log',
  decides: 'log',
  check(history) {
    const reading = new Reading(history);
    readSends(reading);
    judgeSends(reading);
    readPolls(reading);
    judgeGaps(reading);
    judgeDuplicates(reading);
    const { sends, polls, polled, indeterminate, jumpsBack, left } = reading.counted;
    const { places, vague, unreadable } = reading;
    let unpolled = 0;
    for (let place = 0; place < places.count; place++) if (places.polled[place] === NONE) unpolled++;
    const examined = {
      operations: history.operations,
      sends,
      polls,
      polled,
      indeterminate,
      'never polled': unpolled,
      'jumps back': jumpsBack,
      'left to other consumers': left,
    };
    const doubt =
      unreadable > 0
        ? `${amount(unreadable, 'poll')} did not return a list of [offset, value]`
        : vague > 0
          ? `${amount(vague, 'acknowledged send')} did not return [offset, value]`
          : sends === 0 || polled === 0
            ? 'nothing was sent and polled'
            : undefined;
    return reading.findings.verdict(examined, doubt);
  },
  follow(growing, budget, semantics): Follower {
    const stream = new LogStream(growing);
    const check = (history: History): Verdict => soFar(history, stream.sending);
    const end = (): Verdict => this.check(growing.snapshot(), budget, semantics);
    return { ...confirming({ check }, growing, budget, semantics, stream), end };
  },
} satisfies Checker;

/**
 * What no later event can mend. What nobody polled somebody may poll yet, and what is there twice may have been sent twice: whether values
 * were lost or duplicated is told in the end.
 */
function soFar(history: History, underWay: ReadonlySet<number>): Verdict {
  const reading = new Reading(history);
  readSends(reading, underWay);
  judgeSends(reading);
  readPolls(reading);
  judgeGaps(reading, false);
  return reading.findings.verdict({ operations: history.operations }, 'there is more to come');
}
