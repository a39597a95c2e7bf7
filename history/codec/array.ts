/** Histories as one JSON array of events. */
import type { Event } from '../operation.ts';
import { BadHistory, type HistoryBuilder } from '../builder.ts';
import { placeTooDeep, TOO_DEEP } from './depth.ts';
import { EdnScanner } from './edn-scanner.ts';
import { type Form, FormDecoder, type Syntax } from './form-decoder.ts';
import { parseObject } from './json.ts';
import { type DecodeOptions, ofOneObject } from './jsonl.ts';
import { UNUSUAL } from './scanner.ts';
import { TupleDoubt } from './tuples.ts';

/** Takes such a history in pieces. Errors name the event's number too, for all may stand on one line. */
export function arrayDecoder(options: DecodeOptions = {}): FormDecoder {
  return new FormDecoder(ofOneObject(options), (builder, fields) => {
    const doubt = new TupleDoubt(builder, options.independent);
    return {
      opens: '[',
      // Blanks are the same in JSON and EDN.
      scanner: new EdnScanner(builder.tables, fields, false),
      scan: () => UNUSUAL,
      read: (form) => readEvent(form, builder, doubt),
      end: () => doubt.end(),
    } satisfies Syntax;
  });
}

function readEvent({ text, line }: Form, builder: HistoryBuilder, doubt: TupleDoubt): void {
  const deep = placeTooDeep(text);
  if (deep >= 0) {
    builder.line = line + text.slice(0, deep).split('\n').length - 1;
    throw builder.bad(TOO_DEEP);
  }
  const event = builder.events;
  const bad = (reason: string) => builder.bad(`Event ${event}: ${reason}`);
  try {
    const read = parseObject(text, bad) as unknown as Event; // checked field by field
    doubt.weigh(read);
    builder.add(read);
  } catch (error) {
    if (error instanceof BadHistory && !error.reason.startsWith('Event ')) throw bad(error.reason);
    throw error;
  }
}
