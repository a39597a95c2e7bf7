import { expect, test } from 'vitest';
import type { Clock } from '../history/clock.ts';
import type { Io } from './command.ts';
import { showProgress } from './progress.ts';

test('whose answers a run waits for at its end is said, for people and for programs', () => {
  const progress = {
    phase: 'epilogue',
    now: 41e9,
    events: 7,
    counts: { invoked: 3, ok: 2, mismatch: 0, refused: 1, info: 0, shed: 0 },
    faultsInForce: [],
    leader: undefined,
    waitsFor: 'leader reads of quorum-ack (3 of 300 keys, unanswered for 14 s)',
  };
  const said = (style: 'lines' | 'json'): string => {
    let out = '';
    const fires: (() => void)[] = [];
    const timer: Clock['timer'] = (_, fire) => {
      fires.push(fire);
      return () => undefined;
    };
    const clock: Clock = { now: () => 0, sleepUntil: () => Promise.resolve(), timer };
    showProgress({ err: (text: string) => void (out += text) } as unknown as Io, style, () => progress, clock); // all it uses
    fires[0]();
    return out;
  };
  expect(said('lines')).toBe(
    '  41.0 s  epilogue        2 operations  leader –    waits for leader reads of quorum-ack (3 of 300 keys, unanswered for 14 s)\n',
  );
  expect(JSON.parse(said('json'))).toMatchObject({ phase: 'epilogue', leader: null, waitsFor: progress.waitsFor });
});
