/** Settings of a node: flags over a YAML file, one schema for both. What is wrong is said in one sentence (exit 254). */
import { readFileSync } from 'node:fs';
import { LineCounter, parseDocument } from 'yaml';
import { z } from 'zod';
import { defectNames } from '../core/defects.ts';
import { SECRET_BYTES_MIN } from '../wire/hello.ts';
import { splitAddress } from './peers.ts';

/** Bad arguments or input: one sentence for the operator. */
export class BadInput extends Error {}

const name = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, 'must be letters, digits, dots, dashes and underscores, at most 64');

const address = z.string().refine((text) => splitAddress(text) !== undefined, "must be 'host:port'");

/** A flag gives text, a file a number. */
function number(least: number, most: number) {
  const text = z
    .string()
    .regex(/^\d+(\.\d+)?$/)
    .transform(Number);
  return z
    .union([z.number(), text], 'must be a number')
    .pipe(z.number().min(least, `must be at least ${least}`).max(most, `must be at most ${most}`));
}

function whole(least: number, most: number) {
  return number(least, most).pipe(z.int('must be a whole number'));
}

const switched = z.union([z.boolean(), z.enum(['true', 'false']).transform((text) => text === 'true')]);
const orOff = <T extends z.ZodType>(type: T) => z.union([z.literal('off'), type]);
const several = <T extends z.ZodType>(type: T) => z.union([type.transform((one) => [one]), z.array(type)]);

/** `n2=host:port`, or a map of the same in the file. */
const peers = z.union(
  [
    z.record(name, address),
    z
      .array(z.string().regex(/^[^=]+=.+$/, "must be 'node=host:port'"))
      .transform((pairs) => Object.fromEntries(pairs.map((pair) => pair.split('=', 2) as [string, string])))
      .pipe(z.record(name, address)),
  ],
  "must be 'node=host:port'",
);

const DAY_MS = 86_400_000;

const schema = z.strictObject({
  node: name,
  cluster: name.default('tidemark'),
  listen: address.default('127.0.0.1:7600'),
  admin: orOff(address).default('127.0.0.1:7601'),
  peer: peers.default({}),
  learner: several(name).default([]),
  join: switched.default(false),
  data: z.string().min(1, 'must name a folder'),
  region: name.default('default'),
  groups: whole(1, 256).default(1),
  acknowledgement: z.enum(['leader-ack', 'quorum-ack', 'all-ack', 'all-applied']).default('quorum-ack'),
  'heartbeat-ms': number(1, DAY_MS).default(100),
  'election-ms': number(2, DAY_MS).default(1000),
  'request-timeout-ms': number(1, DAY_MS).default(5000),
  'clock-drift-ppm': number(0, 500_000).default(1000),
  'serve-leader-silent-ms': orOff(number(1, DAY_MS)).default(5000),
  'serve-lag-entries': orOff(whole(1, 1e9)).default(100_000),
  'serve-disk-ms': orOff(number(1, DAY_MS)).default(5000),
  election: z
    .union([
      z.literal('built-in'),
      z.string().regex(/^etcd=https?:\/\/.+$/, "must be 'built-in' or 'etcd=http://host:port'"),
    ])
    .default('built-in'),
  'spread-leaders': switched.default(true),
  'origins-kept': whole(0, 1e9).default(100_000),
  fsync: z.enum(['on', 'off']).default('on'),
  files: z.enum(['real', 'forgetful']).default('real'),
  'segment-bytes': whole(4096, 2 ** 31).default(64 * 1024 * 1024),
  'snapshot-entries': whole(1, 1e9).default(100_000),
  'snapshot-bytes': whole(4096, 2 ** 40).default(64 * 1024 * 1024),
  'snapshot-keep': whole(0, 1e9).default(10_000),
  connections: whole(1, 65_536).default(4096),
  'peer-secret-file': z.string().optional(),
  'client-secret-file': z.string().optional(),
  'operator-secret-file': z.string().optional(),
  defect: z.enum(defectNames as [string, ...string[]]).optional(),
  log: z.enum(['text', 'json']).default('text'),
});

type Parsed = z.infer<typeof schema>;
export type SettingName = keyof Parsed;
export const settingNames = Object.keys(schema.shape) as SettingName[];

export interface Secrets {
  readonly peer: Buffer | undefined;
  readonly client: Buffer | undefined;
  readonly operator: Buffer | undefined;
}

export interface Settings extends Parsed {
  readonly secrets: Secrets;
}

/** What was given by flags: text, lists of text, or true for a flag without a value. */
export type Flags = { readonly [Name in SettingName]?: string | readonly string[] | boolean };

