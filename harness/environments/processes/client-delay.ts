/**
 * A longer way between clients and nodes, `--set client-delay-ms`: all nodes share one machine; this is what a distance would cost. And a
 * slower store, `--set client-stretch`: each answer takes longer by a share of what it took, so that all percentiles do.
 */
import { type Clock, MILLISECOND } from '../../../history/clock.ts';
import { BadInput } from '../../errors.ts';
import type { Setting } from '../../setting.ts';
import type { Connection } from '../environment.ts';

const NAME = 'client-delay-ms';
const MOST_MS = 10_000;

export const clientDelay: Setting = {
  name: NAME,
  about: 'how much later clients get their answers, ms (default 0)',
  check(value) {
    if (!/^\d{1,5}$/.test(value) || Number(value) > MOST_MS)
      throw new BadInput(`--set ${NAME}=${value}: a whole number from 0 to ${MOST_MS} is needed.`);
  },
};

const STRETCH = 'client-stretch';
const STRETCH_MOST = 10;

export const clientStretch: Setting = {
  name: STRETCH,
  about: 'how many times as long clients wait for their answers: 1.1 is a tenth longer (default 1)',
  check(value) {
    if (!/^\d{1,2}(\.\d{1,3})?$/.test(value) || Number(value) < 1 || Number(value) > STRETCH_MOST)
      throw new BadInput(`--set ${STRETCH}=${value}: a number from 1 to ${STRETCH_MOST} is needed, such as 1.1.`);
  },
};

export interface Delay {
  readonly delayNs: number;
  /** 1: none. */
  readonly stretch: number;
}

export function delayOf(settings: ReadonlyMap<string, string>): Delay {
  return {
    delayNs: Number(settings.get(NAME) ?? 0) * MILLISECOND,
    stretch: Number(settings.get(STRETCH) ?? 1),
  };
}

/** Timers count whole milliseconds, and a tenth of an answer is less: the last of these are waited for turn by turn. */
const CLOSE_NS = 2 * MILLISECOND;

/** The same line; what comes back, an error too, comes later. After `close` nothing does. */
export function delayed(line: Connection, clock: Clock, { delayNs, stretch }: Delay): Connection {
  if (delayNs === 0 && stretch === 1) return line;
  let closed = false;
  const at = (due: number, deliver: () => void): void => {
    const now = clock.now();
    if (stretch === 1) clock.timer(due, deliver);
    else if (now >= due) deliver();
    else clock.timer(due - now > CLOSE_NS ? due - CLOSE_NS : now, () => at(due, deliver));
  };
  const later = (asked: number, deliver: () => void): void => {
    at(asked + stretch * (clock.now() - asked + delayNs), () => {
      if (!closed) deliver();
    });
  };
  return {
    request: (body) =>
      new Promise((resolve, reject) => {
        const asked = clock.now();
        line.request(body).then(
          (answer) => later(asked, () => resolve(answer)),
          (error: unknown) => later(asked, () => reject(error instanceof Error ? error : new Error(String(error)))),
        );
      }),
    close: () => {
      closed = true;
      line.close();
    },
  };
}
