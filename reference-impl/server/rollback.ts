/**
 * `tidemark-store rollback`: what became of entries that a failover undid, and writing them again.
 *
 * A replay is new operations, in the order of the log. By default each is a cas against the value that the entry had
 * overwritten, which for the second one of a key is what the first one wrote: where somebody has written since, nothing
 * happens, and that is said. By force the newest one stands at the end, whatever the key holds now.
 */
import type { CasRequest, Command, Key, Value, WriteRequest } from '../core/types.ts';
import { wallTime } from './clock.ts';
import { BadInput } from './config.ts';
import { LeaderAsker } from './leader-asker.ts';
import { splitAddress } from './peers.ts';
import { type KeptUndone, markReplayed, readRollback } from './storage/rollback.ts';

type Print = (line: string) => void;

export async function listUndone(folder: string, json: boolean, print: Print): Promise<void> {
  const all = await readRollback(folder);
  process.exitCode = 0;
  for (const one of all) print(json ? JSON.stringify(one) : describe(one));
  if (!json) print(`${all.length} undone, ${all.filter(({ replayedAt }) => replayedAt !== undefined).length} replayed`);
}

function describe(record: KeptUndone): string {
  const { id, at, entry, acknowledged, acknowledgedUnknown, committed, overwrote, overwroteUnknown, replayedAt } =
    record;
  const value = overwroteUnknown === true ? 'what is not known' : JSON.stringify(overwrote);
  const over = overwrote === undefined && overwroteUnknown !== true ? '' : ` over ${value}`;
  const unsure = acknowledgedUnknown === true ? ', perhaps acknowledged' : '';
  const known = committed === true ? ', committed' : acknowledged ? ', acknowledged' : unsure;
  const fate = replayedAt === undefined ? '' : `, replayed ${replayedAt}`;
  return `${id} ${at} ${whatItDid(entry.command)}${over}${known}${fate}`;
}

function whatItDid(command: Command): string {
  switch (command.type) {
    case 'write':
      return `write ${JSON.stringify(command.key)} ${JSON.stringify(command.value)}`;
    case 'cas':
      return `cas ${JSON.stringify(command.key)} ${JSON.stringify(command.expected)} to ${JSON.stringify(command.next)}`;
    case 'members':
      return `members ${command.members.voters.join(', ')}`;
    case 'noop':
      return 'began a term';
  }
}

export interface ReplayOptions {
  readonly data: string;
  readonly to: readonly string[];
  readonly cluster: string;
  readonly clientSecretFile?: string | undefined;
  readonly force?: true | undefined;
  readonly id?: readonly string[] | undefined;
}

export async function replayUndone(options: ReplayOptions, env: NodeJS.ProcessEnv, print: Print): Promise<void> {
  const { data, to, id, force } = options;
  for (const address of to) if (splitAddress(address) === undefined) throw new BadInput("--to must be 'host:port'.");
  const all = await readRollback(data);
  for (const one of id ?? []) {
    if (!all.some((record) => record.id === one)) throw new BadInput(`There is no undone entry ${one} in ${data}.`);
  }
  const asker = new LeaderAsker(options, env);
  const done = { replayed: 0, skipped: 0, failed: 0 };
  const outdone = id === undefined ? outdoneOf(all) : new Set<KeptUndone>();
  const chosen = all.filter((record) => id === undefined || id.includes(record.id));
  try {
    await asker.reach();
    for (const record of chosen) {
      const said = outdone.has(record)
        ? { outcome: 'skipped' as const, sentence: 'a later one of its key was replayed' }
        : await replayOne(record, force === true, asker);
      done[said.outcome]++;
      if (said.outcome === 'replayed') await markReplayed(data, [record.id], wallTime());
      print(`${record.id} ${said.sentence}`);
      if (said.last === true) break;
    }
  } finally {
    asker.close();
  }
  const untried = chosen.length - done.replayed - done.skipped - done.failed;
  const rest = untried > 0 ? `, ${untried} not tried` : '';
  print(`${done.replayed} replayed, ${done.skipped} left alone, ${done.failed} failed${rest}`);
  process.exitCode = done.failed > 0 ? 1 : 0;
}

/** Of keys of which a later one was replayed: written now, they would stand in its place. */
function outdoneOf(all: readonly KeptUndone[]): ReadonlySet<KeptUndone> {
  const found = new Set<KeptUndone>();
  const replayed = new Set<Key>();
  for (const record of all.toReversed()) {
    const key = keyOf(record);
    if (key === undefined) continue;
    if (record.replayedAt !== undefined) replayed.add(key);
    else if (replayed.has(key)) found.add(record);
  }
  return found;
}

function keyOf({ entry: { command } }: KeptUndone): Key | undefined {
  return command.type === 'write' || command.type === 'cas' ? command.key : undefined;
}

interface Said {
  readonly outcome: 'replayed' | 'skipped' | 'failed';
  readonly sentence: string;
  /** It would be the same with the others. */
  readonly last?: boolean;
}

async function replayOne(record: KeptUndone, force: boolean, asker: LeaderAsker): Promise<Said> {
  if (record.replayedAt !== undefined) return { outcome: 'skipped', sentence: `was replayed ${record.replayedAt}` };
  const body = requestFor(record, force);
  if (typeof body === 'string') {
    return { outcome: 'skipped', sentence: `${whatItDid(record.entry.command)}: ${body}` };
  }
  const answer = await asker.ask(body);
  const key = JSON.stringify(body.key);
  if ('inVain' in answer) return { outcome: 'failed', sentence: `${key}: ${answer.inVain}`, last: true };
  switch (answer.type) {
    case 'written':
      return { outcome: 'replayed', sentence: `${key} was written at ${answer.version.term}/${answer.version.index}` };
    case 'mismatch':
      return {
        outcome: 'skipped',
        sentence: `${key} holds ${JSON.stringify(answer.actual)}, which is not what the entry ${force ? 'expects' : 'had overwritten'}`,
      };
    case 'refused':
    case 'unknown':
      return { outcome: 'failed', sentence: `${key}: ${answer.type} ${answer.code}` };
    case 'read':
    case 'done':
      return { outcome: 'failed', sentence: `${key}: unexpected answer ${answer.type}` };
  }
}

/** Or why there is nothing to ask. */
function requestFor(
  { entry: { command }, overwrote, overwroteUnknown }: KeptUndone,
  force: boolean,
): WriteRequest | CasRequest | string {
  if (command.type !== 'write' && command.type !== 'cas') return 'changed no key';
  const { key } = command;
  if (overwroteUnknown === true) {
    if (!force) return 'what it had overwritten is not known; --force asks it again';
    // Of this cas not even that it matched is known: it has to show it once more.
    if (command.type === 'cas') return { type: 'cas', key, expected: command.expected, next: command.next };
  } else if (overwrote === undefined && command.type === 'cas') return 'changed no key';
  const next = command.type === 'write' ? command.value : command.next;
  if (force) return { type: 'write', key, value: next };
  return { type: 'cas', key, expected: (overwrote ?? null) as Value, next };
}
