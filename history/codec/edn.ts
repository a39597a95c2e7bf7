/**
 * Histories of Jepsen, Knossos and Elle: EDN, one vector or list of operation maps, or the maps one after the other.
 *
 * `:process`, `:type`, `:f`, `:value` and where given `:time`, `:index`, `:key`, `:error` mean what they mean in our journal.
 * Events of a process that is no number (`:nemesis`) become notes. Histories of a single register name no key.
 */
import type { EventFields } from '../builder.ts';
import type { AnyEvent, HistoryBuilder } from '../builder.ts';
import { partCodes } from '../event-fields.ts';
import { NULL_REF } from '../values.ts';
import type { Event, Value } from '../operation.ts';
import { EdnReader, END, textOfKeyword } from './edn-reader.ts';
import { EdnScanner } from './edn-scanner.ts';
import { type Form, FormDecoder, type Syntax } from './form-decoder.ts';
import { type DecodeOptions, type Decoded, ofOneObject } from './jsonl.ts';
import { TupleDoubt } from './tuples.ts';

/** Takes a history in EDN in pieces. Errors are {@link BadHistory}, with line and reason. */
export function ednDecoder(options: DecodeOptions = {}): FormDecoder {
  return new FormDecoder(
    { looseTimes: true, ...ofOneObject(options) },
    (builder, fields) => new EdnSyntax(builder, fields, options.independent),
  );
}

/** The first line of a history whose values are independent tuples: a comment, which says what no value of EDN can. */
export const TUPLED = '; tidemark: values are independent tuples, [key value]\n';

/** What the text, or the beginning of one, says of itself; what the caller says goes before it. */
export function saidIn(text: string, options: DecodeOptions): DecodeOptions {
  const tupled = options.independent === undefined && text.replace(/^\uFEFF/, '').startsWith(TUPLED);
  return tupled ? { ...options, independent: true } : options;
}

/**
 * @param text the whole file
 * @throws BadHistory with file, line and reason
 */
export function readEdn(text: string, options: DecodeOptions = {}): Decoded {
  const decoder = ednDecoder(saidIn(text, options));
  decoder.push(Buffer.from(text));
  return decoder.end();
}

class EdnSyntax implements Syntax {
  readonly opens = '[(';
  readonly scanner: EdnScanner;
  readonly #builder: HistoryBuilder;
  readonly #fields: EventFields;
  readonly #doubt: TupleDoubt;

  constructor(builder: HistoryBuilder, fields: EventFields, independent: boolean | undefined) {
    this.scanner = new EdnScanner(builder.tables, fields, independent === true);
    this.#builder = builder;
    this.#fields = fields;
    this.#doubt = new TupleDoubt(builder, independent);
  }

  scan(at: number): number {
    const next = this.scanner.map(at);
    if (next < 0) return next;
    // The scanner leaves pairs of pairs to the reader.
    if (this.#doubt.isOpen && this.#fields.value !== NULL_REF) this.#doubt.settle();
    this.#builder.put(this.#fields);
    return next;
  }

  read(form: Form): void {
    const reader = new EdnReader(form.text, form.line);
    const value = reader.next();
    if (value === END) return; // something was discarded
    this.#builder.line = reader.begins;
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      throw this.#builder.bad('An operation must be a map with :process, :type, :f and :value.');
    }
    const event = eventOf(value as { readonly [name: string]: Value }, (name) =>
      this.#builder.bad(`The operation has :${name} twice.`),
    );
    this.#doubt.weigh(event);
    this.#builder.add(event);
  }

  end(): void {
    this.#doubt.end();
  }
}

/** An operation map as an event: its own names, and those of types, methods and processes, without their colons. */
function eventOf(map: { readonly [name: string]: Value }, twice: (name: string) => Error): AnyEvent {
  const event = Object.create(null) as Record<string, Value>; // a field may be called __proto__
  for (const [name, value] of Object.entries(map)) {
    const field = textOfKeyword(name);
    if (field in event) throw twice(field); // :f and "f"
    event[field] = field === 'value' || field === 'key' || field === 'actual' ? value : plain(value);
  }
  if (event.f === undefined || event.f === null) event.f = isTransaction(event.value) ? 'txn' : (event.f ?? null);
  if (event.f === 'txn' && Array.isArray(event.value)) event.value = event.value.map(microOperation);
  return event as unknown as Event; // the builder checks it field by field
}

const plain = (value: Value): Value => (typeof value === 'string' ? textOfKeyword(value) : value);

const PARTS: ReadonlySet<string> = new Set([...partCodes.keys()].map((name) => `:${name}`));

/** Elle's operations need not say that they are transactions: a list of `[:r 5 nil]` and the like tells. */
function isTransaction(value: Value | undefined): boolean {
  const parts: readonly Value[] = Array.isArray(value) ? (value as readonly Value[]) : [];
  return parts.length > 0 && parts.every((part) => Array.isArray(part) && PARTS.has(part[0] as string));
}

/** `[:r 5 nil]` */
function microOperation(part: Value): Value {
  return Array.isArray(part) ? part.map((element: Value, at) => (at === 0 ? plain(element) : element)) : part;
}
