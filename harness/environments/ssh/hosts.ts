/** The machines of a cluster, as they are named: `user@host:port=address`, in a list or one a line in a file. */
import { readFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { BadInput, whyUnread } from '../../errors.ts';

export const SSH_PORT = 22;

/** A machine as it is reached by SSH. */
export interface Host {
  readonly user: string;
  /** A name, or an IPv4 address. */
  readonly name: string;
  readonly port: number;
  /** Where the other machines reach it, if that is not where SSH does. */
  readonly address?: string;
}

export interface Defaults {
  readonly user?: string | undefined;
  readonly port?: number | undefined;
}

/** For messages: `user@host`, with the port where it is not the usual one. */
export function nameOf({ user, name, port }: Host): string {
  return `${user}@${name}${port === SSH_PORT ? '' : `:${port}`}`;
}

const FORM =
  /^(?:(?<user>[a-z_][\w.-]*\$?)@)?(?<name>[a-z\d](?:[\w.-]*\w)?)(?::(?<port>\d{1,5}))?(?:=(?<address>[\d.]+))?$/i;

/** `where` begins the sentence of a refusal. */
export function parseHost(text: string, where: string, defaults: Defaults = {}): Host {
  const { user, name, port, address } = FORM.exec(text)?.groups ?? {};
  if (name === undefined) {
    const why = /:.*:/.test(text) ? ' (faults are rules for IPv4, so addresses are too)' : '';
    throw new BadInput(
      `${where}: '${text}' is no machine: user@host:port=address is needed, user, port and address if they differ${why}.`,
    );
  }
  const number = port === undefined ? (defaults.port ?? SSH_PORT) : Number(port);
  if (number < 1 || number > 65_535) throw new BadInput(`${where}: '${text}': there is no port ${number}.`);
  for (const one of [address, /^[\d.]+$/.test(name) ? name : undefined]) {
    if (one !== undefined && !isIpv4(one)) throw new BadInput(`${where}: '${text}': ${one} is no IPv4 address.`);
  }
  return {
    user: user ?? defaults.user ?? userInfo().username,
    name: name.toLowerCase(),
    port: number,
    ...(address !== undefined && { address }),
  };
}

export function isIpv4(text: string): boolean {
  const parts = text.split('.');
  return parts.length === 4 && parts.every((part) => /^(?:0|[1-9]\d{0,2})$/.test(part) && Number(part) < 256);
}

export function parseList(list: string, where: string, defaults: Defaults = {}): readonly Host[] {
  const texts = list.split(',').map((text) => text.trim());
  return distinct(
    texts.map((text) => ({ at: where, host: parseHost(text, where, defaults) })),
    where,
  );
}

/** One a line; `#` begins a comment. */
export function readHosts(path: string, setting: string, defaults: Defaults = {}): readonly Host[] {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw new BadInput(`--set ${setting}: ${path} cannot be read: ${whyUnread(error)}.`, { cause: error });
  }
  const lines = text.split('\n').map((line, i) => ({ at: `${path}:${i + 1}`, text: line.replace(/#.*/, '').trim() }));
  const named = lines.filter((line) => line.text !== '');
  if (named.length === 0) throw new BadInput(`${path}: it names no machine.`);
  return distinct(
    named.map((line) => ({ at: line.at, host: parseHost(line.text, line.at, defaults) })),
    path,
  );
}

/** Two nodes on one machine would share its ports and its rules. */
function distinct(found: readonly { readonly at: string; readonly host: Host }[], where: string): readonly Host[] {
  const seen = new Set<string>();
  for (const { at, host } of found) {
    const key = `${host.name}:${host.port}`;
    if (seen.has(key))
      throw new BadInput(
        `${at === where ? where : at}: ${nameOf(host)} is named twice: each node has a machine of its own.`,
      );
    seen.add(key);
  }
  return found.map(({ host }) => host);
}
