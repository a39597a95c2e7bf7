/**
 * Histories of Jepsen and Knossos: EDN, one vector or list of operation maps, or the maps one after the other.
 *
 * `:process`, `:type`, `:f`, `:value` and where given `:time`, `:index`, `:key`, `:error` mean what they mean in our journal.
 * Events of a process that is no number (`:nemesis`) become notes. Histories of a single register name no key.
 */
import { BadHistory, HistoryBuilder } from '../builder.ts';
import type { Event, Value } from '../operation.ts';
import { EdnReader, END, textOfKeyword } from './edn-reader.ts';
import type { DecodeOptions, Decoded } from './jsonl.ts';

/** The register of histories that name none. */
const ONLY_REGISTER = 'register';

/**
 * @param text the whole file
 * @throws BadHistory with file, line and reason
 */
export function readEdn(text: string, options: DecodeOptions = {}): Decoded {
  const builder = new HistoryBuilder({
    ...(options.independent === true ? {} : { defaultKey: ONLY_REGISTER }),
    looseTimes: true,
    ...options,
  });
  builder.file = options.file;
  const reader = new EdnReader(text);
  try {
    const tornLine = readEvents(reader, builder);
    const { timesBackwards } = builder;
    const warnings = {
      ...(tornLine === undefined ? {} : { tornLine }),
      ...(timesBackwards === 0 ? {} : { timesBackwards }),
    };
    return { history: builder.build(), header: undefined, warnings };
  } catch (error) {
    if (error instanceof BadHistory) throw new BadHistory(error.reason, error.line ?? reader.line, options.file);
    throw error;
  }
}

/** Adds every event; returns the line of a map that the end of the file cuts off. */
function readEvents(reader: EdnReader, builder: HistoryBuilder): number | undefined {
  const close = reader.openList();
  for (;;) {
    builder.line = undefined;
    if (close !== undefined && reader.closeList(close)) break;
    const before = reader.lineOfNext();
    builder.line = before;
    let value: Value | typeof END;
    try {
      value = reader.next();
    } catch (error) {
      // Without a list around it, a map that never ends is the torn end of a log.
      if (close === undefined && reader.atEnd && error instanceof BadHistory) return before;
      throw error;
    }
    if (value === END) {
      if (close === undefined) return undefined;
      throw builder.bad('The file ends within the list of operations.');
    }
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      throw builder.bad('An operation must be a map with :process, :type, :f and :value.');
    }
    builder.add(eventOf(value as { readonly [name: string]: Value }));
  }
  if (reader.next() !== END) throw new BadHistory('Something follows the list of operations.', reader.line);
  return undefined;
}

/** An operation map as an event: its own names, and those of types, methods and processes, without their colons. */
function eventOf(map: { readonly [name: string]: Value }): Event {
  const event: Record<string, Value> = {};
  for (const [name, value] of Object.entries(map)) {
    const field = textOfKeyword(name);
    event[field] = field === 'value' || field === 'key' || field === 'actual' ? value : plain(value);
  }
  if (event.f === 'txn' && Array.isArray(event.value)) event.value = event.value.map(microOperation);
  return event as unknown as Event; // the builder checks it field by field
}

const plain = (value: Value): Value => (typeof value === 'string' ? textOfKeyword(value) : value);

/** `[:r 5 nil]` */
function microOperation(part: Value): Value {
  return Array.isArray(part) ? part.map((element: Value, at) => (at === 0 ? plain(element) : element)) : part;
}
