/**
 * The user's own commands for faults: a YAML file that names, for each lever, what injects and what heals.
 *
 * ```yaml
 * kill:                # for each node that is struck: NODE and ADDRESS
 *   inject: ssh "$NODE" systemctl kill -s KILL redis
 *   heal: ssh "$NODE" systemctl start redis
 * cut:                 # for each direction of a connection: FROM, TO and their addresses
 *   inject: ssh "$TO" iptables -I INPUT -s "${FROM_ADDRESS%:*}" -j DROP
 *   heal: ssh "$TO" iptables -D INPUT -s "${FROM_ADDRESS%:*}" -j DROP
 * ```
 */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { realClock, SECOND } from '../../../history/clock.ts';
import type { Effect, Injection, Lever, Levers, Link } from '../../../nemesis/fault.ts';
import type { NodeId } from '../../../history/operation.ts';
import { quoted } from '../../driver-protocol/command.ts';
import { BadInput, unknownName } from '../../errors.ts';
import { injection } from '../real/injection.ts';
import type { Told } from './endpoints.ts';
import type { Endpoints } from './settings.ts';

export const commandLevers = ['kill', 'stop', 'pause', 'cut'] as const satisfies readonly Lever[];
type CommandLever = (typeof commandLevers)[number];

interface Pair {
  readonly inject: string;
  readonly heal: string;
}

export type FaultCommands = ReadonlyMap<CommandLever, Pair>;

const clock = realClock();
const COMMAND_NS = 15 * SECOND;
const WORDS_BYTES = 2000;

/** @throws BadInput with file and field, and what would be right */
export async function readFaultCommands(file: string): Promise<FaultCommands> {
  const { parse } = await import('yaml');
  let plain: unknown;
  try {
    plain = parse(readFileSync(file, 'utf8'));
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const why = code === 'ENOENT' ? 'there is no such file' : (message.split('\n')[0] ?? '').replace(/:$/, '');
    throw new BadInput(`--fault-commands ${file}: ${why}.`, { cause: error });
  }
  if (!isMap(plain)) throw new BadInput(`--fault-commands ${file}: a map of ${commandLevers.join(', ')} is needed.`);
  const found = new Map<CommandLever, Pair>();
  for (const [name, pair] of Object.entries(plain)) {
    const lever = commandLevers.find((one) => one === name);
    if (lever === undefined)
      throw new BadInput(`--fault-commands ${file}: ${unknownName('lever', name, commandLevers).message}`);
    const { inject, heal } = isMap(pair) ? pair : {};
    if (typeof inject !== 'string' || typeof heal !== 'string' || inject.trim() === '' || heal.trim() === '')
      throw new BadInput(`--fault-commands ${file}: ${name} needs two commands, inject and heal.`);
    const other = Object.keys(pair as object).find((key) => key !== 'inject' && key !== 'heal'); // a map, as was just seen
    if (other !== undefined)
      throw new BadInput(
        `--fault-commands ${file}: ${name}: ${unknownName('field', other, ['inject', 'heal']).message}`,
      );
    found.set(lever, { inject, heal });
  }
  return found;
}

function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** What pulls the levers. */
export function leversOf(commands: FaultCommands, endpoints: Endpoints, told: Told): Partial<Levers> {
  const address = (node: NodeId): string => endpoints.get(node) ?? '';
  const overNodes = (lever: 'kill' | 'stop' | 'pause', counted: string) => {
    const pair = commands.get(lever);
    if (pair === undefined) return undefined;
    const ends = lever !== 'pause';
    return (nodes: readonly NodeId[]): Promise<Injection> =>
      each([...new Set(nodes)], counted, pair, (node) => ({ NODE: node, ADDRESS: address(node) }), {
        injected: (node) => ends && told.down(node),
        healed: (node) => ends && told.up(node),
      });
  };
  const cut = commands.get('cut');
  const kill = overNodes('kill', 'nodes killed');
  const stop = overNodes('stop', 'nodes stopped');
  const pause = overNodes('pause', 'nodes paused');
  return {
    ...(kill !== undefined && { kill }),
    ...(stop !== undefined && { stop }),
    ...(pause !== undefined && { pause }),
    ...(cut !== undefined && {
      cut: (links: readonly Link[]) =>
        each(links, 'connections cut', cut, ({ from, to }) => {
          return { FROM: from, TO: to, FROM_ADDRESS: address(from), TO_ADDRESS: address(to) };
        }),
    }),
  };
}

/** Injects one after another; what fails part of the way undoes what was done. Heals all, and throws when one cannot be. */
async function each<T>(
  targets: readonly T[],
  counted: string,
  { inject, heal }: Pair,
  env: (target: T) => Readonly<Record<string, string>>,
  told: { readonly injected?: (target: T) => void; readonly healed?: (target: T) => void } = {},
): Promise<Injection> {
  const done: T[] = [];
  const undo = async (): Promise<void> => {
    const failed: string[] = [];
    for (const target of done) {
      try {
        await run(heal, env(target));
        told.healed?.(target);
      } catch (error) {
        failed.push(error instanceof Error ? error.message : String(error));
      }
    }
    if (failed.length > 0) throw new Error(failed.join('; '));
  };
  for (const target of targets) {
    try {
      await run(inject, env(target));
    } catch (error) {
      await undo();
      throw error;
    }
    done.push(target);
    told.injected?.(target);
  }
  return injection(undo, (): Effect => ({ [counted]: done.length }));
}

/** Rejects, with its last words, when it fails or takes too long. */
function run(command: string, env: Readonly<Record<string, string>>): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn('/bin/sh', ['-c', command], {
      stdio: ['ignore', 'ignore', 'pipe'],
      detached: true,
      env: { ...process.env, ...env },
    });
    let words = '';
    child.stderr.on('data', (chunk: Buffer) => {
      words = (words + chunk.toString('utf8')).slice(-WORDS_BYTES);
    });
    let late = false;
    const cancel = clock.timer(clock.now() + COMMAND_NS, () => {
      late = true;
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
    });
    const where = Object.values(env).join(' ');
    child.once('error', (error) => {
      cancel();
      reject(error);
    });
    // Not 'close': what the command leaves running may keep its output.
    child.once('exit', (code, signal) => {
      cancel();
      child.stderr.destroy();
      if (code === 0) return resolve();
      const how = late ? `took more than ${COMMAND_NS / SECOND} s` : `ended with ${signal ?? `code ${code}`}`;
      const last = words.trim().split('\n').at(-1) ?? '';
      reject(new Error(`the command for ${where} ${how}${last === '' ? '' : `: ${quoted(last)}`}`));
    });
  });
}
