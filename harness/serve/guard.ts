/**
 * Who is answered. A page that some other site shows in the user's browser must learn nothing here: not by asking (Origin,
 * Sec-Fetch-Site), not by giving its own name this address (Host), not by framing; and off the loopback nobody does without the token.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import { isIP } from 'node:net';

export interface Asked {
  readonly method: string;
  /** As the browser wrote it, lower case: `localhost:4747`. */
  readonly host: string | undefined;
  readonly origin: string | undefined;
  readonly site: string | undefined;
  readonly mode: string | undefined;
  readonly authorization: string | undefined;
  readonly cookie: string | undefined;
  /** `token` of the query. */
  readonly token: string | undefined;
}

export interface Guarding {
  readonly port: number;
  /** Where it listens. */
  readonly address: string;
  /** Names with their ports, besides. */
  readonly allowed: readonly string[];
  readonly token: string | undefined;
}

export type Judged =
  | { readonly type: 'answer' }
  /** With the token in the address: it goes into a cookie, and out of the address. */
  | { readonly type: 'welcome' }
  | { readonly type: 'refuse'; readonly status: 400 | 401 | 403 | 405 | 421; readonly why: string };

export const COOKIE = 'tidemark-token';

export function judged(asked: Asked, guarding: Guarding): Judged {
  const { method, host, origin, site, mode } = asked;
  if (method !== 'GET' && method !== 'HEAD') return refuse(405, 'Nothing can be changed here.');
  if (host === undefined || !isOurs(host, guarding))
    return refuse(421, 'This name is not that of this server; --allow-host lets it be.');
  if (origin !== undefined && origin !== `http://${host}` && origin !== `https://${host}`)
    return refuse(403, 'Pages of other origins are not answered.');
  // A link from elsewhere may be followed; nothing else of another site's is answered.
  if (site !== undefined && site !== 'same-origin' && site !== 'none' && mode !== 'navigate')
    return refuse(403, 'Pages of other sites are not answered.');
  if (guarding.token === undefined) return { type: 'answer' };
  if (asked.token !== undefined && isSame(asked.token, guarding.token)) return { type: 'welcome' };
  const shown = [bearer(asked.authorization), cookie(asked.cookie)];
  if (shown.some((one) => one !== undefined && isSame(one, guarding.token ?? ''))) return { type: 'answer' };
  return refuse(401, 'A token is needed: open the address that tidemark serve printed.');
}

function refuse(status: (Judged & { type: 'refuse' })['status'], why: string): Judged {
  return { type: 'refuse', status, why };
}

/** A name that leads to this machine by somebody else's will is no name of ours. Addresses are nobody's to give. */
function isOurs(host: string, { port, address, allowed }: Guarding): boolean {
  if (allowed.some((name) => name.toLowerCase() === host)) return true;
  const match = /^(.*?)(?::(\d+))?$/.exec(host);
  const name = (match?.[1] ?? '').replace(/^\[(.*)\]$/, '$1');
  if (Number(match?.[2] ?? 80) !== port) return false;
  if (['localhost', '127.0.0.1', '::1'].includes(name)) return true;
  if (name === address) return true;
  // Where it listens at all addresses, the machine may be called by any of them.
  return (address === '0.0.0.0' || address === '::') && isIP(name) !== 0;
}

export function isLoopback(address: string): boolean {
  return address === 'localhost' || address === '::1' || /^127\.\d+\.\d+\.\d+$/.test(address);
}

/** Takes as long whatever is equal. */
function isSame(a: string, b: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
}

function bearer(authorization: string | undefined): string | undefined {
  return /^Bearer (.+)$/i.exec(authorization ?? '')?.[1];
}

function cookie(header: string | undefined): string | undefined {
  const found = (header ?? '').split(/; */).find((one) => one.startsWith(`${COOKIE}=`));
  return found?.slice(COOKIE.length + 1);
}
