/** Asks a client what a script wants to know, and says how it ended in the words of a history. */
import type { Instant, Value } from '../history/operation.ts';
import { type Answer, type Client, type Entry, Refused, type Step } from '../history/store.ts';
import type { Call } from '../workloads/workload.ts';
import type { Completed } from './recorder.ts';

export function timedOut(call: Call): Completed {
  return { outcome: 'info', value: askedValue(call), error: 'timeout' };
}

/** What the invocation carried; a completion that is not ok repeats it. */
function askedValue(call: Call): Value {
  switch (call.f) {
    case 'read':
      return null;
    case 'readMany':
      return call.keys;
    case 'write':
    case 'send':
      return call.value;
    case 'poll':
      return call.from;
    case 'cas':
      return [call.expected, call.next];
    case 'txn':
      return call.steps;
  }
}

/** What any of the methods may return. */
type AnyAnswer = Answer<{
  readonly value?: Value;
  readonly values?: readonly Value[];
  readonly steps?: readonly Step[];
  readonly offset?: number;
  readonly entries?: readonly Entry[];
  readonly swapped?: boolean;
  readonly actual?: Value;
}>;

/** Asks a client, however it fails: one that throws at once, or returns no promise, is taken as any other. */
export function ask(client: Client, call: Call, deadline: Instant): Promise<AnyAnswer> {
  try {
    return Promise.resolve(invoke(client, call, deadline));
  } catch (error) {
    return Promise.reject(error);
  }
}

function invoke(client: Client, call: Call, deadline: Instant): Promise<AnyAnswer> {
  switch (call.f) {
    case 'read':
      if (client.read === undefined) throw unsupported(call);
      return client.read({ key: call.key }, deadline);
    case 'readMany':
      if (client.readMany === undefined) throw unsupported(call);
      return client.readMany({ keys: call.keys }, deadline);
    case 'write':
      if (client.write === undefined) throw unsupported(call);
      return client.write({ key: call.key, value: call.value }, deadline);
    case 'cas':
      if (client.compareAndSet === undefined) throw unsupported(call);
      return client.compareAndSet({ key: call.key, expected: call.expected, next: call.next }, deadline);
    case 'send':
      if (client.send === undefined) throw unsupported(call);
      return client.send({ key: call.key, value: call.value }, deadline);
    case 'poll':
      if (client.poll === undefined) throw unsupported(call);
      return client.poll({ key: call.key, from: call.from }, deadline);
    case 'txn':
      if (client.transact === undefined) throw unsupported(call);
      return client.transact({ steps: call.steps }, deadline);
  }
}

/** What came back, however little it is what was promised. */
export function completed(call: Call, answer: AnyAnswer): Completed {
  try {
    return told(call, answer);
  } catch (error) {
    return failed(call, error);
  }
}

/** Returning is ok, but for a cas that did not match. */
function told(call: Call, answer: AnyAnswer): Completed {
  switch (call.f) {
    case 'read':
      return { outcome: 'ok', value: answer.value as Value, answer }; // read() always has it
    case 'readMany':
      return { outcome: 'ok', value: answer.values as readonly Value[], answer }; // likewise
    case 'write':
      return { outcome: 'ok', value: call.value, answer };
    case 'send':
      return { outcome: 'ok', value: [answer.offset as number, call.value], answer }; // likewise
    case 'poll':
      return { outcome: 'ok', value: answer.entries as readonly Entry[], answer }; // likewise
    case 'txn':
      return { outcome: 'ok', value: answer.steps as readonly Step[], answer }; // likewise
    case 'cas': {
      const value = askedValue(call);
      if (answer.swapped) return { outcome: 'ok', value, answer };
      const { actual } = answer;
      return { outcome: 'fail', value, error: 'mismatch', ...(actual !== undefined && { actual }), answer };
    }
  }
}

/** Refused is fail, anything else is info. */
export function failed(call: Call, error: unknown): Completed {
  const outcome = error instanceof Refused ? 'fail' : 'info';
  const why = error instanceof Refused ? error.code : error instanceof Error ? error.message : String(error);
  return { outcome, value: askedValue(call), error: why };
}

function unsupported(call: Call): Refused {
  return new Refused('UNSUPPORTED', `this client has no ${call.f}`);
}
