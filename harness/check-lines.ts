/** A file or stream of a history a line: each is judged by itself, as it comes. */
import { printable } from '../checkers/explain/labels.ts';
import { BadHistory } from '../history/bad-history.ts';
import { type Clock, MILLISECOND } from '../history/clock.ts';
import type { Source } from '../history/codec/source.ts';
import { type BatchLine, batchLines } from './check-batch.ts';
import type { Io } from './command.ts';
import { BAD_INPUT, type ExitCode, UNDECIDED } from './errors.ts';
import { type Limits, spentTime } from './limits.ts';

/** Waits for what somebody else writes: as long as it may be judged for, and not after an interrupt. */
export class Patience {
  readonly #clock: Clock;
  readonly #limits: Limits;
  #isEnded = false;
  #wake = (): void => undefined;

  constructor(clock: Clock, limits: Limits) {
    this.#clock = clock;
    this.#limits = limits;
  }

  get isEnded(): boolean {
    return this.#isEnded;
  }

  /** How long it was waited, in words. */
  get spent(): string {
    return spentTime(this.#limits);
  }

  end(): void {
    this.#isEnded = true;
    this.#wake();
  }

  /** Undefined: it did not come in time. */
  async wait<T>(coming: Promise<T>): Promise<T | undefined> {
    const clock = this.#clock;
    let cancel = (): void => undefined;
    const late = new Promise<undefined>((resolve) => {
      this.#wake = () => resolve(undefined);
      cancel = clock.timer(clock.now() + this.#limits.ms * MILLISECOND, this.#wake);
    });
    return await Promise.race([coming, late]).finally(() => cancel());
  }
}

/** @param judge tells what comes of a line by itself */
export async function judgeLines(
  file: string,
  source: Source,
  patience: Patience,
  judge: (name: string, line: BatchLine) => Promise<ExitCode>,
  io: Io,
): Promise<ExitCode[]> {
  const lines = batchLines(source);
  const codes: ExitCode[] = [];
  try {
    while (!patience.isEnded) {
      const next = await patience.wait(lines.next());
      if (next === undefined && !patience.isEnded) {
        io.err(
          `tidemark: ${printable(file)}: ${patience.spent} waiting for the next line; what follows is undecided\n`,
        );
        codes.push(UNDECIDED);
      }
      if (next === undefined || next.done === true) break;
      codes.push(await judge(`${file}:${next.value.line}`, next.value));
      await io.drained();
    }
  } catch (error) {
    const reason = error instanceof BadHistory ? error.reason : `This could not be read: ${(error as Error).message}.`;
    io.err(`tidemark: ${printable(`${file}: ${reason}`)}\n`);
    codes.push(BAD_INPUT);
  }
  return codes;
}
