/**
 * The admin port: HTTP for operators, on loopback unless told otherwise. Reading is free to whoever reaches the port;
 * operations need the operator's secret where one is configured, and never come from a web page of somebody else's.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import { type IncomingMessage, type Server, type ServerResponse, createServer } from 'node:http';
import type { Response } from '../core/types.ts';
import { isLoopback } from './config.ts';
import type { Log } from './log.ts';
import { explained, operationOf, operations } from './operations.ts';
import { splitAddress } from './peers.ts';
import type { StatusReport } from './status.ts';
import type { Store } from './store.ts';

const BODY_BYTES_MAX = 64 * 1024;
const CONNECTIONS_MAX = 64;
const PATIENCE_MS = 5000;

export class AdminPort {
  readonly #server: Server;
  readonly #host: string;
  readonly #port: number;
  readonly #secret: Buffer | undefined;
  readonly #store: Store;
  readonly #report: StatusReport;
  readonly #log: Log;
  rejected = 0;

  constructor(address: string, secret: Buffer | undefined, store: Store, report: StatusReport, log: Log) {
    const { host, port } = splitAddress(address) ?? { host: '127.0.0.1', port: 0 };
    this.#host = host;
    this.#port = port;
    this.#secret = secret;
    this.#store = store;
    this.#report = report;
    this.#log = log;
    this.#server = createServer(
      { requestTimeout: PATIENCE_MS, headersTimeout: PATIENCE_MS, keepAliveTimeout: PATIENCE_MS, maxHeaderSize: 8192 },
      (request, response) => {
        this.#serve(request, response).catch((error: unknown) => {
          this.#log.limited('admin', 'error', `the admin port: ${(error as Error).message}`);
          if (!response.headersSent) reply(response, 500, { error: 'failed' });
          else response.destroy();
        });
      },
    );
    this.#server.maxConnections = CONNECTIONS_MAX;
    this.#server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
      this.rejected++;
      this.#log.limited('admin', 'warning', `the admin port was sent no HTTP: ${error.code ?? error.message}`);
      if (!socket.writable) socket.destroy();
      else socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n', () => socket.destroy());
    });
  }

  listen(): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen({ host: this.#host, port: this.#port }, () => {
        this.#server.off('error', reject);
        this.#server.on('error', (error) => this.#log.limited('admin', 'error', `the admin port: ${error.message}`));
        const address = this.#server.address();
        resolve(typeof address === 'object' && address !== null ? address.port : this.#port);
      });
    });
  }

  close(): Promise<void> {
    return new Promise((resolve) => {
      this.#server.close(() => resolve());
      this.#server.closeAllConnections();
    });
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    // A page of another site that was given our address by its own name server names that site here.
    if (!this.#isOurHost(request.headers.host)) {
      this.#refuse(response, 403, 'this is not your host');
      return;
    }
    const path = (request.url ?? '/').split('?', 1)[0];
    if (request.method === 'GET' || request.method === 'HEAD') await this.#read(path, response);
    else if (request.method === 'POST') await this.#operate(path, request, response);
    else this.#refuse(response, 405, 'GET or POST');
  }

  #isOurHost(header: string | undefined): boolean {
    const host = /^(\[[0-9a-fA-F:.]+\]|[^:]*)(?::\d+)?$/.exec(header ?? '')?.[1]?.replace(/^\[|\]$/g, '');
    if (host === undefined || host === '') return false;
    // An address cannot be somebody else's name.
    return isLoopback(host) || host === this.#host || /^[0-9.]+$/.test(host) || host.includes(':');
  }

  async #read(path: string, response: ServerResponse): Promise<void> {
    switch (path) {
      case '/health': {
        const why = this.#report.notServing();
        reply(
          response,
          why === undefined ? 200 : 503,
          why === undefined ? { serving: true } : { serving: false, ...why },
        );
        return;
      }
      case '/status':
        reply(response, 200, this.#report.status());
        return;
      case '/metrics': {
        const { prometheusText } = await import('./prometheus.ts');
        const { type, text } = await prometheusText(this.#store, this.rejected);
        response.writeHead(200, { 'content-type': type }).end(text);
        return;
      }
      default:
        this.#refuse(response, 404, `there are /health, /status, /metrics, and POST ${operations.join(', ')}`);
    }
  }

  async #operate(path: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { origin, authorization, host } = request.headers;
    if (origin !== undefined && origin !== `http://${host ?? ''}`) {
      this.#refuse(response, 403, 'operations do not come from other origins');
      return;
    }
    if (!this.#isOperator(authorization)) {
      this.#refuse(response, 401, "operations need 'Authorization: Bearer <the operator's secret>'");
      return;
    }
    const body = await bodyOf(request);
    if (body === undefined) {
      this.#refuse(response, 413, `a body of at most ${BODY_BYTES_MAX} bytes`);
      return;
    }
    const asked = operationOf(
      path,
      body,
      this.#store.host.status().map(({ group }) => group),
    );
    if (asked.type === 'bad') {
      this.#refuse(response, asked.status, asked.reason);
      return;
    }
    this.#log.say('warning', `the operator asks for ${path.slice(1)}: ${body.toString()}`);
    const answers = await Promise.all(
      asked.requests.map(async (one) => [one.group ?? 'g0', explained(await this.#store.request(one))] as const),
    );
    const all: readonly Response[] = answers.map(([, answer]) => answer);
    const status = all.some(({ type }) => type === 'unknown')
      ? 504
      : all.every(({ type }) => type === 'done')
        ? 200
        : 409;
    reply(response, status, { groups: Object.fromEntries(answers) });
  }

  #isOperator(authorization: string | undefined): boolean {
    if (this.#secret === undefined) return true;
    // Digests have one length, so that the comparison tells nothing of the secret's.
    const given = createHash('sha256')
      .update(authorization ?? '')
      .digest();
    const wanted = createHash('sha256')
      .update(`Bearer ${this.#secret.toString('latin1')}`)
      .digest();
    return timingSafeEqual(given, wanted);
  }

  #refuse(response: ServerResponse, status: number, error: string): void {
    this.rejected++;
    this.#log.limited('admin', 'warning', `the admin port refuses a request: ${status}, ${error}`);
    reply(response, status, { error });
  }
}

function reply(response: ServerResponse, status: number, body: unknown): void {
  response
    .writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store', connection: 'close' })
    .end(`${JSON.stringify(body)}\n`);
}

/** Undefined: it is too long. Throws when the client goes away. */
async function bodyOf(request: IncomingMessage): Promise<Buffer | undefined> {
  const parts: Buffer[] = [];
  let length = 0;
  for await (const part of request as AsyncIterable<Buffer>) {
    length += part.length;
    if (length > BODY_BYTES_MAX) return undefined;
    parts.push(part);
  }
  return Buffer.concat(parts);
}
