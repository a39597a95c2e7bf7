/** Reads events as objects, of the journal's shape, into codes and references. */
import type { BadHistory } from './bad-history.ts';
import { type EventFields, INVOKE, methodCodes, READ_MANY, typeCodes } from './event-fields.ts';
import { CAS, NONE, OK, ROLES } from './history.ts';
import type { Position, Value } from './operation.ts';
import { Texts } from './texts.ts';
import { jsonOf, unmarked, Values } from './values.ts';

/** What is interned while a history is built. */
export class Tables {
  readonly values = new Values();
  /** JSON texts of the keys. */
  readonly keys = new Texts();
  readonly sessions = new Texts();
  readonly devices = new Texts();
  readonly paths = new Texts();
  readonly nodes = new Texts();
  readonly groups = new Texts();
}

export class EventReader {
  readonly #tables: Tables;
  readonly #independent: boolean;
  readonly #bad: (reason: string) => BadHistory;

  constructor(tables: Tables, independent: boolean, bad: (reason: string) => BadHistory) {
    this.#tables = tables;
    this.#independent = independent;
    this.#bad = bad;
  }

  /** The number of a key. */
  key(key: unknown): number {
    if (typeof key !== 'string' && !(typeof key === 'number' && Number.isFinite(key))) {
      throw this.#bad(`A key must be a string or a number, not ${JSON.stringify(key) ?? 'nothing'}.`);
    }
    return this.#tables.keys.intern(jsonOf(key));
  }

  instant(time: unknown, name: string): number {
    const number = unmarked(time);
    if (typeof number !== 'number' || !Number.isFinite(number)) {
      throw this.#bad(`The ${name} must be a number of nanoseconds.`);
    }
    return number;
  }

  /** Fills the fields, which are clear, from an event of a numbered process. */
  read(raw: Record<string, unknown>, fields: EventFields): void {
    const { type, f, process, time, index, key, session, device, path, node, role, intended } = raw;
    const typeCode = typeof type === 'string' ? typeCodes.get(type) : undefined;
    if (typeCode === undefined) throw this.#bad(unknownType(type));
    const method = typeof f === 'string' ? methodCodes.get(f) : undefined;
    if (method === undefined) throw this.#bad(unknownMethod(f));
    if (!Number.isInteger(process) || (process as number) < 0 || (process as number) > 0x7fffffff) {
      throw this.#bad(`A process must be an integer from 0, not ${String(process)}.`);
    }
    fields.type = typeCode;
    fields.f = method;
    fields.process = process as number; // checked above
    if (time !== undefined && time !== null) fields.time = this.instant(time, 'time');
    if (typeof index === 'number' && Number.isInteger(index) && index >= 0 && index <= 0x7fffffff) fields.index = index;
    if (key !== undefined && key !== null) fields.key = this.key(key);
    if (typeof session === 'string') fields.session = this.#tables.sessions.intern(session);
    if (typeof device === 'string') fields.device = this.#tables.devices.intern(device);
    if (typeof path === 'string') fields.path = this.#tables.paths.intern(path);
    if (typeof node === 'string') fields.node = this.#tables.nodes.intern(node);
    if (typeof role === 'string' && ROLES.includes(role as never)) fields.role = ROLES.indexOf(role as never);
    const meant = unmarked(intended);
    if (typeof meant === 'number') fields.intended = meant;
    if (raw.error === 'mismatch') fields.mismatch = true;
    if (raw.actual !== undefined) fields.actual = this.#tables.values.intern(raw.actual as Value); // came out of JSON or EDN
    this.readPosition(raw.position, 'position', fields);
    const { version } = raw;
    if (Array.isArray(version) && (version.length === 0 || typeof version[0] !== 'string')) fields.versions = version;
    else this.readPosition(version, 'version', fields);
    const value = (raw.value ?? null) as Value;
    this.#readValue(this.#independent ? this.#untupled(value, fields) : value, fields);
  }

  /** Takes the key out of an independent tuple. A completion may come without one. */
  #untupled(value: Value, fields: EventFields): Value {
    if (Array.isArray(value) && value.length === 2) {
      const [key, inner] = value as readonly Value[];
      fields.key = this.key(key);
      return inner;
    }
    if (fields.type === OK || fields.type === INVOKE)
      throw this.#bad('With independent keys, a value must be [key, value].');
    return null;
  }

  #readValue(value: Value, fields: EventFields): void {
    if (fields.f >= READ_MANY) {
      fields.list = value;
    } else if (fields.f === CAS) {
      if (!Array.isArray(value) || value.length !== 2) return; // an invocation without a pair is refused later
      const [expected, next] = value as readonly Value[];
      fields.expected = this.#tables.values.intern(expected);
      fields.value = this.#tables.values.intern(next);
    } else {
      fields.value = this.#tables.values.intern(value);
    }
  }

  /** A position whose place is neither a number nor a numeral cannot be compared, and counts as not reported. */
  readPosition(position: unknown, which: 'version' | 'position', fields: EventFields): void {
    const { group, history, at } = looksLikePosition(position) ?? {};
    const place = typeof at === 'string' && /^\d{1,15}$/.test(at) ? Number(at) : at;
    const given = typeof group === 'string' && history !== undefined && typeof place === 'number';
    fields[`${which}Group`] = given ? this.#tables.groups.intern(group) : NONE;
    fields[`${which}History`] = given ? this.#tables.values.intern(history) : NONE;
    fields[`${which}At`] = given ? place : Number.NaN;
  }
}

function looksLikePosition(position: unknown): Partial<Position> | undefined {
  if (Array.isArray(position)) {
    const [group, history, at] = position as readonly unknown[];
    return { group, history, at } as Partial<Position>; // each part is checked by the caller
  }
  return typeof position === 'object' && position !== null ? position : undefined;
}

export const unknownType = (type: unknown): string =>
  `The type must be invoke, ok, fail or info, not ${JSON.stringify(type) ?? 'missing'}.`;
const unknownMethod = (f: unknown): string =>
  `The operation must be one of ${[...methodCodes.keys()].join(', ')}, not ${JSON.stringify(f) ?? 'missing'}.`;
