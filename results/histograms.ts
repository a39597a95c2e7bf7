/**
 * Latencies in HDR histograms: microseconds, three significant digits, up to an hour.
 *
 * Plain JavaScript with 32-bit counts, not WebAssembly: 0.15 µs a value against 0.03, but nothing to initialise and nothing
 * to destroy. Encoding takes 0.2 ms and a histogram 94 KB, so a few hundred series cost a run 50 ms and 30 MB. Counts
 * end at 4,294,967,295.
 */
import { inflateSync } from 'node:zlib';
import hdr from 'hdr-histogram-js';
import type { Instant } from '../history/operation.ts';
import type { LatencyRecord } from './record.ts';

/** One hour, in microseconds. A latency above counts as one hour; `maxNs` still says what it was. */
export const HIGHEST_US = 3_600_000_000;

export type Histogram = hdr.Histogram;

type Since = LatencyRecord['since'];

function empty(): Histogram {
  return hdr.build({
    lowestDiscernibleValue: 1,
    highestTrackableValue: HIGHEST_US,
    numberOfSignificantValueDigits: 3,
    bitBucketSize: 32,
    useWebAssembly: false,
    autoResize: false, // an operation stuck for ever must not make the table grow
  });
}

/** Latencies of one (method, path, role, phase). Hold on to it: recording then costs no look-up and no allocation. */
export class Series {
  readonly histogram: Histogram = empty();
  #maxNs = 0;

  /** A negative latency (an operation answered before it was meant to be sent) counts as zero. */
  record(latencyNs: number): void {
    if (latencyNs > this.#maxNs) this.#maxNs = latencyNs;
    const microseconds = latencyNs <= 0 ? 0 : Math.round(latencyNs / 1_000);
    this.histogram.recordValue(microseconds < HIGHEST_US ? microseconds : HIGHEST_US);
  }

  merge(histogram: Histogram, maxNs: number): void {
    this.histogram.add(histogram);
    if (maxNs > this.#maxNs) this.#maxNs = maxNs;
  }

  get maxNs(): number {
    return this.#maxNs;
  }
}

/** All latencies of a run. */
export class Latencies {
  /** By method, path, role, phase and start, in the order in which they first came. */
  readonly #series = new Map<string, Map<string, Map<string, Map<string, Map<Since, Series>>>>>();

  series(method: string, path: string, role: string, phase: string, since: Since = 'intended'): Series {
    const bySince = within(within(within(within(this.#series, method), path), role), phase);
    let series = bySince.get(since);
    if (series === undefined) bySince.set(since, (series = new Series()));
    return series;
  }

  /** `latencyNs` counts from the intended start unless `since` says otherwise. */
  record(method: string, path: string, role: string, phase: string, latencyNs: Instant, since?: Since): void {
    this.series(method, path, role, phase, since).record(latencyNs);
  }

  /** Adds what another run, or another part of this one, recorded. */
  merge(records: readonly LatencyRecord[]): void {
    for (const record of records) {
      this.series(record.method, record.path, record.role, record.phase, record.since).merge(
        decodeHistogram(record.histogram),
        record.maxNs,
      );
    }
  }

  records(): readonly LatencyRecord[] {
    const records: LatencyRecord[] = [];
    for (const [method, byPath] of this.#series) {
      for (const [path, byRole] of byPath) {
        for (const [role, byPhase] of byRole) {
          for (const [phase, bySince] of byPhase) {
            for (const [since, series] of bySince) {
              if (series.histogram.totalCount > 0)
                records.push({ method, path, role, phase, since, ...figures(series) });
            }
          }
        }
      }
    }
    return records;
  }
}

function within<K, T>(map: Map<string, Map<K, T>>, name: string): Map<K, T> {
  let inner = map.get(name);
  if (inner === undefined) map.set(name, (inner = new Map<K, T>()));
  return inner;
}

function figures({ histogram, maxNs }: Series): Omit<LatencyRecord, 'method' | 'path' | 'role' | 'phase' | 'since'> {
  // A bucket answers with its upper end, which may lie above the greatest value that was seen.
  const percentile = (p: number) => Math.min(percentileNs(histogram, p), maxNs);
  return {
    count: histogram.totalCount,
    p50Ns: percentile(50),
    p90Ns: percentile(90),
    p99Ns: percentile(99),
    p999Ns: percentile(99.9),
    maxNs,
    histogram: hdr.encodeIntoCompressedBase64(histogram),
  };
}

/** The latency that `percentile` per cent of the operations did not exceed; exact to three digits. */
export function percentileNs(histogram: Histogram, percentile: number): number {
  return histogram.getValueAtPercentile(percentile) * 1_000;
}

/** Reads HdrHistogram V2 compressed base64, ours or another tool's. Throws when it is none. */
export function decodeHistogram(base64: string): Histogram {
  return hdr.decodeFromCompressedBase64(base64, 32, false);
}

/** Unpacked; ours have 212 KB at the most, and those of other tools are finer. */
const UNPACKED_MAX = 16 * 1024 * 1024;
/** Cookie and length before what is packed, the head within. */
const COVER_BYTES = 8;
const HEAD_BYTES = 40;
/** Ours have 23,552; a finer one of every number of 64 bits, with five digits, has 6.2 million. */
const CELLS_MAX = 2 ** 24;
const COUNT_MAX = 2 ** 32 - 1;

/** Whether the text is a histogram that {@link decodeHistogram} reads, and that can be added to those of a run. */
export function isHistogram(base64: string): boolean {
  try {
    // What it says of its own length is believed when it is read.
    const packed = Buffer.from(base64, 'base64').subarray(COVER_BYTES);
    const unpacked = inflateSync(packed, { maxOutputLength: UNPACKED_MAX });
    const length = unpacked.readUInt32BE(4);
    if (length > unpacked.length - HEAD_BYTES) return false;
    // So is what it says of how many zeros follow, and each of them is looked at.
    if (cellsIn(unpacked.subarray(HEAD_BYTES, HEAD_BYTES + length)) > CELLS_MAX) return false;
    empty().add(decodeHistogram(base64));
    return true;
  } catch {
    return false;
  }
}

/**
 * How many cells the counts of a V2 histogram fill: each a number of one to nine bytes, the low seven bits of each first (all eight of the
 * ninth), twice the count, or twice as many zeros as follow each other, less one. Infinity where a count is too great for ours.
 */
function cellsIn(counts: Uint8Array): number {
  let cells = 0;
  for (let at = 0; at < counts.length; ) {
    let [number, unit] = [0, 1];
    for (let i = 0; i < 9; i++, unit *= 128) {
      const byte = counts[at++] ?? 0;
      number += (i === 8 ? byte : byte & 127) * unit;
      if (byte < 128) break;
    }
    if (number > 2 * COUNT_MAX) return Number.POSITIVE_INFINITY;
    cells += number % 2 === 1 ? (number + 1) / 2 : 1;
  }
  return cells;
}
