/** Follows histories event by event, as tests want it. Not for production code. */
import { type AnyEvent, type BuilderOptions, HistoryBuilder } from '../../history/builder.ts';
import { type History, MISMATCH, NEVER } from '../../history/history.ts';
import type { Completion, Event } from '../../history/operation.ts';
import type { Anomaly, Checker, Semantics, Verdict } from '../checker.ts';
import { defaultSemantics, unlimited } from '../checker.ts';

export interface Followed {
  /** Events up to and including the one at which it broke; undefined if it never did. */
  readonly brokenAt: number | undefined;
  readonly anomaly: Anomaly | undefined;
  readonly end: Verdict;
  readonly history: History;
}

/** Tells a follower of one event after the other, and asks after each. */
export function follow(
  checker: Checker,
  events: Iterable<AnyEvent>,
  semantics: Semantics = defaultSemantics,
  options: BuilderOptions = {},
): Followed {
  const builder = new HistoryBuilder(options);
  const follower = checker.follow?.(builder.growing, unlimited, semantics);
  if (follower === undefined) throw new Error(`${checker.name} cannot be followed`);
  builder.listener = follower;
  let brokenAt: number | undefined;
  let count = 0;
  for (const event of events) {
    builder.add(event);
    count++;
    if (follower.broken() !== undefined) brokenAt ??= count;
  }
  return { brokenAt, anomaly: follower.broken(), end: follower.end(), history: builder.build() };
}

/** What had happened after so many events; what was open then never ended. */
export function prefix(events: readonly Event[], length: number): Event[] {
  const open = new Map<unknown, Event>();
  const head = events.slice(0, length);
  for (const event of head) {
    if (event.type === 'invoke') open.set(event.process, event);
    else open.delete(event.process);
  }
  const time = head[head.length - 1]?.time ?? 0;
  return [...head, ...[...open.values()].map((event): Event => ({ ...(event as Completion), type: 'info', time }))];
}

/** The events that a history of registers came from, as far as it tells: each operation has a process of its own. */
export function eventsOf(history: History): AnyEvent[] {
  const events = new Array<AnyEvent>(history.positions);
  for (let row = 0; row < history.length; row++) {
    const operation = history.operation(row);
    const { f, key, value, expected, outcome, actual, session, path, node, version } = operation;
    const asked = f === 'cas' ? [expected, value] : value;
    const shared = { time: 0, process: row, f, key };
    const optional = { ...(session !== undefined && { session }), ...(path !== undefined && { path }) };
    events[history.call[row]] = {
      ...shared,
      ...optional,
      type: 'invoke',
      value: f === 'read' ? null : asked,
    } as AnyEvent;
    if (history.ret[row] === NEVER) continue;
    const mismatch =
      (history.flags[row] & MISMATCH) === 0 ? {} : { error: 'mismatch', ...(actual !== undefined && { actual }) };
    const told = { ...(node !== undefined && { node }), ...(version !== undefined && { version }) };
    events[history.ret[row]] = { ...shared, ...mismatch, ...told, type: outcome, value: asked } as AnyEvent;
  }
  return events;
}
