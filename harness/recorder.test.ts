import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Cancel, type Clock, MILLISECOND } from '../history/clock.ts';
import { Recorder } from './recorder.ts';

/** A clock that stands where it was put. */
class Standing implements Clock {
  at = 0;
  now(): number {
    return this.at;
  }
  sleepUntil(): Promise<void> {
    return Promise.resolve();
  }
  fire: () => void = () => undefined;
  timer(_at: number, fire: () => void): Cancel {
    this.fire = fire;
    return () => undefined;
  }
}
let clock: Standing;
let real: Standing;
let folder: string;
let file: string;

beforeEach(() => {
  clock = new Standing();
  real = new Standing();
  folder = mkdtempSync(join(tmpdir(), 'tidemark-recorder-'));
  file = join(folder, 'journal.jsonl');
});
afterEach(() => rmSync(folder, { recursive: true }));

const read = { f: 'read', key: 'x' } as const;

describe('the recorder', () => {
  it('writes the lines of DESIGN.md, section 5', () => {
    const recorder = new Recorder({ file, clock, real });
    recorder.header({ system: 'reference' });
    clock.at = 10;
    recorder.invoke(3, read, 's3', 'd1', 'follower', 9);
    recorder.invoke(4, { f: 'cas', key: 'y', expected: null, next: 'é"' }, 's4', 'd1', 'quorum-ack', undefined);
    clock.at = 20;
    recorder.complete(3, read, 'follower', {
      outcome: 'ok',
      value: 7,
      answer: {
        servedBy: { node: 'n2', role: 'follower' },
        version: { group: 'g0', history: 3, at: 118 },
        position: { group: 'g0', history: 3, at: 131 },
      },
    });
    recorder.complete(4, { f: 'cas', key: 'y', expected: null, next: 'é"' }, 'quorum-ack', {
      outcome: 'fail',
      value: [null, 'é"'],
      error: 'mismatch',
      actual: 5,
    });
    recorder.note('nemesis', 'isolate-leader', { do: 'inject', id: 1, targets: ['n1'] });
    const sha256 = recorder.close();
    const bytes = readFileSync(file);
    expect(bytes.toString()).toBe(
      [
        '{"tidemark":1,"system":"reference"}',
        '{"index":0,"time":10,"process":3,"type":"invoke","f":"read","key":"x","value":null,"session":"s3","device":"d1","path":"follower","intended":9}',
        '{"index":1,"time":10,"process":4,"type":"invoke","f":"cas","key":"y","value":[null,"é\\""],"session":"s4","device":"d1","path":"quorum-ack"}',
        '{"index":2,"time":20,"process":3,"type":"ok","f":"read","key":"x","value":7,"path":"follower","node":"n2","role":"follower","version":["g0",3,118],"position":["g0",3,131]}',
        '{"index":3,"time":20,"process":4,"type":"fail","f":"cas","key":"y","value":[null,"é\\""],"path":"quorum-ack","error":"mismatch","actual":5}',
        '{"index":4,"time":20,"process":"nemesis","type":"info","f":"isolate-leader","value":{"do":"inject","id":1,"targets":["n1"]}}',
        '',
      ].join('\n'),
    );
    expect(sha256).toBe(createHash('sha256').update(bytes).digest('hex'));
  });

  it('writes transactions without a key: each step names its own', () => {
    const recorder = new Recorder({ file, clock, real });
    const asked = { f: 'txn', steps: [['r', 'x', null] as const, ['w', 5, 7] as const] } as const;
    recorder.invoke(3, asked, 's3', 'd1', 'on', undefined);
    recorder.complete(3, asked, 'on', { outcome: 'ok', value: [['r', 'x', 6] as const, ['w', 5, 7] as const] });
    recorder.close();
    expect(readFileSync(file, 'utf8').split('\n')).toEqual([
      '{"index":0,"time":0,"process":3,"type":"invoke","f":"txn","value":[["r","x",null],["w",5,7]],"session":"s3","device":"d1","path":"on"}',
      '{"index":1,"time":0,"process":3,"type":"ok","f":"txn","value":[["r","x",6],["w",5,7]],"path":"on"}',
      '',
    ]);
  });

  it('hands over after 100 ms of real time, however few events there are, and not before', () => {
    const recorder = new Recorder({ file, clock, real });
    recorder.note('harness', 'phase', 'calm');
    expect(readFileSync(file, 'utf8')).toBe('');
    real.at = 100 * MILLISECOND;
    real.fire();
    expect(readFileSync(file, 'utf8').split('\n')).toHaveLength(2);
    recorder.close();
  });

  it('hands over after 100 ms of real time, also when timers never get a turn', () => {
    const recorder = new Recorder({ file, clock, real });
    real.at = 100 * MILLISECOND;
    for (let i = 0; i < 16; i++) recorder.note('harness', 'phase', 'calm');
    expect(readFileSync(file, 'utf8').split('\n')).toHaveLength(17);
    recorder.close();
  });

  it('hands over after 64 KiB whatever the time', () => {
    const recorder = new Recorder({ file, clock, real });
    recorder.note('harness', 'phase', 'x'.repeat(65_536));
    expect(readFileSync(file).length).toBeGreaterThan(65_536);
    recorder.close();
  });

  it('writes nothing that comes after the end', () => {
    const recorder = new Recorder({ file, clock, real });
    recorder.note('harness', 'phase', 'end');
    recorder.close();
    recorder.note('cluster', 'down', { node: 'n1' });
    recorder.flush();
    real.at = 100 * MILLISECOND;
    real.fire();
    expect(readFileSync(file, 'utf8').split('\n')).toHaveLength(2);
  });

  it('never writes over a journal that is there', () => {
    new Recorder({ file, clock, real }).close();
    expect(() => new Recorder({ file, clock, real })).toThrow('EEXIST');
  });
});
