/** Reads events as objects, of the journal's shape, into codes and references. */
import type { BadHistory } from './bad-history.ts';
import { type EventFields, INVOKE, methodCodes, READ_MANY, typeCodes } from './event-fields.ts';
import { CAS, NONE, OK, ROLES } from './history.ts';
import type { Value } from './operation.ts';
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

  /** The number of a name; a number is the name of its digits. NONE where it is missing or null. */
  #name(given: unknown, field: string, names: Texts): number {
    if (given === undefined || given === null) return NONE;
    const name = typeof given === 'string' && given.startsWith('\0') ? given.slice(1) : given;
    if (typeof name === 'string' || (typeof name === 'number' && Number.isFinite(name)))
      return names.intern(String(name));
    throw this.#bad(
      `The ${field} must be a name (a string or a number), such as "${EXAMPLES[field]}", not ${shown(given)}.`,
    );
  }

  /** Fills the fields, which are clear, from an event of a numbered process. */
  read(raw: Record<string, unknown>, fields: EventFields): void {
    const { type, f, process, time, index, key, session, device, path, node, role, intended } = raw;
    const typeCode = typeof type === 'string' ? typeCodes.get(type) : undefined;
    if (typeCode === undefined) throw this.#bad(unknownType(type));
    const method = typeof f === 'string' ? methodCodes.get(f) : undefined;
    if (method === undefined) throw this.#bad(unknownMethod(f));
    if (!Number.isInteger(process) || (process as number) < 0 || (process as number) > 0x7fffffff) {
      throw this.#bad(`A process must be an integer from 0, below 2^31, not ${String(unmarked(process))}.`);
    }
    fields.type = typeCode;
    fields.f = method;
    fields.process = process as number; // checked above
    if (time !== undefined && time !== null) fields.time = this.instant(time, 'time');
    if (typeof index === 'number' && Number.isInteger(index) && index >= 0 && index <= 0x7fffffff) fields.index = index;
    if (key !== undefined && key !== null) fields.key = this.key(key);
    fields.session = this.#name(session, 'session', this.#tables.sessions);
    fields.device = this.#name(device, 'device', this.#tables.devices);
    fields.path = this.#name(path, 'path', this.#tables.paths);
    fields.node = this.#name(node, 'node', this.#tables.nodes);
    if (typeof role === 'string' && ROLES.includes(role as never)) fields.role = ROLES.indexOf(role as never);
    const meant = unmarked(intended);
    if (typeof meant === 'number') fields.intended = meant;
    if (raw.error === 'mismatch') fields.mismatch = true;
    if (raw.actual !== undefined) fields.actual = this.#tables.values.intern(raw.actual as Value); // came out of JSON or EDN
    this.readPosition(raw.position, 'position', fields);
    const { version } = raw;
    if (method >= READ_MANY && isListOfVersions(version)) fields.versions = version;
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
      if (!Array.isArray(value) || value.length !== 2) {
        if (value === null || fields.type !== OK) return; // an invocation without a pair is refused later
        throw this.#bad(`The value of a cas must be [expected, next], not ${shown(value)}.`);
      }
      const [expected, next] = value as readonly Value[];
      fields.expected = this.#tables.values.intern(expected);
      fields.value = this.#tables.values.intern(next);
    } else {
      fields.value = this.#tables.values.intern(value);
    }
  }

  /**
   * A position whose place is a text, but no numeral, cannot be compared, and counts as not reported. What has not the
   * shape of a position is refused.
   */
  readPosition(position: unknown, which: 'version' | 'position', fields: EventFields): void {
    const parts = position === undefined || position === null ? undefined : this.#position(position, which);
    const place = typeof parts?.at === 'string' && /^\d{1,15}$/.test(parts.at) ? Number(parts.at) : parts?.at;
    const given = parts !== undefined && typeof place === 'number';
    fields[`${which}Group`] = given ? this.#tables.groups.intern(parts.group) : NONE;
    fields[`${which}History`] = given ? this.#tables.values.intern(parts.history) : NONE;
    fields[`${which}At`] = given ? place : Number.NaN;
  }

  #position(position: unknown, which: string): Parts {
    const [group, history, at, ...more] = Array.isArray(position)
      ? (position as readonly unknown[])
      : typeof position === 'object' && position !== null
        ? [(position as Parts).group, (position as Parts).history, (position as Parts).at] // each is looked at below
        : [];
    const fits =
      typeof group === 'string' &&
      history !== undefined &&
      history !== null &&
      (typeof at === 'number' || typeof at === 'string');
    if (fits && more.length === 0) return { group, history: history as Value, at }; // came out of JSON or EDN
    throw this.#bad(`The ${which} must be [group, history, place], such as ["g0", 3, 118], not ${shown(position)}.`);
  }
}

interface Parts {
  readonly group: string;
  readonly history: Value;
  readonly at: number | string;
}

const EXAMPLES: Readonly<Record<string, string>> = { session: 's1', device: 'd1', path: 'follower', node: 'n1' };

/** Of a `readMany`: one version a key. A single one begins with its group. */
function isListOfVersions(version: unknown): version is readonly unknown[] {
  return Array.isArray(version) && typeof version[0] !== 'string';
}

const SHOWN_MAX = 60;

function shown(value: unknown): string {
  const text = jsonOf(value as Value); // came out of JSON or EDN
  return text.length > SHOWN_MAX ? `${text.slice(0, SHOWN_MAX)}…` : text;
}

export const namedClient = (process: string): string =>
  `The process ${jsonOf(process)} of an operation must be an integer from 0, below 2^31: only notes, of type info, have names.`;

export const unknownType = (type: unknown): string =>
  `The type must be invoke, ok, fail or info, not ${JSON.stringify(type) ?? 'missing'}.`;
const unknownMethod = (f: unknown): string =>
  `The operation must be one of ${[...methodCodes.keys()].join(', ')}, not ${JSON.stringify(f) ?? 'missing'}.`;
