/** What a check may cost: time and memory, as typed, as kept and as said. */
import { MILLISECOND } from '../history/clock.ts';
import { BadInput } from './errors.ts';
import { duration } from './table.ts';

export interface Limits {
  readonly ms: number;
  /** Of the whole process, resident. */
  readonly bytes: number;
}

export const defaultLimits: Limits = { ms: 60_000, bytes: 4e9 };

const millisecondsPer: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  μs: 1e-3,
  ms: 1,
  s: 1_000,
  m: 60_000,
  min: 60_000,
  h: 3_600_000,
};
const bytesPer: Readonly<Record<string, number>> = {
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
  kib: 2 ** 10,
  mib: 2 ** 20,
  gib: 2 ** 30,
};

/**
 * `500ms`, `2s`, `1.5m`: milliseconds.
 *
 * @throws BadInput
 */
export function parseTime(flag: string, text: string): number {
  const [, digits = '', unit = ''] = /^\s*(\d{1,9}(?:\.\d+)?)\s*([a-zA-Zµμ]+)\s*$/.exec(text) ?? [];
  const per = millisecondsPer[unit.toLowerCase()];
  if (digits === '' || per === undefined) throw new BadInput(`${flag} takes a time, as in 500ms or 2s; not '${text}'.`);
  return Number(digits) * per;
}

/**
 * `10s`, `500MB` or both, in any order; what is not said is as by default.
 *
 * @throws BadInput
 */
export function parseLimits(text: string): Limits {
  let { ms, bytes } = defaultLimits;
  for (const part of text.split(',')) {
    const [, digits = '', unit = ''] = /^\s*(\d+(?:\.\d+)?)\s*([a-zA-Z]+)\s*$/.exec(part) ?? [];
    const amount = Number(digits);
    const time = millisecondsPer[unit.toLowerCase()];
    const memory = bytesPer[unit.toLowerCase()];
    if (digits !== '' && amount > 0 && time !== undefined) ms = amount * time;
    else if (digits !== '' && amount > 0 && memory !== undefined) bytes = amount * memory;
    else throw new BadInput(`--budget takes time, memory or both, as in 10s,500MB; not '${text}'.`);
  }
  return { ms, bytes };
}

export function spentTime({ ms }: Limits): string {
  return `${duration(ms * MILLISECOND)} spent`;
}

export function spentMemory({ bytes }: Limits): string {
  return bytes >= 1e9 ? `${Number((bytes / 1e9).toFixed(1))} GB spent` : `${Number((bytes / 1e6).toFixed(1))} MB spent`;
}
