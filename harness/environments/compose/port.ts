import { connect } from 'node:net';
import { MILLISECOND, realClock, SECOND } from '../../../history/clock.ts';

const clock = realClock();
/** A connection that stands for so long is one to the store. */
const HELD_NS = 300 * MILLISECOND;

/** Whether somebody listens at `host:port`. A port that the engine publishes takes connections before anybody listens behind it, and cuts them off then. */
export function answers(address: string): Promise<boolean> {
  const at = address.lastIndexOf(':');
  return new Promise((resolve) => {
    const socket = connect({ host: address.slice(0, at), port: Number(address.slice(at + 1)) });
    let cancel = clock.timer(clock.now() + SECOND, () => end(false));
    const end = (said: boolean): void => {
      cancel();
      socket.destroy();
      resolve(said);
    };
    socket.once('connect', () => {
      cancel();
      cancel = clock.timer(clock.now() + HELD_NS, () => end(true));
    });
    socket.once('data', () => end(true));
    for (const event of ['error', 'end', 'close']) socket.once(event, () => end(false));
  });
}
