/**
 * Whether a machine shows the key that is known of it: OpenSSH's known_hosts (sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT"), with hashed
 * names, patterns and revoked keys. Nothing is ever added to it, and nobody is asked: an unknown key is refused like a changed one.
 */
import { createHash, createHmac } from 'node:crypto';
import type { ServerHostKeyAlgorithm } from 'ssh2';

export interface KnownKey {
  readonly file: string;
  readonly line: number;
  readonly revoked: boolean;
  /** Patterns, or one hashed name. */
  readonly names: readonly string[];
  readonly type: string;
  /** As it goes over the wire. */
  readonly key: Buffer;
}

/** Lines that are no keys of machines are passed over, as OpenSSH does; so are certificates, which ssh2 cannot check. */
export function parseKnownHosts(text: string, file: string): readonly KnownKey[] {
  return text.split('\n').flatMap((whole, i): KnownKey[] => {
    const fields = whole.trim().split(/\s+/);
    const marker = fields[0].startsWith('@') ? fields.shift() : undefined;
    const [names, type, key] = fields;
    if (names === undefined || names === '' || names.startsWith('#') || key === undefined) return [];
    if (marker !== undefined && marker !== '@revoked') return [];
    const revoked = marker !== undefined;
    return [{ file, line: i + 1, revoked, names: names.split(','), type, key: Buffer.from(key, 'base64') }];
  });
}

/** What is known of a machine; names are told from others by their port, unless it is 22. */
export function keysOf(known: readonly KnownKey[], host: string, port: number): readonly KnownKey[] {
  const name = port === 22 ? host.toLowerCase() : `[${host.toLowerCase()}]:${port}`;
  return known.filter(({ names }) => {
    if (names.some((pattern) => pattern.startsWith('!') && matches(pattern.slice(1), name))) return false;
    return names.some((pattern) => !pattern.startsWith('!') && matches(pattern, name));
  });
}

function matches(pattern: string, name: string): boolean {
  const [, version, salt, hash] = pattern.split('|');
  if (version === '1' && salt !== undefined) {
    return createHmac('sha1', Buffer.from(salt, 'base64')).update(name).digest('base64') === hash;
  }
  const escaped = pattern.toLowerCase().replace(/[.+^${}()|[\]\\]/g, '\\$&');
  return new RegExp(`^${escaped.replaceAll('*', '.*').replaceAll('?', '.')}$`).test(name);
}

export type Judgement =
  | { readonly type: 'known' }
  | { readonly type: 'unknown' }
  /** It has another key of these lines, or this very one is revoked there. */
  | { readonly type: 'changed' | 'revoked'; readonly by: KnownKey };

export function judge(keys: readonly KnownKey[], shown: Buffer): Judgement {
  const same = keys.filter(({ key }) => key.equals(shown));
  const revoked = same.find((one) => one.revoked);
  if (revoked !== undefined) return { type: 'revoked', by: revoked };
  if (same.length > 0) return { type: 'known' };
  const other = keys.find((one) => !one.revoked);
  return other === undefined ? { type: 'unknown' } : { type: 'changed', by: other };
}

/** Signature algorithms to ask for, so that a machine with several keys shows one that is known. Undefined: whichever. */
export function algorithmsFor(keys: readonly KnownKey[]): readonly ServerHostKeyAlgorithm[] | undefined {
  const types = new Set(keys.filter(({ revoked }) => !revoked).map(({ type }) => type));
  const algorithms = ALGORITHMS.filter((algorithm) => types.has(algorithm.startsWith('rsa-') ? 'ssh-rsa' : algorithm));
  return algorithms.length === 0 ? undefined : algorithms;
}

/** Not `ssh-rsa` itself, which signs with SHA-1, nor DSS. */
const ALGORITHMS = [
  'ssh-ed25519',
  'ecdsa-sha2-nistp256',
  'ecdsa-sha2-nistp384',
  'ecdsa-sha2-nistp521',
  'rsa-sha2-512',
  'rsa-sha2-256',
] as const;

/** As OpenSSH shows it. */
export function fingerprint(key: Buffer): string {
  return `SHA256:${createHash('sha256').update(key).digest('base64').replace(/=+$/, '')}`;
}

/** `ssh-ed25519` and the like: the first string of a key. */
export function typeOf(key: Buffer): string {
  return key.length < 4 ? '?' : key.toString('latin1', 4, 4 + Math.min(key.readUInt32BE(0), 64));
}
