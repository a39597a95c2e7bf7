import { expect, test } from 'vitest';
import { historyFromEvents } from '../../history/builder.ts';
import type { Event } from '../../history/operation.ts';
import { drawn, eachRound } from '../../test-support/rounds.ts';
import { defaultSemantics, unlimited } from '../checker.ts';
import { Registers } from '../sessions/registers.ts';
import { type Atomicity, atomicityOf } from './atomicity.ts';
import { clustersOf } from './clusters.ts';
import { deltaOf } from './delta.ts';
import { deltaByBruteForce, kByBruteForce, type Shape, staleEvents } from './testing.ts';

function measured(events: readonly Event[]): { delta: number; k: Atomicity } {
  const registers = new Registers(historyFromEvents(events), defaultSemantics);
  const clusters = clustersOf(registers, defaultSemantics);
  const delta = clusters.impossible > 0 ? Number.POSITIVE_INFINITY : deltaOf(clusters).ns;
  return { delta, k: atomicityOf(clusters, registers, unlimited) };
}

const shape: Shape = {
  keys: 1,
  processes: 3,
  operations: 7,
  lag: 2,
  versions: false,
  casPercent: 0,
  infoPercent: 15,
  lies: 5,
};

function agrees(name: string, shapes: readonly Shape[], share: number): void {
  let exact = 0;
  let bounded = 0;
  eachRound(name, (random, label) => {
    const given = random.pick(shapes);
    const events = staleEvents(random, given);
    const { delta, k } = measured(events);
    const versioned = given.versions;
    const why = `${label}\n${events.map((event) => JSON.stringify(event)).join('\n')}`;
    expect(delta, why).toBe(deltaByBruteForce(events, versioned));
    if (delta === Number.POSITIVE_INFINITY) return;
    const least = kByBruteForce(events, versioned);
    expect(k.atLeast, why).toBeLessThanOrEqual(least);
    expect(k.atMost, why).toBeGreaterThanOrEqual(least);
    if (given.casPercent === 0 && least <= 2) expect(k, why).toEqual({ atLeast: least, atMost: least });
    if (versioned) expect(k.atMost, why).toBe(least);
    if (k.atLeast === k.atMost) exact++;
    else bounded++;
  });
  expect(exact / (exact + bounded), drawn).toBeGreaterThan(share);
}

test('Δ and k by values are what trying every order gives', () => {
  agrees(
    'staleness by values',
    [
      shape,
      { ...shape, keys: 2, operations: 8 },
      { ...shape, lag: 1, processes: 4, lies: 0 },
      { ...shape, lag: 4, processes: 2, operations: 8 },
    ],
    0.9,
  );
});

test('Δ and k by versions are what trying every order of time gives in the order of versions', () => {
  agrees(
    'staleness by versions',
    [
      { ...shape, versions: true, lies: 0, infoPercent: 0 },
      { ...shape, versions: true, lies: 0, lag: 4, infoPercent: 10 },
      { ...shape, versions: true, lies: 0, keys: 2, operations: 8 },
    ],
    0.9,
  );
});

test('chains of cas', () => {
  agrees(
    'staleness with cas',
    [
      { ...shape, casPercent: 60, infoPercent: 5, lag: 1, lies: 0 },
      { ...shape, casPercent: 30, lag: 2 },
    ],
    0.3,
  );
});
