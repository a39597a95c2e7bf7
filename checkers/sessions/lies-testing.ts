/** Stores that tell where in their log everything lies, and stores that lie about it. Not for production code. */
import type { Event, Position } from '../../history/operation.ts';
import type { Random } from '../../history/random.ts';

/** One log; nodes that apply it late and truthfully, but for some stale reads; two terms; values that may repeat. */
export function storeEvents(random: Random, stale: number, repeats: boolean): Event[] {
  const log: { readonly key: string; readonly value: number }[] = [];
  const events: Event[] = [];
  const change = random.between(2, 12);
  const place = (at: number): Position => ({ group: 'g0', history: at < change ? 1 : 2, at });
  const push = (event: object): void => void events.push({ time: events.length * 1_000_000, ...event } as Event);
  const open = new Map<number, { readonly f: string; readonly key?: string; readonly value: unknown; place: number }>();
  let processes = 4;
  const clients = Array.from({ length: 4 }, (_, i) => ({ process: i, session: `s${i % 3}` }));
  const applied = [0, 0];
  let unique = 0;
  const read = (keys: readonly string[]) => {
    const node = random.below(2);
    applied[node] += random.below(log.length - applied[node] + 1);
    const at = random.chance(stale) ? random.below(applied[node] + 1) : applied[node];
    const places = keys.map((key) => log.findLastIndex((entry, i) => i < at && entry.key === key));
    return { places, node: `n${node}`, position: at === 0 ? undefined : place(at - 1) };
  };
  const finish = (client: (typeof clients)[number]): void => {
    const { process } = client;
    const { f, key, value, place: landed } = open.get(process) ?? { f: '', value: null, place: -1 };
    open.delete(process);
    const done = { process, f, ...(key !== undefined && { key }) };
    if (f === 'write') {
      const at = landed >= 0 ? landed : log.push({ key: key ?? '', value: value as number }) - 1;
      if (!random.chance(0.15)) push({ ...done, type: 'ok', value, version: place(at) });
      else {
        push({ ...done, type: 'info', value });
        client.process = processes++;
      }
      return;
    }
    const { places, node, position } = read(f === 'read' ? [key ?? ''] : ['x', 'y']);
    const values = places.map((at) => (at < 0 ? null : log[at].value));
    const versions = places.map((at) => (at < 0 ? null : place(at)));
    const where = { node, ...(position !== undefined && { position }) };
    if (f === 'readMany') push({ ...done, ...where, type: 'ok', value: values, version: versions });
    else
      push({ ...done, ...where, type: 'ok', value: values[0], ...(versions[0] !== null && { version: versions[0] }) });
  };
  for (let step = random.between(14, 40); step > 0; step--) {
    const client = random.pick(clients);
    const { process, session } = client;
    const pending = open.get(process);
    if (pending !== undefined) {
      if (pending.f === 'write' && pending.place < 0 && random.chance(0.4)) {
        pending.place = log.push({ key: pending.key ?? '', value: pending.value as number }) - 1;
      } else finish(client);
      continue;
    }
    const f = random.pick(['write', 'read', 'read', 'readMany']);
    const key = f === 'readMany' ? undefined : random.pick(['x', 'y']);
    const value = f === 'write' ? (repeats ? random.below(3) : ++unique) : f === 'read' ? null : ['x', 'y'];
    open.set(process, { f, ...(key !== undefined && { key }), value, place: -1 });
    push({ type: 'invoke', process, session, f, ...(key !== undefined && { key }), value });
  }
  for (const client of clients) if (open.has(client.process)) finish(client);
  push({ type: 'info', process: 'harness', f: 'phase', value: 'epilogue' });
  for (const key of ['x', 'y']) {
    const last = log.findLastIndex((entry) => entry.key === key);
    push({ type: 'invoke', process: 999, f: 'read', key, value: null });
    const answer =
      last < 0 ? { value: null } : { value: log[last].value, version: place(last), position: place(log.length - 1) };
    push({ type: 'ok', process: 999, f: 'read', key, ...answer });
  }
  return events;
}

/** The same with some claims changed. */
export function corrupt(events: readonly Event[], random: Random, share: number): Event[] {
  const lie = (place: Position): Position =>
    !random.chance(share)
      ? place
      : { ...place, at: random.below(20), ...(random.chance(0.3) && { history: random.between(1, 3) }) };
  return events.map((event) => {
    const { version, position } = event as { version?: Position | (Position | null)[]; position?: Position };
    return {
      ...event,
      ...(version !== undefined && {
        version: Array.isArray(version) ? version.map((one) => (one === null ? null : lie(one))) : lie(version),
      }),
      ...(position !== undefined && { position: lie(position) }),
    };
  });
}