export function readSettings(flags: Flags, file: string | undefined, env: NodeJS.ProcessEnv): Settings {
  const fromFile = file === undefined ? undefined : readFile(file);
  const parsed = schema.safeParse({ ...fromFile?.values, ...flags });
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new BadInput(sentence(issue, flags, fromFile));
  }
  check(parsed.data);
  const secrets = {
    peer: secret('peer', parsed.data, env),
    client: secret('client', parsed.data, env),
    operator: secret('operator', parsed.data, env),
  };
  const { admin } = parsed.data;
  if (admin !== 'off' && secrets.operator === undefined && !isLoopback(splitAddress(admin)?.host ?? '')) {
    throw new BadInput(`The admin port at ${admin} can be reached from outside: give --operator-secret-file as well.`);
  }
  return { ...parsed.data, secrets };
}

export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host);
}

interface FromFile {
  readonly values: Readonly<Record<string, unknown>>;
  /** `file:line` of a field. */
  at(field: string): string;
}

function readFile(file: string): FromFile {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new BadInput(`The configuration ${file} cannot be read: ${(error as Error).message}.`);
  }
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const [broken] = document.errors;
  if (broken !== undefined) {
    throw new BadInput(`${file}:${lines.linePos(broken.pos[0]).line}: ${broken.message.split('\n')[0]}.`);
  }
  const values: unknown = document.toJS() ?? {};
  if (typeof values !== 'object' || values === null || Array.isArray(values)) {
    throw new BadInput(`${file}:1: must hold settings, one a line, such as 'node: n1'.`);
  }
  const at = (field: string): string => {
    const pair = (
      document.contents as { items?: { key: { value?: unknown; range?: [number, ...number[]] } }[] } | null
    )?.items?.find(({ key }) => key.value === field);
    return pair?.key.range === undefined ? file : `${file}:${lines.linePos(pair.key.range[0]).line}`;
  };
  return { values: values as Record<string, unknown>, at };
}

function sentence(issue: z.core.$ZodIssue, flags: Flags, file: FromFile | undefined): string {
  if (issue.code === 'unrecognized_keys') {
    const [field] = issue.keys;
    return `${file?.at(field) ?? ''}: There is no setting '${field}'. Valid: ${settingNames.join(', ')}.`;
  }
  const field = String(issue.path[0]);
  const given = Object.hasOwn(flags, field);
  const within = issue.path.length > 1 ? ` (${issue.path.slice(1).join('.')})` : '';
  if (!given && file?.values[field] === undefined) return `--${field} is missing.`;
  const where = given || file === undefined ? `--${field}` : `${file.at(field)}: ${field}`;
  return `${where}${within} ${messageOf(issue)}.`;
}

function messageOf(issue: z.core.$ZodIssue): string {
  if (issue.message.startsWith('must')) return issue.message;
  // Of a union, the alternative that says most.
  if (issue.code === 'invalid_union') {
    const all = issue.errors.flat().map(messageOf);
    return all.find((message) => message.startsWith('must be') && !message.endsWith(' off')) ?? 'is not valid';
  }
  if (issue.code === 'invalid_value') return `must be one of ${issue.values.join(', ')}`;
  if (issue.code === 'invalid_type') return `must be a ${issue.expected}`;
  return `is not valid (${issue.message})`;
}

/** What no single field can tell. */
function check(settings: Parsed): void {
  const { node, peer, learner, join } = settings;
  const nodes = new Set([node, ...Object.keys(peer)]);
  for (const one of learner) {
    if (!nodes.has(one)) throw new BadInput(`--learner ${one} is neither this node nor one of its peers.`);
  }
  if (join && Object.keys(peer).every((one) => one === node)) {
    throw new BadInput('--join needs the members of the cluster, by --peer.');
  }
  if (!join && [...nodes].every((one) => learner.includes(one)))
    throw new BadInput('There is no voter among the nodes.');
  if (settings['election-ms'] < settings['heartbeat-ms'] * 2) {
    throw new BadInput('--election-ms must be at least twice --heartbeat-ms.');
  }
}

/** From a file, or else from the environment: never from the command line, which every user of the machine can read. */
function secret(whose: keyof Secrets, settings: Parsed, env: NodeJS.ProcessEnv): Buffer | undefined {
  const file = settings[`${whose}-secret-file`];
  const variable = `TIDEMARK_STORE_${whose.toUpperCase()}_SECRET`;
  let bytes: Buffer;
  if (file !== undefined) {
    try {
      bytes = readFileSync(file);
    } catch (error) {
      throw new BadInput(`--${whose}-secret-file: ${(error as Error).message}.`);
    }
  } else {
    const text = env[variable];
    if (text === undefined || text === '') return undefined;
    bytes = Buffer.from(text);
  }
  // Editors end a file with a line feed.
  const trimmed = Buffer.from(bytes.toString('latin1').trim(), 'latin1');
  if (trimmed.length < SECRET_BYTES_MIN) {
    throw new BadInput(`${file ?? variable} must hold at least ${SECRET_BYTES_MIN} bytes.`);
  }
  return trimmed;
}
