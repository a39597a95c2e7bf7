/**
 * What a driver and the harness say to one another: one JSON object a line, each with the number of the request that it is or
 * answers (docs/add-a-system.md says it to users; a test holds the two together).
 *
 * | the harness | asks |
 * |---|---|
 * | `{"id":0,"type":"hello","protocol":1}` | what the driver can do: {@link Hello} |
 * | `{"id":1,"type":"open","nodes":{"n1":"host:port"},"readPath","writePath","session","device","attempt","node","token","settings","timeoutMs"}` | to work for a client |
 * | `{"id":2,"type":"invoke","f","key","value","timeoutMs"}` | an operation, in the shape of a history's invocation |
 * | `{"id":3,"type":"sight","node":"n1","timeoutMs"}` | what the node says of itself |
 * | `{"id":4,"type":"close"}` | to let go; then its input ends |
 *
 * Answers are of type `ok`, `fail` (with `error`: it never happened and never will; without, it is not believed) or `info` (nobody
 * knows). A line that is not UTF-8, not JSON or not of these is nonsense: `info`, and counted.
 */
import { type Guarantee, guaranteeNames } from '../../history/guarantee.ts';
import type { NodeId, Position, Role, Sighting, Value } from '../../history/operation.ts';
import type { Entry, Step } from '../../history/store.ts';
import type { Call } from '../../workloads/workload.ts';
import { nearest } from '../errors.ts';
import type { Path } from '../system.ts';
import { SECRET_NAME, withoutSecrets } from './command.ts';

export const PROTOCOL = 1;

/** One path, as the driver tells of it. */
export interface DriverPath extends Path {
  /** Nodes of which role it asks; not said: it may be any. */
  readonly asks?: 'leader' | 'follower';
}

export interface Promised {
  readonly write?: string;
  readonly read?: string;
  readonly guarantees: readonly Guarantee[];
  readonly source?: string;
}

export interface Hello {
  readonly name: string;
  readonly about: string;
  readonly methods: readonly [Method, ...Method[]];
  readonly readPaths: readonly [DriverPath, ...DriverPath[]];
  readonly writePaths: readonly [DriverPath, ...DriverPath[]];
  readonly strongest: string;
  readonly state: string;
  readonly promises: readonly Promised[];
  /** It answers `sight`. Without, nobody leads as far as the harness knows. */
  readonly sight: boolean;
  /** Read paths on which a token is honoured. */
  readonly tokenPaths: readonly string[];
  readonly settings: readonly { readonly name: string; readonly about: string }[];
}

/** What a driver may offer; those that no workload asks for yet are taken note of, and not asked. */
export type Method = Call['f'] | 'add' | 'append';
const methods: readonly Method[] = ['read', 'readMany', 'write', 'cas', 'add', 'append', 'send', 'poll', 'txn'];

export type Fields = Readonly<Record<string, unknown>>;

export interface Answer {
  readonly id: number;
  readonly type: 'ok' | 'fail' | 'info' | 'hello';
  readonly fields: Fields;
}

/** What a driver said that makes no sense; the sentence begins with "the driver" or "its hello". */
export class Nonsense extends Error {}

export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** @throws Nonsense */
export function answerOf(line: string): Answer {
  let fields: unknown;
  try {
    fields = JSON.parse(line);
  } catch {
    throw new Nonsense(`the driver wrote a line that is no JSON: ${start(line)}`);
  }
  if (!isFields(fields)) throw new Nonsense(`the driver wrote a line that is no JSON object: ${start(line)}`);
  const { id, type } = fields;
  if (typeof id !== 'number' || !Number.isSafeInteger(id))
    throw new Nonsense(`the driver wrote a line without an id: ${start(line)}`);
  if (type !== 'ok' && type !== 'fail' && type !== 'info' && type !== 'hello')
    throw new Nonsense(
      `the driver answered with type ${start(JSON.stringify(type) ?? 'nothing')}; ok, fail or info is needed`,
    );
  if (type === 'fail' && (typeof fields['error'] !== 'string' || fields['error'] === ''))
    throw new Nonsense(`the driver answered fail without an error, which says what was refused: ${start(line)}`);
  return { id, type, fields };
}

