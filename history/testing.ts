/**
 * Histories for tests, in a few words a line. Not for production code.
 *
 * ```
 * h('p0: w x 1',                    // invoked and answered at once
 *   'p1 w x 2', 'p2: r x 1',        // p1 is open while p2 reads
 *   'p1 ok',                        // … and ends here; `p1 fail`, `p1 info` likewise
 *   'p0 r x', 'p0 ok 2 node=n1 role=follower position=g0/3/118',
 *   'p0: cas x 2 3', 'p0 cas x 9 4', 'p0 fail error=mismatch actual=3',
 *   'p1: r* x,y 3,null session=s1',  // readMany: keys, then answers
 *   'cluster down {"node":"n1"}')    // a note
 * ```
 *
 * A value is JSON, or a word taken as a string. `name=value` sets any other field of the event: of the invocation where
 * the field is one of its own (session, device, path, intended), of the completion where not. Events are 1 ms apart
 * unless `time=` (nanoseconds) says otherwise; with `:`, both events have that time.
 */
import { historyFromEvents } from './builder.ts';
import type { BuilderOptions } from './builder.ts';
import { MILLISECOND } from './clock.ts';
import type { History } from './history.ts';
import type { Event, Value } from './operation.ts';

const METHOD_WORDS: ReadonlyMap<string, string> = new Map([
  ['r', 'read'],
  ['w', 'write'],
  ['r*', 'readMany'],
]); // prettier-ignore
const OF_INVOCATION = new Set(['session', 'device', 'path', 'intended']);

function parse(word: string): Value {
  try {
    return JSON.parse(word) as Value; // JSON has no other values
  } catch {
    return word;
  }
}

function fieldsOf(words: readonly string[]): Record<string, Value> {
  const fields: Record<string, Value> = {};
  for (const word of words) {
    const at = word.indexOf('=');
    const name = word.slice(0, at);
    const text = word.slice(at + 1);
    const isPosition = name === 'version' || name === 'position';
    fields[name] = isPosition ? text.split('/').map(parse) : parse(text);
  }
  return fields;
}

const list = (word: string): Value => word.split(',').map(parse);

/** What an invocation asks for, from the words after the process. */
function request(words: readonly string[]): { f: string; key?: Value; value: Value; answer: Value } {
  const [word, key, first, second] = words;
  const f = METHOD_WORDS.get(word) ?? word;
  if (f === 'readMany') return { f, value: list(key), answer: first === undefined ? null : list(first) };
  const value = first === undefined ? null : parse(first);
  if (f === 'cas') return { f, key: parse(key), value: [value, parse(second)], answer: [value, parse(second)] };
  return { f, key: parse(key), value: f === 'read' || f === 'get' ? null : value, answer: value };
}

/** The events that the lines stand for. */
export function eventsOf(...lines: readonly string[]): Event[] {
  const events: Record<string, Value>[] = [];
  const open = new Map<string, Record<string, Value>>();
  const push = (event: Record<string, Value>): void =>
    void events.push({ time: events.length * MILLISECOND, ...event });
  for (const line of lines) {
    const [who, ...words] = line.trim().split(/\s+/);
    const name = who.replace(':', '');
    if (!/^p\d+$/.test(name)) {
      push({ type: 'info', process: name, f: words[0], value: parse(words.slice(1).join(' ') || 'null') });
      continue;
    }
    const process = Number(name.slice(1));
    const plain = words.filter((word) => !word.includes('='));
    const extra = fieldsOf(words.filter((word) => word.includes('=')));
    if (plain[0] === 'ok' || plain[0] === 'fail' || plain[0] === 'info') {
      const invoked = open.get(name) ?? {};
      const given = plain[1];
      const answer = given === undefined ? invoked.value : invoked.f === 'readMany' ? list(given) : parse(given);
      const { f, key } = invoked;
      push({
        type: plain[0],
        process,
        f: f ?? 'read',
        ...(key === undefined ? {} : { key }),
        value: answer ?? null,
        ...extra,
      });
      open.delete(name);
      continue;
    }
    const { answer, ...asked } = request(plain);
    const part = (ofInvocation: boolean): Record<string, Value> =>
      Object.fromEntries(
        Object.entries(extra).filter(([field]) => field === 'time' || OF_INVOCATION.has(field) === ofInvocation),
      );
    push({ type: 'invoke', process, ...asked, ...part(true) });
    if (who.endsWith(':')) push({ type: 'ok', process, ...asked, value: answer, ...part(false) });
    else open.set(name, asked);
  }
  return events as unknown as Event[]; // what is no event is refused by the builder
}

/** The history that the lines stand for; see the head of this file. */
export function h(...lines: readonly string[]): History {
  return historyFromEvents(eventsOf(...lines));
}

/** The same, for an event that lacks its key and the like. */
export function hWith(options: BuilderOptions, ...lines: readonly string[]): History {
  return historyFromEvents(eventsOf(...lines), options);
}
