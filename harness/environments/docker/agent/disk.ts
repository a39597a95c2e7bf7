/** The store's disk, as the store sees it: slow, stalled, full, failing. See docker/runtime/shims/tm-io.c, which the store is started with. */
import { existsSync, readFileSync, mkdirSync, openSync, readSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { Journal } from './journal.ts';
import { place } from './place.ts';
import type { DiskFault, Suffered } from './protocol.ts';

const FILE = `${place.folder}/io`;
const JOURNAL = `${place.folder}/journal`;
const SHIM = `${place.shims}/tm-io.so`;
/** As in tm-io.c. */
const FIELDS = 16;
const [SYNC_NS, FULL, SYNCS_DELAYED, WRITES_REFUSED, STALLED, STALLS] = [0, 1, 2, 3, 4, 5];
const [FAIL_READS, READS_FAILED, FAIL_WRITES, WRITES_FAILED] = [6, 7, 8, 9];
const MILLION = 1_000_000;

export class Disk {
  /** What a power cut takes. */
  readonly journal: Journal;
  /** By the harness's number for them. */
  readonly #faults = new Map<number, DiskFault>();
  readonly #file: number;

  constructor() {
    mkdirSync(dirname(FILE), { recursive: true });
    this.#file = openSync(FILE, 'w+');
    writeSync(this.#file, Buffer.alloc(FIELDS * 8), 0, FIELDS * 8, 0);
    this.journal = new Journal(JOURNAL);
  }

  /** What the store has to be started with. Node's file calls do without io_uring, which would pass by. */
  static readonly env: Readonly<Record<string, string>> = existsSync(SHIM)
    ? { LD_PRELOAD: SHIM, TM_IO: FILE, TM_IO_JOURNAL: JOURNAL, UV_USE_IO_URING: '0' }
    : {};

  /** Throws where the store, if it is up, passes by the C library. */
  mustReach(pid: number | undefined): void {
    if (pid !== undefined && !readFileSync(`/proc/${pid}/maps`, 'latin1').includes(SHIM)) {
      throw new Error('the store has not loaded tm-io.so, and would not notice');
    }
  }

  /** Undefined: the fault of this number is over. `pid`: the store's, if it is up; throws where it passes by the C library. */
  set(id: number, fault: DiskFault | undefined, pid: number | undefined): Suffered {
    if (fault !== undefined) this.mustReach(pid);
    if (fault === undefined) this.#faults.delete(id);
    else this.#faults.set(id, fault);
    const all = [...this.#faults.values()];
    this.#write(SYNC_NS, BigInt(Math.round(all.reduce((sum, { syncDelayNs }) => sum + syncDelayNs, 0))));
    this.#write(FULL, all.some(({ full }) => full) ? 1n : 0n);
    this.#write(STALLED, all.some(({ stalled }) => stalled === true) ? 1n : 0n);
    this.#write(FAIL_READS, worst(all.map(({ failReads = 0 }) => failReads)));
    this.#write(FAIL_WRITES, worst(all.map(({ failWrites = 0 }) => failWrites)));
    return {
      syncsDelayed: Number(this.#read(SYNCS_DELAYED)),
      writesRefused: Number(this.#read(WRITES_REFUSED)),
      stalls: Number(this.#read(STALLS)),
      readsFailed: Number(this.#read(READS_FAILED)),
      writesFailed: Number(this.#read(WRITES_FAILED)),
    };
  }

  /** In words, for comparison. */
  get state(): string {
    const words = [`syncs take ${this.#read(SYNC_NS)} ns longer`];
    words.push(this.#read(FULL) === 0n ? 'there is room' : 'there is no room');
    if (this.#read(STALLED) !== 0n) words.push('it is stalled');
    if (this.#read(FAIL_READS) !== 0n) words.push('reads fail');
    if (this.#read(FAIL_WRITES) !== 0n) words.push('writes fail');
    return words.join(', ');
  }

  #read(field: number): bigint {
    const bytes = Buffer.alloc(8);
    readSync(this.#file, bytes, 0, 8, field * 8);
    return bytes.readBigUInt64LE();
  }

  #write(field: number, value: bigint): void {
    const bytes = Buffer.alloc(8);
    bytes.writeBigUInt64LE(value);
    writeSync(this.#file, bytes, 0, 8, field * 8);
  }
}

/** Of a million. */
function worst(shares: readonly number[]): bigint {
  return BigInt(Math.round(Math.max(0, ...shares) * MILLION));
}
