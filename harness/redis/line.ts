/** Connections to Redis and Sentinel by ioredis, with all that it would do again or later by itself switched off. */
import type { Redis } from 'ioredis';
import type { Clock } from '../../history/clock.ts';
import type { Instant } from '../../history/operation.ts';
import { Refused } from '../../history/store.ts';
import type { Endpoint } from '../environments/environment.ts';
import { millisecondsLeft, NotSent, within } from '../stores/client.ts';

export async function open(clock: Clock, { host, port }: Endpoint, deadline: Instant): Promise<Redis> {
  const { Redis: Client } = await import('ioredis');
  const connectTimeout = millisecondsLeft(clock, deadline);
  const redis = new Client({
    host,
    port,
    protocol: 2, // no handshake before the first command
    lazyConnect: true,
    connectTimeout,
    enableReadyCheck: false, // a server that loads says so, and that is an answer
    disableClientInfo: true,
    // Nothing is sent twice, kept for later, or sent over another connection.
    retryStrategy: null,
    reconnectOnError: null,
    autoResendUnfulfilledCommands: false,
    autoResubscribe: false,
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
  });
  redis.on('error', () => undefined); // whoever asks is told
  const opened = redis.connect().then(() => redis);
  opened.catch(() => close(redis));
  return within(clock, deadline, opened, () => new NotSent(`no connection to ${host}:${port}`), close).catch(
    (error: unknown) => {
      close(redis);
      throw new NotSent(`${host}:${port}: ${(error as Error).message}`);
    },
  );
}

export function close(redis: Redis): void {
  redis.disconnect();
  // A line that is cut would wait for the other end's farewell.
  (redis as unknown as { readonly stream?: { destroy(): void } }).stream?.destroy();
}

/** Sends commands at once; each answer by itself, for one may be an error. Rejects where the line broke. */
export async function ask(
  redis: Redis,
  commands: readonly (readonly [string, ...(string | number)[]])[],
): Promise<readonly unknown[]> {
  if (redis.status !== 'ready') throw new NotSent('the connection is closed');
  const answers = commands.map(([command, ...rest]) => redis.call(command, ...rest).catch((error: Error) => error));
  const all = await Promise.all(answers);
  for (const answer of all) if (answer instanceof Error && answer.name !== 'ReplyError') throw answer;
  return all;
}

/** Errors with which Redis refuses a command before it does any of it, or a script's only write (CAS), by their first word. */
const definite: ReadonlySet<string> = new Set([
  'READONLY',
  'LOADING',
  'MISCONF',
  'MASTERDOWN',
  'NOREPLICAS',
  'OOM',
  'NOAUTH',
  'NOPERM',
]);

/** An answer that is no error; throws {@link Refused} for one that says that nothing was done. */
export function sound(answer: unknown): unknown {
  if (!(answer instanceof Error)) return answer;
  const [code] = answer.message.split(' ');
  throw definite.has(code) ? new Refused(code) : answer;
}
