/** The store's clocks, as the store sees them: off, fast or slow. See docker/runtime/shims/tm-clock.c, which the store is started with. */
import { execFile } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, readSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { machineNs, MILLISECOND, realClock, SECOND, wallTime } from '../../../../history/clock.ts';
import { stateOf } from '../../real/node-process.ts';
import { place } from './place.ts';
import type { ClockSkew, Misled } from './protocol.ts';

const FILE = `${place.folder}/clock`;
const PROBE_FILE = `${place.folder}/clock.probe`;
const SHIM = `${place.shims}/tm-clock.so`;
/** As in tm-clock.c. */
const [CHANGING, SHIFTED, RATED, WAITS, READINGS, FIELDS] = [0, 37, 38, 39, 40, 41];
const SHIFTS_MAX = 8;
/** However many faults add up, time goes on: a tenth of the true rate at least. */
const PPM_LEAST = -900_000;
/** A store looks at its clock more often than that. */
const NOTICED_NS = SECOND;
const PROBE_MS = 10_000;

const clock = realClock();

interface InForce extends ClockSkew {
  readonly since: bigint;
}

export class Clocks {
  /** By the harness's number for them. */
  readonly #skews = new Map<number, InForce>();
  readonly #file: number;
  /** What is added to the monotonic clock at the instant `since`, and the rate from then on. */
  #mono = { added: 0n, since: 0n, ppm: 0n };
  #changes = 0n;

  constructor(path: string = FILE) {
    mkdirSync(dirname(path), { recursive: true });
    this.#file = openSync(path, 'w+');
    writeSync(this.#file, Buffer.alloc(FIELDS * 8), 0, FIELDS * 8, 0);
  }

  /** What the store has to be started with. */
  static readonly env: Readonly<Record<string, string>> = existsSync(SHIM) ? { LD_PRELOAD: SHIM, TM_CLOCK: FILE } : {};

  /**
   * Undefined: the skew of this number is over. `pid`: the store's, if it is up. Resolves when it has looked at its clock since;
   * rejects where it does not ask the C library for the time.
   */
  async set(id: number, skew: ClockSkew | undefined, pid: number | undefined): Promise<Misled> {
    if (skew !== undefined && pid !== undefined && !readFileSync(`/proc/${pid}/maps`, 'latin1').includes(SHIM)) {
      throw new Error('the store has not loaded tm-clock.so, and would not notice');
    }
    if (skew !== undefined && this.#skews.size === SHIFTS_MAX) {
      throw new Error(`${SHIFTS_MAX} clock faults are in force: there is no room for one more`);
    }
    const before = this.#read(READINGS);
    this.#apply(id, skew);
    if (skew !== undefined && pid !== undefined && !(await this.#noticed(before, pid))) {
      this.#apply(id, undefined);
      throw new Error('the store does not ask the C library for the time, and would not notice');
    }
    return {
      shifted: Number(this.#read(SHIFTED)),
      rated: Number(this.#read(RATED)),
      waits: Number(this.#read(WAITS)),
    };
  }

  /** In words, for comparison. */
  get state(): string {
    const rate = `clocks run ${this.#read(3)} ppm fast`;
    return `${rate}, ${this.#read(4)} shifts of the wall clock`;
  }

  #apply(id: number, skew: ClockSkew | undefined): void {
    const now = machineNs();
    if (skew === undefined) this.#skews.delete(id);
    else this.#skews.set(id, { ...skew, since: this.#skews.get(id)?.since ?? now });
    const all = [...this.#skews.values()];
    const { added, since, ppm } = this.#mono;
    const drift = all.reduce((sum, { driftPpm }) => sum + driftPpm, 0);
    this.#mono = {
      added: added + ((now - since) * ppm) / 1_000_000n,
      since: now,
      ppm: BigInt(Math.round(Math.max(PPM_LEAST, drift))),
    };
    const shifts = all.map((one) => [
      BigInt(Math.round(one.offsetNs)),
      BigInt(Math.round(one.driftPpm)),
      one.since,
      BigInt(Math.round(one.strobeNs ?? 0)),
    ]);
    this.#write([this.#mono.added, this.#mono.since, this.#mono.ppm, BigInt(all.length), ...shifts.flat()]);
  }

  /** A stopped process will notice when it goes on. */
  async #noticed(before: bigint, pid: number): Promise<boolean> {
    const deadline = clock.now() + NOTICED_NS;
    while (this.#read(READINGS) === before) {
      if ('TX'.includes(stateOf(pid))) return true;
      if (clock.now() > deadline) return false;
      await clock.sleepUntil(clock.now() + MILLISECOND);
    }
    return true;
  }

  #read(field: number): bigint {
    const bytes = Buffer.alloc(8);
    readSync(this.#file, bytes, 0, 8, field * 8);
    return bytes.readBigInt64LE();
  }

  /** Readers look again when the first number has changed meanwhile, or is odd. */
  #write(numbers: readonly bigint[]): void {
    const bytes = Buffer.alloc(numbers.length * 8);
    numbers.forEach((n, i) => bytes.writeBigInt64LE(n, i * 8));
    this.#turn();
    writeSync(this.#file, bytes, 0, bytes.length, 8);
    this.#turn();
  }

  #turn(): void {
    const bytes = Buffer.alloc(8);
    bytes.writeBigInt64LE(++this.#changes);
    writeSync(this.#file, bytes, 0, 8, CHANGING * 8);
  }

  close(): void {
    closeSync(this.#file);
  }
}

/** Whether this program has a loader that can be told to load something first; a static one has none. */
export function isStatic(program: string): boolean {
  const bytes = readFileSync(program);
  const elf = bytes.length > 64 && bytes.readUInt32BE(0) === 0x7f454c46;
  if (!elf || bytes[4] !== 2) return false; // a script, or of 32 bits: what it does is seen when it is asked
  const at = Number(bytes.readBigUInt64LE(32));
  const [size, count] = [bytes.readUInt16LE(54), bytes.readUInt16LE(56)];
  const INTERPRETER = 3;
  return !Array.from({ length: count }, (_, i) => bytes.readUInt32LE(at + i * size)).includes(INTERPRETER);
}

/**
 * Why this program does not follow a clock that is off; undefined: it does. `ask`: arguments with which it prints its time of
 * day, milliseconds since 1970.
 */
export async function followsNot(program: string, ask: readonly string[]): Promise<string | undefined> {
  const path = (process.env['PATH'] ?? '')
    .split(':')
    .map((folder) => `${folder}/${program}`)
    .find((candidate) => existsSync(candidate));
  if (path === undefined) return `there is no ${program}`;
  if (!existsSync(SHIM)) return `there is no ${SHIM}`;
  if (isStatic(path)) return `${program} is a static program, which no library can tell another time`;
  const clocks = new Clocks(PROBE_FILE);
  try {
    await clocks.set(1, { offsetNs: 3600 * SECOND, driftPpm: 0 }, undefined);
    const said = await new Promise<string>((resolve, reject) => {
      const env = { ...process.env, ...Clocks.env, TM_CLOCK: PROBE_FILE };
      execFile(path, [...ask], { env, timeout: PROBE_MS }, (error, stdout) =>
        error === null ? resolve(stdout) : reject(error),
      );
    });
    const offMs = Number(said) - wallTime().getTime();
    // Its own start takes its time.
    return Math.abs(offMs - 3_600_000) < PROBE_MS
      ? undefined
      : `${program}'s clock did not follow: it is ${offMs} ms off`;
  } catch (error) {
    return `${program} could not be asked for the time: ${(error as Error).message}`;
  } finally {
    clocks.close();
  }
}
