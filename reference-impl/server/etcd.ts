/**
 * The little of etcd that a campaign needs, through its HTTP gateway (JSON, /v3/…; since etcd 3.4). 64-bit numbers travel
 * as text; keys and values in base64.
 */
import { after, monotonicMs } from './clock.ts';

/** An answer that is longer is none of etcd's. */
const ANSWER_BYTES_MAX = 64 * 1024;

export interface Lease {
  readonly id: string;
  /** It lives at least until then, on this process's monotonic clock: counted from before it was asked for. */
  readonly untilMs: number;
}

export type Claim =
  /** The key was created, under our lease, at this revision: higher than that of whoever had it before. */
  { readonly type: 'ours'; readonly revision: number } | { readonly type: 'taken'; readonly by: string };

export class Etcd {
  readonly #url: string;

  /** `http://host:port`. */
  constructor(url: string) {
    this.#url = url.replace(/\/+$/, '');
  }

  async grant(ttlS: number, timeoutMs: number): Promise<Lease> {
    const askedMs = monotonicMs();
    const answer = await this.#post('lease/grant', { TTL: String(ttlS) }, timeoutMs);
    const granted = Number(textOf(answer, 'TTL'));
    return { id: textOf(answer, 'ID'), untilMs: askedMs + granted * 1000 };
  }

  /** Undefined: the lease is gone. */
  async keepAlive(lease: string, timeoutMs: number): Promise<Lease | undefined> {
    const askedMs = monotonicMs();
    const answer = fieldOf(await this.#post('lease/keepalive', { ID: lease }, timeoutMs), 'result');
    const ttlS = Number((answer as { readonly TTL?: unknown }).TTL ?? 0);
    return ttlS > 0 ? { id: lease, untilMs: askedMs + ttlS * 1000 } : undefined;
  }

  async revoke(lease: string, timeoutMs: number): Promise<void> {
    await this.#post('lease/revoke', { ID: lease }, timeoutMs);
  }

  /** Creates the key under the lease unless it exists. */
  async claim(key: string, value: string, lease: string, timeoutMs: number): Promise<Claim> {
    const name = base64(key);
    const answer = await this.#post(
      'kv/txn',
      {
        compare: [{ key: name, target: 'CREATE', result: 'EQUAL', create_revision: '0' }],
        success: [{ request_put: { key: name, value: base64(value), lease } }],
        failure: [{ request_range: { key: name } }],
      },
      timeoutMs,
    );
    if ((answer as { readonly succeeded?: unknown }).succeeded === true) {
      return { type: 'ours', revision: revisionOf(textOf(fieldOf(answer, 'header'), 'revision')) };
    }
    const [range] = fieldOf(answer, 'responses') as readonly { readonly response_range?: { readonly kvs?: unknown } }[];
    const [held] = (range?.response_range?.kvs ?? []) as readonly { readonly value?: string }[];
    return { type: 'taken', by: Buffer.from(held?.value ?? '', 'base64').toString() };
  }

  async #post(path: string, body: unknown, timeoutMs: number): Promise<object> {
    const abort = new AbortController();
    const cancel = after(timeoutMs, () => abort.abort());
    try {
      const answer = await fetch(`${this.#url}/v3/${path}`, {
        method: 'POST',
        body: JSON.stringify(body),
        signal: abort.signal,
      });
      const text = await answer.text();
      if (!answer.ok || text.length > ANSWER_BYTES_MAX) throw new Error(`etcd answers ${answer.status} to ${path}`);
      const parsed: unknown = JSON.parse(text);
      if (typeof parsed !== 'object' || parsed === null) throw new Error(`etcd answers nonsense to ${path}`);
      return parsed;
    } finally {
      cancel();
    }
  }
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}

function fieldOf(answer: object, name: string): object {
  const field = (answer as Readonly<Record<string, unknown>>)[name];
  if (typeof field !== 'object' || field === null) throw new Error(`etcd's answer has no ${name}`);
  return field;
}

function textOf(answer: object, name: string): string {
  const field = (answer as Readonly<Record<string, unknown>>)[name];
  if (typeof field !== 'string') throw new Error(`etcd's answer has no ${name}`);
  return field;
}

function revisionOf(text: string): number {
  const revision = Number(text);
  if (!Number.isSafeInteger(revision) || revision <= 0) throw new Error(`etcd's revision is ${text}`);
  return revision;
}
