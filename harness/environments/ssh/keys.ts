/** What a user logs in with: a key that is named, or what `ssh` would try: the agent, and the usual keys. */
import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import ssh2, { type AnyAuthMethod } from 'ssh2';
import { BadInput, whyUnread } from '../../errors.ts';

const PASSPHRASE = 'TIDEMARK_SSH_PASSPHRASE';
const USUAL = ['id_ed25519', 'id_ecdsa', 'id_rsa'];

export interface Credentials {
  methods(user: string): AnyAuthMethod[];
  /** In words, for whoever is refused. */
  readonly tried: string;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** `key`: path of the only one to try. Throws {@link BadInput} where there is nothing to log in with. */
export function credentials(
  key: string | undefined,
  env: Environment = process.env,
  home: string = homedir(),
): Credentials {
  const agent = env['SSH_AUTH_SOCK'];
  if (key !== undefined) return using(undefined, [{ path: key, key: readKey(key, env[PASSPHRASE]) }], env);
  const usual = USUAL.map((name) => join(home, '.ssh', name)).filter((path) => existsSync(path));
  const socket = agent !== undefined && existsSync(agent) ? agent : undefined;
  if (socket === undefined && usual.length === 0) {
    throw new BadInput(
      'There is no key to log in with: no SSH agent (SSH_AUTH_SOCK), and none of the usual ones in ~/.ssh; --set key=FILE names one.',
    );
  }
  // Of those that were not asked for, what cannot be read is passed over while there is another.
  const read = usual.map((path) => ({ path, key: attempt(() => readKey(path, env[PASSPHRASE])) }));
  const fit = read.flatMap(({ path, key: one }) => (one instanceof Buffer ? [{ path, key: one }] : []));
  const failed = read.find(({ key: one }) => !(one instanceof Buffer));
  if (socket === undefined && fit.length === 0 && failed !== undefined) throw failed.key;
  return using(socket, fit, env);
}

function attempt(work: () => Buffer): unknown {
  try {
    return work();
  } catch (error) {
    return error;
  }
}

function using(
  agent: string | undefined,
  keys: readonly { readonly path: string; readonly key: Buffer }[],
  env: Environment,
): Credentials {
  const passphrase = env[PASSPHRASE];
  return {
    methods: (username) => [
      ...(agent === undefined ? [] : [{ type: 'agent' as const, username, agent }]),
      ...keys.map(({ key }) => ({
        type: 'publickey' as const,
        username,
        key,
        ...(passphrase !== undefined && { passphrase }),
      })),
    ],
    tried: [...(agent === undefined ? [] : ['the SSH agent']), ...keys.map(({ path }) => path)].join(', '),
  };
}

function readKey(path: string, passphrase: string | undefined): Buffer {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (error) {
    throw new BadInput(`The key ${path} cannot be read: ${whyUnread(error)}.`, { cause: error });
  }
  const parsed = ssh2.utils.parseKey(bytes, passphrase);
  if (parsed instanceof Error) {
    if (/passphrase|integrity check|bad decrypt/i.test(parsed.message)) {
      const why = passphrase === undefined ? 'is encrypted' : `does not open with the passphrase in ${PASSPHRASE}`;
      throw new BadInput(`The key ${path} ${why}: give its passphrase in ${PASSPHRASE}, or add it to an SSH agent.`);
    }
    throw new BadInput(`${path} holds no private key that can be used (${parsed.message}).`);
  }
  const [one] = Array.isArray(parsed) ? parsed : [parsed];
  if (!one.isPrivateKey()) throw new BadInput(`${path} holds a public key: the private one is needed.`);
  return bytes;
}
