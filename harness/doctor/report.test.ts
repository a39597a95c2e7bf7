import { describe, expect, test } from 'vitest';
import type { Check } from './machine.ts';
import { type Aftermath, aftermathJson, aftermathText, checkJson, checksText, rowJson, rowsText } from './report.ts';
import type { Row } from './trial.ts';

const works: Row = {
  lever: 'shape',
  what: 'delay 50 ms, n1 → n2',
  outcome: 'works',
  before: 'round trip 0.2 ms',
  during: 'round trip 50.4 ms',
  after: 'round trip 0.3 ms',
  applyMs: 4.249,
  healMs: 12.6,
  aimMs: 30,
};
const cannot: Row = { lever: 'clock', what: 'n1', outcome: 'not here', why: 'node is a static program' };
const lingers: Row = {
  ...works,
  lever: 'pause',
  what: 'n1',
  outcome: 'not undone',
  why: 'what is seen after the cure is not as it was',
  applyMs: 24,
  aimMs: 20,
};

describe('the table of levers', () => {
  test('has a row for each, a sentence for each that does not work, and how many do', () => {
    expect(rowsText([works, cannot])).toEqual([
      'lever  what                  works     before             during              after               apply   heal',
      'shape  delay 50 ms, n1 → n2  yes       round trip 0.2 ms  round trip 50.4 ms  round trip 0.3 ms  4.2 ms  13 ms',
      'clock  n1                    not here  –                  –                   –                       –      –',
      '',
      'clock, n1: not here: node is a static program',
      '',
      '1 of 2 work',
      'all are as fast as aimed at',
    ]);
  });

  test('says which were slower than they are meant to be, and how busy the machine is', () => {
    const said = rowsText([works, lingers]);
    expect(said).toContain('pause, n1: not undone: what is seen after the cure is not as it was');
    expect(said.slice(-2, -1)).toEqual(['1 of 2 work']);
    expect(said.at(-1)).toMatch(
      /^slower than aimed at, while this machine has a load of [\d.]+ on \d+ processors: pause n1 \(20 ms\)$/,
    );
  });

  test('is JSON too: a line for each', () => {
    expect(JSON.parse(rowJson(works))).toEqual({ schema: 1, type: 'lever', ...works, applyMs: 4.2, healMs: 12.6 });
    expect(JSON.parse(rowJson(cannot))).toEqual({ schema: 1, type: 'lever', ...cannot });
  });
});

describe('the table of parts', () => {
  const there: Check = { check: 'kernel', state: 'ok', found: '6.1' };
  const missing: Check = { check: 'NFQUEUE', state: 'missing', found: 'no such thing', install: 'modprobe it' };

  test('says what to install where something is missing', () => {
    expect(checksText([there, missing])).toEqual([
      'part     state    found',
      'kernel   ok       6.1',
      'NFQUEUE  missing  no such thing. To install: modprobe it',
    ]);
    expect(JSON.parse(checkJson(missing))).toEqual({ schema: 1, type: 'check', ...missing });
  });
});

describe('the aftermath', () => {
  const well: Aftermath = {
    lingering: [],
    crashes: [],
    left: [],
    upNs: 4_200_000_000,
    removedNs: 900_000_000,
    interrupted: false,
  };

  test('is a word where all is as it was, and every sentence where it is not', () => {
    expect(aftermathText(well)).toEqual([
      'rules, queues, processes, disks, clocks and limits are as they were',
      'the cluster was up in 4.20 s and removed in 900 ms; nothing of it is left',
    ]);
    const ill = {
      ...well,
      lingering: ['n1 was not healed'],
      crashes: ['n2 ended'],
      left: ['volume v'],
      interrupted: true,
    };
    expect(aftermathText(ill)).toEqual([
      'interrupted: the rest was not tried',
      'n1 was not healed',
      'n2 ended',
      'the cluster was up in 4.20 s and removed in 900 ms; left: volume v',
    ]);
    expect(JSON.parse(aftermathJson(ill))).toMatchObject({
      type: 'cluster',
      upMs: 4200,
      removedMs: 900,
      left: ['volume v'],
    });
  });
});
