/**
 * One SSH connection: commands with deadlines, and no more than eight channels at once, since sshd refuses the eleventh
 * (MaxSessions 10). Whoever finds them taken waits.
 */
import type { Duplex } from 'node:stream';
import ssh2, { type CipherAlgorithm, type Client, type ClientChannel, type ConnectConfig } from 'ssh2';
import { type Clock, MILLISECOND, realClock, SECOND } from '../../../history/clock.ts';
import { BadInput } from '../../errors.ts';
import type { Credentials } from './keys.ts';
import { type Host, nameOf } from './hosts.ts';
import { algorithmsFor, fingerprint, judge, keysOf, type KnownKey, typeOf } from './known-hosts.ts';

const CHANNELS_MAX = 8;
const CONNECT_NS = 30 * SECOND;
const COMMAND_NS = 60 * SECOND;
/** How long the machine goes on with a command that nobody waits for any more. */
const GRACE_S = 5;
const TRIES = 10;
const AGAIN_NS = 50 * MILLISECOND;
const ALIVE_MS = 5000;
/** Processors have instructions for it: a store and its Node are 100 MB. */
const FAST: CipherAlgorithm[] = ['aes128-gcm@openssh.com', 'aes256-gcm@openssh.com'];
const ALIVE_MISSED_MAX = 3;

export interface Access {
  readonly credentials: Credentials;
  readonly known: readonly KnownKey[];
  /** The files that they come from. */
  readonly knownHosts: readonly string[];
}

export interface Said {
  /** Null: a signal ended it, or the machine did not say how it ended. */
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
  /** What ended it, where that was a signal. */
  readonly signal?: string;
}

/** The machine refused, or did not answer in time. */
export class SshError extends Error {}

export class Connection {
  readonly host: Host;
  readonly #client: Client;
  readonly #clock: Clock;
  readonly #waiting: (() => void)[] = [];
  #channels = 0;
  #over: string | undefined;

  /** Throws {@link BadInput} where nobody answers, shows a key that is not known, or lets us in. `through`: a way there. */
  static async open(host: Host, access: Access, through?: Duplex): Promise<Connection> {
    const client = new ssh2.Client();
    const clock = realClock();
    const keys = keysOf(access.known, host.name, host.port);
    let refusal: BadInput | undefined;
    const algorithms = algorithmsFor(keys);
    const config: ConnectConfig = {
      host: host.name,
      port: host.port,
      username: host.user,
      ...(through !== undefined && { sock: through }),
      algorithms: {
        cipher: { prepend: FAST, append: [], remove: [] },
        ...(algorithms !== undefined && { serverHostKey: [...algorithms] }),
      },
      authHandler: access.credentials.methods(host.user),
      hostVerifier: (shown: Buffer) => {
        refusal = refusalOf(host, keys, shown, access.knownHosts);
        return refusal === undefined;
      },
      readyTimeout: CONNECT_NS / MILLISECOND,
      keepaliveInterval: ALIVE_MS,
      keepaliveCountMax: ALIVE_MISSED_MAX,
    };
    const connection = new Connection(host, client, clock);
    await new Promise<void>((resolve, reject) => {
      client.once('ready', resolve);
      client.once('error', (error: Failure) =>
        reject(refusal ?? whyNot(host, error, access, algorithms !== undefined)),
      );
      client.once('close', () =>
        reject(refusal ?? new BadInput(`${nameOf(host)} has closed the connection before the login.`)),
      );
      client.connect(config);
    }).catch((error: unknown) => {
      client.destroy();
      throw error;
    });
    return connection;
  }

