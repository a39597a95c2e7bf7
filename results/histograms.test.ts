import { deflateSync } from 'node:zlib';
import hdr from 'hdr-histogram-js';
import { fc } from '../test-support/properties.ts';
import { describe, expect, test } from 'vitest';
import { decodeHistogram, HIGHEST_US, isHistogram, Latencies, percentileNs } from './histograms.ts';

const MS = 1_000_000;

describe('latencies', () => {
  test('are kept apart by method, path, role and phase', () => {
    const latencies = new Latencies();
    latencies.record('read', 'leader', 'leader', 'calm', 3 * MS);
    latencies.record('read', 'leader', 'leader', 'calm', 5 * MS);
    latencies.record('read', 'leader', 'leader', 'faults', 900 * MS);
    latencies.record('write', 'quorum-ack', 'leader', 'calm', 7 * MS);
    latencies.series('read', 'follower', 'follower', 'calm'); // nothing recorded: no record
    const told = latencies
      .records()
      .map(({ method, path, role, phase, count, maxNs }) => [method, path, role, phase, count, maxNs]);
    expect(told).toEqual([
      ['read', 'leader', 'leader', 'calm', 2, 5 * MS],
      ['read', 'leader', 'leader', 'faults', 1, 900 * MS],
      ['write', 'quorum-ack', 'leader', 'calm', 1, 7 * MS],
    ]);
  });

  test('have the percentiles of a sorted list, to three digits', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 3_600_000_000 }), { minLength: 1, maxLength: 300 }), (values) => {
        const latencies = new Latencies();
        for (const value of values) latencies.record('read', 'p', 'leader', 'calm', value * 1_000);
        const [record] = latencies.records();
        const sorted = [...values].sort((a, b) => a - b);
        const exact = (percentile: number) =>
          sorted[Math.max(0, Math.ceil((percentile / 100) * sorted.length) - 1)] * 1_000;
        for (const [ns, percentile] of [
          [record.p50Ns, 50],
          [record.p90Ns, 90],
          [record.p99Ns, 99],
        ]) {
          expect(Math.abs(ns - exact(percentile))).toBeLessThanOrEqual(exact(percentile) * 0.001 + 1_000);
        }
        expect(record.maxNs).toBe(sorted[sorted.length - 1] * 1_000);
        expect(record.p999Ns).toBeLessThanOrEqual(record.maxNs);
      }),
      { numRuns: 50, seed: 1 },
    );
  });

  test('beyond an hour count as an hour, and below zero as zero', () => {
    const latencies = new Latencies();
    for (const ns of [-5, 1e15, 1]) latencies.record('read', 'p', 'leader', 'calm', ns);
    const [record] = latencies.records();
    expect(record).toMatchObject({ count: 3, p50Ns: 0, maxNs: 1e15 });
    expect(Math.abs(record.p99Ns - HIGHEST_US * 1_000)).toBeLessThan(HIGHEST_US);
  });
});

describe('an encoded histogram', () => {
  test('is read back, and two of them add up', () => {
    const [early, late, all] = [new Latencies(), new Latencies(), new Latencies()];
    for (let i = 1; i <= 1_000; i++) {
      (i <= 400 ? early : late).record('read', 'p', 'follower', 'calm', i * MS);
      all.record('read', 'p', 'follower', 'calm', i * MS);
    }
    const [record] = all.records();
    const histogram = decodeHistogram(record.histogram);
    expect(histogram.totalCount).toBe(1_000);
    expect(percentileNs(histogram, 50)).toBe(record.p50Ns);
    const merged = new Latencies();
    merged.merge(early.records());
    merged.merge(late.records());
    expect(merged.records()).toEqual([record]);
  });

  test('that is none is refused', () => {
    expect(() => decodeHistogram('bm90IGEgaGlzdG9ncmFt')).toThrow('only V2 is supported');
  });
});

describe('a text is a histogram', () => {
  const built = (highestTrackableValue: number, digits: 3 | 5, value: number): string => {
    const histogram = hdr.build({ highestTrackableValue, numberOfSignificantValueDigits: digits });
    histogram.recordValue(value);
    return hdr.encodeIntoCompressedBase64(histogram);
  };
  const ours = built(HIGHEST_US, 3, 5_000);
  /** With a length of its counts that is not theirs, or counts that go on. */
  const bent = (length: number, counts: Uint8Array): string => {
    const head = Buffer.alloc(40);
    head.writeUInt32BE(0x1c849313, 0);
    head.writeUInt32BE(length, 4);
    head.writeUInt32BE(3, 12);
    head.writeBigUInt64BE(1n, 16);
    head.writeBigUInt64BE(BigInt(HIGHEST_US), 24);
    const packed = deflateSync(Buffer.concat([head, counts]));
    const cover = Buffer.alloc(8);
    cover.writeUInt32BE(0x1c849314, 0);
    cover.writeUInt32BE(packed.length, 4);
    return Buffer.concat([cover, packed]).toString('base64');
  };

  test.each([
    ['ours', ours],
    ['finer than ours', built(HIGHEST_US, 5, 5_000)],
    ['of a wider range, with nothing above an hour', built(1e12, 3, 5_000)],
    ['of one count', bent(1, Uint8Array.of(2))],
    ['of the greatest count', bent(5, Uint8Array.of(254, 255, 255, 255, 31))],
    ['of a run of zeros, then of a count', bent(3, Uint8Array.of(255, 15, 2))],
  ])('that can be read and added up: %s', (_, text) => expect(isHistogram(text)).toBe(true));

  test.each([
    ['empty', ''],
    ['of three zeros', 'AAAA'],
    ['cut off', ours.slice(0, 24)],
    ['no base64', '%%%%'],
    ['of latencies above an hour', built(1e12, 3, 1e11)],
    ['longer, as it says, than it is', bent(0xffff_ffff, Uint8Array.of(2))],
    ['of a run of zeros longer than anything could look through', bent(9, new Uint8Array(9).fill(255))],
    ['of a run of more zeros than any has', bent(4, Uint8Array.of(255, 255, 255, 31))],
    ['of a count that 32 bits do not hold', bent(5, Uint8Array.of(128, 128, 128, 128, 32))],
    ['of very many zeros', bent(16 * 1024 * 1024, new Uint8Array(16 * 1024 * 1024))],
  ])('or it is none: %s', (_, text) => expect(isHistogram(text)).toBe(false));
});