/** Of what a driver wrote. Secrets go first: half of one would not be known for one. */
export function start(text: string): string {
  const clean = withoutSecrets(text);
  return clean.length > 80 ? `${clean.slice(0, 80)}…` : clean;
}

// The hello. --------------------------------------------------------------------------------------------------------------

/** @throws Nonsense with what is missing or wrong, and what would be right */
export function helloOf({ type, fields }: Answer): Hello {
  if (type !== 'hello') throw new Nonsense(`its hello is of type '${type}'; 'hello' is needed`);
  const { protocol } = fields;
  if (protocol !== PROTOCOL)
    throw new Nonsense(
      `its hello speaks protocol ${JSON.stringify(protocol) ?? 'unsaid'}; "protocol": ${PROTOCOL} is needed`,
    );
  const said = nonEmpty(texts(fields['methods'], 'methods'), 'methods');
  for (const one of said) known(one, methods, 'methods', 'method');
  const readPaths = nonEmpty(paths(fields['readPaths'], 'readPaths'), 'readPaths');
  const writePaths = nonEmpty(paths(fields['writePaths'], 'writePaths'), 'writePaths');
  const readNames = readPaths.map(({ name }) => name);
  const writeNames = writePaths.map(({ name }) => name);
  const both = (one: Method, other: Method): boolean => said.includes(one) && said.includes(other);
  if (!both('read', 'write') && !both('send', 'poll'))
    throw new Nonsense("its hello has neither 'read' and 'write' nor 'send' and 'poll' among its methods");
  const strongest = text(fields['strongest'] ?? readNames[0], 'strongest');
  const state = text(fields['state'] ?? readNames[readNames.length - 1], 'state');
  known(strongest, readNames, 'strongest', 'read path');
  known(state, readNames, 'state', 'read path');
  const tokenPaths = texts(fields['tokenPaths'] ?? [], 'tokenPaths');
  for (const path of tokenPaths) known(path, readNames, 'tokenPaths', 'read path');
  return {
    name: text(fields['name'] ?? 'driver', 'name'),
    about: text(fields['about'] ?? 'a store behind a driver', 'about'),
    methods: said as unknown as Hello['methods'], // looked at one by one
    readPaths,
    writePaths,
    strongest,
    state,
    promises: list(fields['promises'] ?? [], 'promises').map((one, i) =>
      promised(one, `promises[${i}]`, writeNames, readNames),
    ),
    sight: flag(fields['sight'] ?? false, 'sight'),
    tokenPaths,
    settings: list(fields['settings'] ?? [], 'settings').map((one, i) => setting(one, `settings[${i}]`)),
  };
}

function paths(value: unknown, field: string): readonly DriverPath[] {
  const found = list(value, field).map((one, i): DriverPath => {
    const path = typeof one === 'string' ? { name: one } : one;
    const at = `${field}[${i}]`;
    if (!isFields(path))
      throw new Nonsense(`its hello's ${at} is ${shown(one)}; a name or an object with a name is needed`);
    const { name, about, boundMs, asks, perDevice, uncommitted } = path;
    const called = text(name, `${at}.name`);
    if (!/^[a-z0-9][\w.+-]{0,63}$/i.test(called) || called === 'all')
      throw new Nonsense(
        `its hello's ${at} is called ${shown(called)}; letters, digits and .+-_ are needed, and not 'all'`,
      );
    if (asks !== undefined && asks !== 'leader' && asks !== 'follower')
      throw new Nonsense(`its hello's ${at}.asks is ${shown(asks)}; 'leader' or 'follower' is needed`);
    if (boundMs !== undefined && !(typeof boundMs === 'number' && boundMs > 0))
      throw new Nonsense(`its hello's ${at}.boundMs is ${shown(boundMs)}; milliseconds are needed`);
    return {
      name: called,
      about: text(about ?? called, `${at}.about`),
      thread: flag(perDevice ?? false, `${at}.perDevice`) ? 'device' : 'session',
      ...(flag(uncommitted ?? false, `${at}.uncommitted`) && { uncommitted: true }),
      ...(typeof boundMs === 'number' && { boundMs }),
      ...(asks !== undefined && { asks }),
    };
  });
  const twice = found.find(({ name }, i) => found.findIndex((other) => other.name === name) !== i);
  if (twice !== undefined) throw new Nonsense(`its hello's ${field} name '${twice.name}' twice`);
  return found;
}

