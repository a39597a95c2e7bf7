/** The store's disk, as the store sees it: slow to sync, or full. See docker/runtime/shims/tm-io.c, which the store is started with. */
import { existsSync, readFileSync, mkdirSync, openSync, readSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { place } from './place.ts';
import type { DiskFault, Suffered } from './protocol.ts';

const FILE = `${place.folder}/io`;
const SHIM = `${place.shims}/tm-io.so`;
const FIELDS = 4;
const [SYNC_NS, FULL, SYNCS_DELAYED, WRITES_REFUSED] = [0, 1, 2, 3];

export class Disk {
  /** By the harness's number for them. */
  readonly #faults = new Map<number, DiskFault>();
  readonly #file: number;

  constructor() {
    mkdirSync(dirname(FILE), { recursive: true });
    this.#file = openSync(FILE, 'w+');
    writeSync(this.#file, Buffer.alloc(FIELDS * 8), 0, FIELDS * 8, 0);
  }

  /** What the store has to be started with. Node's file calls do without io_uring, which would pass by. */
  static readonly env: Readonly<Record<string, string>> = existsSync(SHIM)
    ? { LD_PRELOAD: SHIM, TM_IO: FILE, UV_USE_IO_URING: '0' }
    : {};

  /** Undefined: the fault of this number is over. `pid`: the store's, if it is up; throws where it passes by the C library. */
  set(id: number, fault: DiskFault | undefined, pid: number | undefined): Suffered {
    if (fault !== undefined && pid !== undefined && !readFileSync(`/proc/${pid}/maps`, 'latin1').includes(SHIM)) {
      throw new Error('the store has not loaded tm-io.so, and would not notice');
    }
    if (fault === undefined) this.#faults.delete(id);
    else this.#faults.set(id, fault);
    const all = [...this.#faults.values()];
    this.#write(SYNC_NS, BigInt(Math.round(all.reduce((sum, { syncDelayNs }) => sum + syncDelayNs, 0))));
    this.#write(FULL, all.some(({ full }) => full) ? 1n : 0n);
    return { syncsDelayed: Number(this.#read(SYNCS_DELAYED)), writesRefused: Number(this.#read(WRITES_REFUSED)) };
  }

  /** In words, for comparison. */
  get state(): string {
    return `syncs take ${this.#read(SYNC_NS)} ns longer, ${this.#read(FULL) === 0n ? 'there is room' : 'there is no room'}`;
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
