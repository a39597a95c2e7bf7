/**
 * Connections to one etcd member by etcd3, over gRPC. It would try three times and switch members by itself (cockatiel's policies),
 * and gRPC would send again what a server has not begun: all three are switched off.
 */
import type { Etcd3 } from 'etcd3';
import { wallTime } from '../../history/clock.ts';
import { Refused } from '../../history/store.ts';
import type { Endpoint } from '../environments/environment.ts';
import { NotSent } from '../stores/client.ts';

export async function open({ host, port }: Endpoint): Promise<Etcd3> {
  const [{ Etcd3: Client }, { noop }] = await Promise.all([import('etcd3'), import('cockatiel')]);
  return new Client({
    hosts: `http://${host}:${port}`,
    faultHandling: { global: noop, host: () => noop },
    grpcOptions: {
      'grpc.enable_retries': 0,
      // A connection of its own, which gRPC would share by itself.
      'grpc.use_local_subchannel_pool': 1,
      'grpc.initial_reconnect_backoff_ms': 100,
      'grpc.min_reconnect_backoff_ms': 100,
      'grpc.max_reconnect_backoff_ms': 500,
    },
  });
}

/** gRPC counts from the time of day. */
export function until(leftMs: number): { readonly deadline: number } {
  return { deadline: wallTime().getTime() + leftMs };
}

/**
 * Words where a request was never proposed: gRPC had no connection to send it over, or a member whose log is too far ahead of
 * what it has applied takes no more. Others (a leader that changed, a time-out, a connection that dropped) leave it open; so does
 * "database space exceeded": the write that goes beyond the quota is applied, and answered with that error.
 */
const definite: readonly (readonly [RegExp, string])[] = [
  [/No connection established/, 'NOT_SENT'],
  [/too many requests/, 'TOO_MANY_REQUESTS'],
];

export function refusalIn(error: unknown): unknown {
  const message = error instanceof Error ? error.message : String(error);
  const code = definite.find(([words]) => words.test(message))?.[1];
  if (code === undefined) return error;
  return code === 'NOT_SENT' ? new NotSent(message) : new Refused(code);
}

/** A read that was not answered has changed nothing, whatever happened to it. */
export function unread(error: unknown): Refused {
  if (error instanceof Refused) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new Refused(/etcdserver: ([^,(]+)/.exec(message)?.[1]?.trim() ?? message.split('\n')[0].slice(0, 80));
}