function promised(value: unknown, at: string, writes: readonly string[], reads: readonly string[]): Promised {
  if (!isFields(value)) throw new Nonsense(`its hello's ${at} is ${shown(value)}; {"guarantees": […]} is needed`);
  const { write, read, guarantees, source } = value;
  if (write !== undefined) known(text(write, `${at}.write`), writes, `${at}.write`, 'write path');
  if (read !== undefined) known(text(read, `${at}.read`), reads, `${at}.read`, 'read path');
  const named = nonEmpty(texts(guarantees, `${at}.guarantees`), `${at}.guarantees`);
  for (const one of named) known(one, guaranteeNames, `${at}.guarantees`, 'guarantee');
  return {
    guarantees: named as readonly Guarantee[], // looked at one by one
    ...(typeof write === 'string' && { write }),
    ...(typeof read === 'string' && { read }),
    ...(source !== undefined && { source: text(source, `${at}.source`) }),
  };
}

function setting(value: unknown, at: string): { readonly name: string; readonly about: string } {
  const one = typeof value === 'string' ? { name: value } : value;
  if (!isFields(one)) throw new Nonsense(`its hello's ${at} is ${shown(value)}; a name is needed`);
  const name = text(one['name'], `${at}.name`);
  if (!/^[a-z][a-z0-9-]{0,31}$/.test(name))
    throw new Nonsense(`its hello's ${at} is called ${shown(name)}; small letters, digits and dashes are needed`);
  if (SECRET_NAME.test(name))
    throw new Nonsense(
      `its hello has a setting '${name}', and settings are kept with every run; a secret comes in an environment variable`,
    );
  return { name, about: text(one['about'] ?? name, `${at}.about`) };
}

function shown(value: unknown): string {
  return start(JSON.stringify(value) ?? 'missing');
}

function text(value: unknown, field: string): string {
  if (typeof value !== 'string' || value === '')
    throw new Nonsense(`its hello's ${field} is ${shown(value)}; a text is needed`);
  return value.slice(0, 200);
}

function flag(value: unknown, field: string): boolean {
  if (typeof value !== 'boolean')
    throw new Nonsense(`its hello's ${field} is ${shown(value)}; true or false is needed`);
  return value;
}

function list(value: unknown, field: string): readonly unknown[] {
  if (!Array.isArray(value) || value.length > 100)
    throw new Nonsense(`its hello's ${field} is ${shown(value)}; a list is needed`);
  return value;
}

function texts(value: unknown, field: string): readonly string[] {
  return list(value, field).map((one, i) => text(one, `${field}[${i}]`));
}

function nonEmpty<T>(items: readonly T[], field: string): readonly [T, ...T[]] {
  const [first, ...rest] = items;
  if (first === undefined) throw new Nonsense(`its hello's ${field} is empty; at least one is needed`);
  return [first, ...rest];
}

function known(name: string, valid: readonly string[], field: string, what: string): void {
  if (valid.includes(name)) return;
  const near = nearest(name, valid);
  const meant = near === undefined ? '' : ` (did you mean '${near}'?)`;
  throw new Nonsense(
    `its hello's ${field} names '${name}', and there is no such ${what}${meant}; valid: ${valid.join(', ')}`,
  );
}

// Answers to invocations and sights. --------------------------------------------------------------------------------------

const roleNames: readonly Role[] = ['leader', 'follower', 'candidate', 'learner'];

/** `["g0", 3, 118]` @throws Nonsense */
export function positionOf(value: unknown, field: string): Position | undefined {
  if (value === undefined || value === null) return undefined;
  const [group, history, at] = Array.isArray(value) ? (value as readonly unknown[]) : [];
  const isPlace = (one: unknown): one is string | number => typeof one === 'string' || Number.isFinite(one);
  if (typeof group !== 'string' || !isPlace(history) || !isPlace(at))
    throw new Nonsense(`the driver answered with ${field} ${shown(value)}; [group, term, index] is needed`);
  for (const one of [group, history, at]) sized(one);
  return { group, history, at };
}

