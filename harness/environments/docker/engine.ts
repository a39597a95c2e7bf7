/** The Docker engine: found where the `docker` command finds it, and never waited for without an end. */
import Docker from 'dockerode';
import { MILLISECOND, realClock, SECOND } from '../../../history/clock.ts';
import { BadInput } from '../../errors.ts';

const clock = realClock();
const HELLO_NS = 5 * SECOND;
const CALL_NS = 30 * SECOND;

export interface EngineFacts {
  /** `x64`, `arm64`, …, as Node calls them. */
  readonly arch: string;
  readonly version: string;
  readonly cgroup: string;
}

export class Engine {
  readonly docker: Docker;
  /** Where it is: `unix:///var/run/docker.sock`, or DOCKER_HOST. */
  readonly address: string;
  readonly facts: EngineFacts;

  /** Throws {@link BadInput} when no engine answers that this user may use, and for a DOCKER_HOST that says no place. */
  static async reach(): Promise<Engine> {
    const address = addressOf(process.env['DOCKER_HOST']);
    checkAddress(address);
    let docker: Docker;
    try {
      docker = new Docker(); // reads DOCKER_HOST, DOCKER_CERT_PATH and the like itself
      const info = await within(HELLO_NS, 'asking it for what it is', (abortSignal) =>
        (docker as unknown as Typed).info({ abortSignal }),
      );
      if (typeof (info as Partial<Info> | null)?.Architecture !== 'string')
        throw new Error('what answers there is none');
      return new Engine(docker, address, info);
    } catch (error) {
      throw unreachable(address, error);
    }
  }

  private constructor(docker: Docker, address: string, info: Info) {
    this.docker = docker;
    this.address = address;
    this.facts = {
      arch: archs[info.Architecture] ?? info.Architecture,
      version: info.ServerVersion,
      cgroup: info.CgroupVersion ?? '1',
    };
  }

  /** Whether its containers' own addresses can be reached from here. */
  get isHere(): boolean {
    return process.platform === 'linux' && this.address.startsWith('unix://');
  }

  /** The host that ports are published on, seen from here. */
  get host(): string {
    return this.address.startsWith('unix://') ? '127.0.0.1' : new URL(this.address).hostname;
  }

  /** Each call has a deadline; `what` names it in the error: `removing the network x`. */
  async ask<T>(what: string, work: (abortSignal: AbortSignal) => Promise<T>, ns: number = CALL_NS): Promise<T> {
    try {
      return await within(ns, what, work);
    } catch (error) {
      throw new EngineError(what, error);
    }
  }
}

/** As dockerode has it, and its types do not. */
interface Typed {
  info(options: { readonly abortSignal: AbortSignal }): Promise<Info>;
}

interface Info {
  readonly Architecture: string;
  readonly ServerVersion: string;
  readonly CgroupVersion?: string;
}

const archs: Readonly<Record<string, string>> = { x86_64: 'x64', aarch64: 'arm64' };

/** The engine refused, or did not answer in time. */
export class EngineError extends Error {
  /** HTTP status of its answer; undefined: there was none. */
  readonly status: number | undefined;

  constructor(what: string, cause: unknown) {
    const said = reasonOf(cause);
    super(`the Docker engine failed at ${what}: ${said}`, { cause });
    this.status = (cause as { readonly statusCode?: number }).statusCode;
  }
}

/** The engine's own sentence, or what there is in its place: never nothing. */
export function reasonOf(error: unknown): string {
  const { json, message, statusCode, code } = (error ?? {}) as {
    readonly json?: { readonly message?: string };
    readonly message?: string;
    readonly statusCode?: number;
    readonly code?: string;
  };
  // dockerode puts its own words before what an engine streams.
  const said = (json?.message ?? message ?? String(error)).replace(/^\(HTTP code \d+\) [^-]* -(?: |$)/, '').trim();
  if (said !== '') return said;
  return statusCode === undefined ? (code ?? 'it did not say why') : `HTTP status ${statusCode}, and no word`;
}

function addressOf(host: string | undefined): string {
  if (host === undefined || host === '') return 'unix:///var/run/docker.sock';
  return host.includes('//') ? host : `tcp://${host}`;
}

/** Before dockerode takes any scheme that it does not know for HTTP's, and what follows for a name to be looked up. */
function checkAddress(address: string): void {
  const refused = (why: string): BadInput =>
    new BadInput(`DOCKER_HOST is ${address}, and ${why}: unix:///PATH or tcp://HOST:PORT is needed.`);
  const [, scheme, place] = /^([^:/]*):?\/\/(.*)$/s.exec(address) ?? [];
  if (scheme === 'unix' || scheme === 'npipe') return;
  if (scheme !== 'tcp' && scheme !== 'http' && scheme !== 'https')
    throw refused(scheme === '' || scheme === undefined ? 'it has no scheme' : `${scheme}:// is not understood`);
  const port = /:(\d*)(?:\/.*)?$/.exec(place)?.[1];
  if (port === undefined ? scheme === 'tcp' : port === '') throw refused('it names no port');
  if (port !== undefined && (Number(port) < 1 || Number(port) > 65_535)) throw refused(`there is no port ${port}`);
  if (!URL.canParse(address) || new URL(address).hostname === '') throw refused('it names no host');
}

function unreachable(address: string, error: unknown): BadInput {
  const { code = '' } = error as NodeJS.ErrnoException;
  if (code === 'EACCES' || code === 'EPERM') {
    return new BadInput(
      `This user may not use the Docker engine at ${address}: join the group that owns the socket (docker), or run as root.`,
    );
  }
  const why = code === '' ? reasonOf(error) : code;
  return new BadInput(
    `No Docker engine answers at ${address} (${why}): start one, or say in DOCKER_HOST where it is.`,
    { cause: error },
  );
}

async function within<T>(ns: number, what: string, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  const late = new Error(`no answer within ${Math.round(ns / MILLISECOND)} ms (${what})`);
  let cancel = (): void => undefined;
  const deadline = new Promise<never>((_, reject) => {
    cancel = clock.timer(clock.now() + ns, () => {
      reject(late);
      controller.abort();
    });
  });
  try {
    return await Promise.race([work(controller.signal), deadline]);
  } finally {
    cancel();
  }
}
