/** For operators' programs: asks nodes that were named one after another, until the leader of a key's group answers. */
import { readFileSync } from 'node:fs';
import type { CasRequest, Response, WriteRequest } from '../core/types.ts';
import { LineBroken, type TcpLine, dialTcp } from '../client/tcp.ts';
import { monotonicMs, sleep } from './clock.ts';
import { BadInput } from './config.ts';

export interface AskerOptions {
  readonly to: readonly string[];
  readonly cluster: string;
  readonly clientSecretFile?: string | undefined;
}

/** Nobody took the request, for so long: it was certainly not done. */
export interface InVain {
  readonly inVain: string;
}

const PATIENCE_MS = 15_000;
const PAUSE_MS = 100;

export class LeaderAsker {
  readonly #addresses: readonly string[];
  readonly #dial: (address: string) => TcpLine;
  readonly #lines = new Map<string, TcpLine>();
  /** What each address said last. */
  readonly #said = new Map<string, string>();
  #at = 0;

  constructor({ to, cluster, clientSecretFile }: AskerOptions, env: NodeJS.ProcessEnv) {
    this.#addresses = to;
    const text =
      clientSecretFile === undefined
        ? env['TIDEMARK_STORE_CLIENT_SECRET']
        : readFileSync(clientSecretFile, 'latin1').trim();
    const secret = text === undefined || text === '' ? undefined : Buffer.from(text, 'latin1');
    this.#dial = (address) => dialTcp(address, { cluster, name: 'operator', ...(secret && { secret }) });
  }

  /** Whether there is anybody to ask. A node that does not belong to who asks is a mistake, whoever else answers. */
  async reach(): Promise<void> {
    // Any answer will do.
    const hello = { type: 'read', path: 'local', keys: ['~'], waitMs: 0 } as const;
    const found = await Promise.all(
      this.#addresses.map((address) =>
        this.#line(address)
          .request(hello)
          .then(
            () => 'there' as const,
            (error: unknown) => this.#lost(address, error),
          ),
      ),
    );
    const mistaken = found.some((broken) => broken !== 'there' && broken.helloRefused);
    if (mistaken || !found.includes('there')) throw new BadInput(`Nothing can be asked of ${this.#sayings()}.`);
  }

  /** The same request is sent again only after a definite refusal. */
  async ask(body: WriteRequest | CasRequest): Promise<Response | InVain> {
    const untilMs = monotonicMs() + PATIENCE_MS;
    while (monotonicMs() < untilMs) {
      const address = this.#addresses[this.#at % this.#addresses.length];
      try {
        const answer = await this.#line(address).request(body);
        if (answer.type !== 'refused' || answer.code === 'BAD_REQUEST') return answer;
        this.#said.set(address, answer.leader === undefined ? answer.code : `${answer.code}, ${answer.leader} leads`);
      } catch (error) {
        if (!this.#lost(address, error).definite) return { type: 'unknown', code: 'LEADERSHIP_LOST' };
      }
      this.#at++;
      await sleep(PAUSE_MS);
    }
    return { inVain: `nobody took it within ${PATIENCE_MS / 1000} s; ${this.#sayings()}` };
  }

  close(): void {
    for (const line of this.#lines.values()) line.close();
  }

  #line(address: string): TcpLine {
    const line = this.#lines.get(address) ?? this.#dial(address);
    this.#lines.set(address, line);
    return line;
  }

  #lost(address: string, error: unknown): LineBroken {
    if (!(error instanceof LineBroken)) throw error;
    this.#lines.delete(address);
    this.#said.set(address, error.message);
    return error;
  }

  #sayings(): string {
    return [...this.#said].map(([address, said]) => `${address} (${said})`).join(', ');
  }
}
