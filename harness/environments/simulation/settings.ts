/** What can be set of the simulated world: `--set key=value`. */
import { MICROSECOND, MILLISECOND } from '../../../history/clock.ts';
import { BadInput } from '../../errors.ts';
import type { Setting } from '../../setting.ts';

export interface World {
  readonly regions: number;
  /** Multiplies every latency, of clients and between nodes. */
  readonly latency: number;
  readonly loss: number;
  readonly duplicate: number;
  readonly reorder: number;
  readonly syncMinNs: number;
  readonly syncMaxNs: number;
  readonly cpuNs: number;
  readonly clockOffsetNsMax: number;
  readonly clockDriftPpmMax: number;
}

interface NumberSetting extends Setting {
  readonly initial: number;
  readonly unitNs: number;
}

function number(name: string, initial: number, low: number, high: number, about: string, unitNs = 1): NumberSetting {
  const check = (value: string): void => {
    const n = Number(value);
    if (value.trim() === '' || !(n >= low && n <= high)) {
      throw new BadInput(`--set ${name}=${value}: a number from ${low} to ${high} is needed.`);
    }
    if (name === 'regions' && !Number.isInteger(n))
      throw new BadInput(`--set ${name}=${value}: a whole number is needed.`);
  };
  return { name, about: `${about} (${initial})`, check, initial, unitNs };
}

const all = {
  regions: number('regions', 3, 1, 6, 'regions that nodes and clients are spread over'),
  latency: number('latency', 1, 0, 100, 'factor on every network latency'),
  loss: number('loss', 0.0005, 0, 1, 'probability that a message between nodes is lost'),
  duplicate: number('duplicate', 0.0005, 0, 1, 'probability that a message between nodes arrives twice'),
  reorder: number('reorder', 0.001, 0, 1, 'probability that a message between nodes is overtaken by later ones'),
  syncMin: number('sync-min', 0.2, 0, 10_000, 'shortest time of a disk sync, ms', MILLISECOND),
  syncMax: number('sync-max', 2, 0, 10_000, 'longest time of a disk sync, ms', MILLISECOND),
  cpu: number('cpu', 20, 0, 1_000_000, 'time a node works on one message, µs', MICROSECOND),
  clockOffset: number('clock-offset', 500, 0, 1e9, "bound on how far nodes' clocks are apart, ms", MILLISECOND),
  clockDrift: number('clock-drift', 100, 0, 500_000, 'bound on how fast or slow nodes’ clocks run, ppm'),
};

export const settings: readonly Setting[] = Object.values(all);

/** The world that these settings describe; settings of other owners are passed over. Throws what `check` throws. */
export function world(given: ReadonlyMap<string, string>): World {
  const value = ({ name, check, initial, unitNs }: NumberSetting): number => {
    const text = given.get(name);
    if (text !== undefined) check(text);
    const n = (text === undefined ? initial : Number(text)) * unitNs;
    return unitNs === 1 ? n : Math.round(n);
  };
  const syncMinNs = value(all.syncMin);
  const syncMaxNs = value(all.syncMax);
  if (syncMinNs > syncMaxNs) throw new BadInput('--set sync-min is greater than sync-max.');
  return {
    regions: value(all.regions),
    latency: value(all.latency),
    loss: value(all.loss),
    duplicate: value(all.duplicate),
    reorder: value(all.reorder),
    syncMinNs,
    syncMaxNs,
    cpuNs: value(all.cpu),
    clockOffsetNsMax: value(all.clockOffset),
    clockDriftPpmMax: value(all.clockDrift),
  };
}
