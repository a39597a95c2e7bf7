/** What can be set of a cluster on machines reached by SSH: `--set key=value`. */
import { homedir } from 'node:os';
import { join } from 'node:path';
import { BadInput } from '../../errors.ts';
import type { Setting } from '../../setting.ts';
import { oneOf, storeSettings } from '../real/store.ts';
import { type Host, parseHost, parseList, readHosts } from './hosts.ts';

const FOLDER = '/var/tmp/tidemark';
const STORE_PORT = 7600;

const where: readonly Setting[] = [
  {
    name: 'hosts',
    about:
      'machines, one for each node: user@host:port=address,… (address: where the others reach it, if not where SSH does)',
    check: (value) => void parseList(value, `--set hosts=${value}`),
  },
  {
    name: 'hosts-file',
    about: 'a file that names them, one a line',
    check: (value) => void readHosts(path(value), 'hosts-file'),
  },
  {
    name: 'user',
    about: "who to log in as where a machine's name does not say (you)",
    check(value) {
      if (!/^[a-z_][\w.-]*\$?$/i.test(value)) throw new BadInput(`--set user=${value}: the name of a user is needed.`);
    },
  },
  port('port', 22, "SSH's port where a machine's name does not say"),
  file('key', "a private key; without one, the SSH agent and ~/.ssh's keys are tried"),
  {
    name: 'jump',
    about: 'a machine that the others are reached through: user@host:port',
    check: (value) => void parseHost(value, `--set jump=${value}`),
  },
  file(
    'known-hosts',
    "the machines' own keys (~/.ssh/known_hosts, /etc/ssh/ssh_known_hosts); what is not there is refused",
  ),
  {
    name: 'folder',
    about: `a folder on the machines that is the runs' own, and is removed (${FOLDER})`,
    check(value) {
      // It goes into commands, and is removed.
      const plain = /^(?:\/[\w][\w.-]*){2,}$/.test(value);
      if (!plain)
        throw new BadInput(
          `--set folder=${value}: an absolute path two folders deep is needed, of letters, digits, '.', '_' and '-'.`,
        );
    },
  },
  port('store-port', STORE_PORT, 'where stores listen, and one above; side by side, each run needs its own'),
  oneOf(
    'reach',
    ['auto', 'addresses', 'tunnel'],
    'how clients reach nodes: by their addresses, or through SSH; auto: through SSH where there is a jump host',
  ),
];

export const settings: readonly Setting[] = [
  ...storeSettings,
  ...where.map((one) => ({ ...one, local: true as const })),
];

function port(name: string, initial: number, about: string): Setting {
  return {
    name,
    about: `${about} (${initial})`,
    check(value) {
      const fits = /^\d{1,5}$/.test(value) && Number(value) >= 1 && Number(value) <= 65_534;
      if (!fits) throw new BadInput(`--set ${name}=${value}: a port from 1 to 65534 is needed.`);
    },
  };
}

function file(name: string, about: string): Setting {
  return {
    name,
    about,
    check(value) {
      if (value.trim() === '') throw new BadInput(`--set ${name}=: the path of a file is needed.`);
    },
  };
}

/** All that is asked for. */
export interface Choices {
  readonly hosts: readonly Host[];
  readonly jump: Host | undefined;
  /** Path of the one key to log in with. */
  readonly key: string | undefined;
  readonly knownHosts: readonly string[];
  readonly folder: string;
  readonly storePort: number;
  readonly reach: 'addresses' | 'tunnel';
}

/** Throws {@link BadInput} where no machines are named. */
export function choicesOf(given: ReadonlyMap<string, string>): Choices {
  const defaults = { user: given.get('user'), port: numberOf(given.get('port')) };
  const list = given.get('hosts');
  const from = given.get('hosts-file');
  if (list !== undefined && from !== undefined)
    throw new BadInput('--set hosts and --set hosts-file: one of them names the machines.');
  if (list === undefined && from === undefined) {
    throw new BadInput('--env ssh needs machines: --set hosts=user@host1,user@host2,… or --set hosts-file=FILE.');
  }
  const jump = given.get('jump');
  const key = given.get('key');
  const known = given.get('known-hosts');
  const reach = given.get('reach') ?? 'auto';
  return {
    hosts:
      list !== undefined
        ? parseList(list, `--set hosts=${list}`, defaults)
        : readHosts(path(from ?? ''), 'hosts-file', defaults),
    jump: jump === undefined ? undefined : parseHost(jump, `--set jump=${jump}`, { user: defaults.user }),
    key: key === undefined ? undefined : path(key),
    knownHosts:
      known === undefined ? [join(homedir(), '.ssh', 'known_hosts'), '/etc/ssh/ssh_known_hosts'] : [path(known)],
    folder: given.get('folder') ?? FOLDER,
    storePort: numberOf(given.get('store-port')) ?? STORE_PORT,
    reach:
      reach === 'auto' ? (jump === undefined ? 'addresses' : 'tunnel') : reach === 'tunnel' ? 'tunnel' : 'addresses',
  };
}

/** The first so many. Throws {@link BadInput} where there are fewer. */
export function hostsFor({ hosts }: Choices, nodes: number): readonly Host[] {
  if (hosts.length >= nodes) return hosts.slice(0, nodes);
  throw new BadInput(`--nodes ${nodes} needs as many machines, and ${hosts.length} are named.`);
}

function numberOf(text: string | undefined): number | undefined {
  return text === undefined ? undefined : Number(text);
}

/** `~/` as shells take it, which they do not after `=`. */
function path(given: string): string {
  return given.startsWith('~/') ? join(homedir(), given.slice(2)) : given;
}
