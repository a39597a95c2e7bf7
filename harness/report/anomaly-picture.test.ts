import { expect, test } from 'vitest';
import type { Anomaly } from '../../checkers/checker.ts';
import { anomalyPicture } from './anomaly-picture.ts';

function ofSession(session: string): Anomaly {
  const common = { f: 'read', outcome: 'ok', key: 'x', value: 1, callTime: 1e6, retTime: 2e6 } as const;
  return { kind: 'stale read', sentence: '', operations: [{ ...common, index: 1, process: 12_345_678, session }] };
}

test.each(['check-0-2', 'W'.repeat(400), '界'.repeat(400), '\u202e'.repeat(400)])(
  'the name of a lane ends beside it and begins within the picture, however long a session is called: %s',
  (session) => {
    const lanes = [
      ...String(anomalyPicture(ofSession(session))).matchAll(
        /class="tick end lane" x="(\d+)" y="\d+" textLength="([\d.]+)"/g,
      ),
    ];
    expect(lanes).toHaveLength(2);
    for (const [, end, length] of lanes) expect(Number(end) - Number(length)).toBeGreaterThan(0);
  },
);