/** @throws Nonsense */
export function servedByOf(
  { node, role }: Fields,
  nodes: readonly NodeId[],
): { node: NodeId; role?: Role } | undefined {
  if (node === undefined || node === null) return undefined;
  if (typeof node !== 'string' || !nodes.includes(node))
    throw new Nonsense(`the driver names the node ${shown(node)}; there are ${nodes.join(', ')}`);
  const known = roleNames.find((one) => one === role);
  if (role !== undefined && role !== null && known === undefined)
    throw new Nonsense(`the driver names the role ${shown(role)}; one of ${roleNames.join(', ')} is needed`);
  return { node, ...(known !== undefined && { role: known }) };
}

/** Of one value, as JSON. All that is read is kept, so what nobody can have written would fill the memory. */
export const VALUE_LENGTH_MAX = 64 * 1024;

/** JSON is all that a value may be, and comes of JSON. @throws Nonsense where it is too long */
export function sized(value: unknown): Value {
  const length =
    typeof value === 'string' ? value.length : typeof value === 'object' ? JSON.stringify(value).length : 0;
  if (length > VALUE_LENGTH_MAX)
    throw new Nonsense(`the driver gave a value of more than ${VALUE_LENGTH_MAX >> 10} KiB: ${shown(value)}`);
  return value as Value;
}

/** What was read, one value or several in a list. @throws Nonsense */
export function valueOf(fields: Fields): Value {
  if (!Object.hasOwn(fields, 'value')) throw new Nonsense('the driver answered ok to a read, and gave no value');
  return fields['value'] as Value;
}

/** `[[offset, value], …]`; in which order is for the judge to say. @throws Nonsense */
export function entriesOf(fields: Fields): readonly Entry[] {
  const list = valueOf(fields);
  const isEntry = (one: unknown): one is Entry => Array.isArray(one) && one.length === 2 && isOffset(one[0]);
  if (!Array.isArray(list) || !list.every(isEntry))
    throw new Nonsense(`the driver answered a poll with ${shown(list)}; a list of [offset, value] is needed`);
  for (const [, value] of list) sized(value);
  return list;
}

function isOffset(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}

/** Of a send: where its value is. @throws Nonsense */
export function offsetOf({ offset }: Fields): number {
  if (!isOffset(offset))
    throw new Nonsense(`the driver answered a send with offset ${shown(offset)}; a whole number is needed`);
  return offset;
}

/** What each step of a transaction found, in the order of the steps. @throws Nonsense */
export function stepsOf(fields: Fields, asked: readonly Step[]): readonly Step[] {
  const list = valueOf(fields);
  if (!Array.isArray(list) || list.length !== asked.length)
    throw new Nonsense(`the driver answered a transaction of ${asked.length} steps with no list of as many`);
  return asked.map(([f, key, value], i) => {
    const [said, , found] = Array.isArray(list[i]) ? (list[i] as readonly unknown[]) : [];
    if (said !== f || (f === 'r' && found === undefined))
      throw new Nonsense(`the driver answered step ${i} of a transaction, a '${f}', with ${shown(list[i])}`);
    return [f, key, f === 'r' ? sized(found) : value];
  });
}

/** @throws Nonsense */
export function sightingOf(fields: Fields, node: NodeId, nodes: readonly NodeId[]): Sighting {
  const role = servedByOf({ node, role: fields['role'] }, nodes)?.role;
  const { term, members } = fields;
  if (role === undefined) throw new Nonsense('the driver sighted a node and gave no role');
  if (typeof term !== 'number' || !Number.isSafeInteger(term) || term < 0)
    throw new Nonsense(
      `the driver sighted a node with term ${shown(term)}; a number that grows with each change of leader is needed`,
    );
  const group = typeof fields['group'] === 'string' ? fields['group'] : 'g0';
  const nowhere: Position = { group, history: term, at: 0 };
  const applied = positionOf(fields['applied'] ?? fields['position'], 'applied') ?? nowhere;
  const commit = positionOf(fields['commit'], 'commit') ?? applied;
  const known = Array.isArray(members)
    ? members.filter((one): one is string => nodes.includes(String(one)))
    : undefined;
  return { node, role, term, commit, applied, ...(known !== undefined && { members: known }) };
}
