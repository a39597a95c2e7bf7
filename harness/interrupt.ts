/** Control-C: once asks the work in hand to end well, twice leaves at once. */
import { HARNESS_FAILED } from './errors.ts';

export interface Interrupt {
  readonly asked: boolean;
  /** Stops listening. */
  end(): void;
}

export function onInterrupt(say: (text: string) => void): Interrupt {
  let asked = false;
  const listen = (): void => {
    if (asked) process.exit(HARNESS_FAILED);
    asked = true;
    say('\ntidemark: stopping; healing, judging and saving what there is. Control-C again leaves at once.\n');
  };
  process.on('SIGINT', listen);
  process.on('SIGTERM', listen);
  return {
    get asked() {
      return asked;
    },
    end: () => {
      process.off('SIGINT', listen);
      process.off('SIGTERM', listen);
    },
  };
}
