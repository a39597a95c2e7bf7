/** A longer way between clients and nodes: `--set client-delay-ms`. All nodes share one machine; this is what a distance would cost. */
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

export function clientDelayNs(settings: ReadonlyMap<string, string>): number {
  return Number(settings.get(NAME) ?? 0) * MILLISECOND;
}

/** The same line; what comes back, an error too, comes later. After `close` nothing does. */
export function delayed(line: Connection, clock: Clock, delayNs: number): Connection {
  if (delayNs === 0) return line;
  let closed = false;
  const later = (deliver: () => void): void =>
    void clock.timer(clock.now() + delayNs, () => {
      if (!closed) deliver();
    });
  return {
    request: (body) =>
      new Promise((resolve, reject) => {
        line.request(body).then(
          (answer) => later(() => resolve(answer)),
          (error: unknown) => later(() => reject(error instanceof Error ? error : new Error(String(error)))),
        );
      }),
    close: () => {
      closed = true;
      line.close();
    },
  };
}