  private constructor(host: Host, client: Client, clock: Clock) {
    this.host = host;
    this.#client = client;
    this.#clock = clock;
    client.on('error', (error) => this.#end(error.message));
    client.on('close', () => this.#end('the connection is closed'));
  }

  get channels(): number {
    return this.#channels;
  }

  get full(): boolean {
    return this.#channels >= CHANNELS_MAX;
  }

  get over(): boolean {
    return this.#over !== undefined;
  }

  /** Runs a command of the POSIX shell to its end, on both sides within the deadline. `what` names it in errors. */
  async run(what: string, script: string, { input = '', ns = COMMAND_NS }: RunOptions = {}): Promise<Said> {
    const seconds = Math.ceil(ns / SECOND);
    let end: Promise<End> | undefined;
    const command = `timeout -k ${GRACE_S} ${seconds} sh -c ${quoted(script)}`;
    const channel = await this.channel(what, command, (opened) => {
      end = endOf(opened);
    });
    return this.#within(what, ns + GRACE_S * SECOND, async () => {
      const out = textOf(channel);
      const err = textOf(channel.stderr);
      if (typeof input === 'string') channel.end(input);
      else input.on('error', () => channel.close()).pipe(channel);
      const ended = await end;
      const said: Said = { out: await out, err: await err, code: null, ...ended };
      // A command that is ended by a signal has no code either.
      if (said.code === null && this.#over !== undefined) throw new Error(this.#over);
      return said;
    }).finally(() => channel.close());
  }

  /**
   * A command whose stdin and stdout stay open. `begun` is called before anything else is heard of it: where a machine or this
   * process is busy, a command's beginning and its end arrive at once, and whoever waits for the promise first misses the end.
   */
  async channel(what: string, command: string, begun?: (channel: ClientChannel) => void): Promise<ClientChannel> {
    for (let tries = 1; ; tries++) {
      try {
        return await this.#taking(what, (done) =>
          this.#client.exec(command, (error, channel) => {
            if (error === undefined) begun?.(channel);
            done(error, channel);
          }),
        );
      } catch (error) {
        // A session that has ended counts at sshd until it has been looked after, some moments after we are told.
        if (tries === TRIES || !/open failed/i.test((error as Error).message)) throw error;
        await this.#clock.sleepUntil(this.#clock.now() + tries * AGAIN_NS);
      }
    }
  }

  /** A way to a port, as seen from that machine. */
  async forward(address: string, port: number): Promise<ClientChannel> {
    return this.#taking(`the way to ${address}:${port}`, (done) =>
      this.#client.forwardOut('127.0.0.1', 0, address, port, done),
    );
  }

  close(): void {
    this.#end('the connection is closed');
    this.#client.end();
  }

  async #taking(
    what: string,
    open: (done: (error: Error | undefined, channel: ClientChannel) => void) => unknown,
  ): Promise<ClientChannel> {
    return this.#within(what, COMMAND_NS, async (late) => {
      while (this.full && this.#over === undefined)
        await new Promise<void>((resolve) => void this.#waiting.push(resolve));
      if (late()) return this.#next();
      if (this.#over !== undefined) throw new Error(this.#over);
      this.#channels++;
      try {
        const channel = await new Promise<ClientChannel>((resolve, reject) => {
          open((error, opened) => (error === undefined ? resolve(opened) : reject(error)));
        });
        channel.once('close', () => this.#free());
        channel.on('error', () => undefined); // what was asked of it is told
        if (late()) channel.close();
        return channel;
      } catch (error) {
        this.#free();
        throw error;
      }
    });
  }

  #free(): void {
    this.#channels--;
    this.#waiting.shift()?.();
  }

  /** Whoever gave up while it waited lets the next one pass. */
  #next(): never {
    this.#waiting.shift()?.();
    throw new Error('given up');
  }

  #end(why: string): void {
    this.#over ??= why;
    for (const go of this.#waiting.splice(0)) go();
  }

  async #within<T>(what: string, ns: number, work: (late: () => boolean) => Promise<T>): Promise<T> {
    let isLate = false;
    let cancel = (): void => undefined;
    const deadline = new Promise<never>((_, reject) => {
      cancel = this.#clock.timer(this.#clock.now() + ns, () => {
        isLate = true;
        reject(new Error(`no answer within ${Math.round(ns / SECOND)} s`));
      });
    });
    try {
      return await Promise.race([work(() => isLate), deadline]);
    } catch (error) {
      if (error instanceof SshError) throw error;
      throw new SshError(`${nameOf(this.host)} failed at ${what}: ${(error as Error).message}`, { cause: error });
    } finally {
      cancel();
    }
  }
}

export interface RunOptions {
  readonly input?: string | NodeJS.ReadableStream;
  readonly ns?: number;
}

/** One word of the POSIX shell's. */
export function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

type End = Pick<Said, 'code' | 'signal'>;

/** How a command ends; its channel must have been opened in this very turn. */
function endOf(channel: ClientChannel): Promise<End> {
  return new Promise((resolve) => {
    channel.on('exit', (code: number | null, signal?: string) =>
      resolve({ code, ...(signal !== undefined && { signal }) }),
    );
    channel.on('close', () => resolve({ code: null }));
  });
}

async function textOf(stream: NodeJS.ReadableStream): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of stream) parts.push(part as Buffer); // nobody sets an encoding
  return Buffer.concat(parts).toString('utf8');
}

interface Failure extends Error {
  readonly level?: string;
  readonly code?: string;
}

function refusalOf(
  host: Host,
  keys: readonly KnownKey[],
  shown: Buffer,
  files: readonly string[],
): BadInput | undefined {
  const judgement = judge(keys, shown);
  if (judgement.type === 'known') return undefined;
  const key = `${typeOf(shown)} ${fingerprint(shown)}`;
  const who = nameOf(host);
  if (judgement.type === 'unknown') {
    const scan = `ssh-keyscan -p ${host.port} ${host.name} >>${files[0]}`;
    return new BadInput(
      `The key of ${who} is not in ${files.join(' or ')}: it shows ${key}; if that is the right one, '${scan}' adds it.`,
    );
  }
  const { type, by } = judgement;
  const { file, line } = by;
  if (type === 'revoked') return new BadInput(`${who} shows a key that ${file}:${line} revokes: ${key}.`);
  return new BadInput(
    `${who} shows another key than ${file}:${line} has of it, so somebody may be in between: ${key}; remove that line if the machine's key was changed.`,
  );
}

function whyNot(host: Host, error: Failure, { credentials }: Access, keyIsKnown: boolean): BadInput {
  const who = nameOf(host);
  const at = `${host.name}:${host.port}`;
  if (error.level === 'client-authentication') {
    return new BadInput(`${who} does not let ${host.user} in: ${credentials.tried} was tried.`);
  }
  if (error.code === 'ENOTFOUND' || error.code === 'EAI_AGAIN') {
    return new BadInput(`There is no machine called '${host.name}' (${error.code}).`);
  }
  if (keyIsKnown && /no matching host key/i.test(error.message)) {
    return new BadInput(
      `${who} shows no key of the kind that is known of it: remove its lines from known_hosts if its key was changed.`,
    );
  }
  const why =
    error.level === 'client-timeout' ? `no answer within ${CONNECT_NS / SECOND} s` : (error.code ?? error.message);
  return new BadInput(`No SSH server answers at ${at} (${why}): start sshd there, or name another port.`, {
    cause: error,
  });
}
