/** Whether the values of a history are Jepsen's independent tuples, `[key, value]`, where nobody has said so. */
import type { AnyEvent, HistoryBuilder } from '../builder.ts';
import type { Value } from '../operation.ts';

/** Values that are all pairs are most likely tuples, and judging them as values of one register would be wrong. */
export class TupleDoubt {
  readonly #builder: HistoryBuilder;
  #isOpen: boolean;
  /** Line of the first pair. */
  #firstPair: number | undefined;

  /** @param independent what was said; undefined: nothing */
  constructor(builder: HistoryBuilder, independent: boolean | undefined) {
    this.#builder = builder;
    this.#isOpen = independent === undefined;
  }

  /** Whether events must still be weighed. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** Something was read that is no pair, or names its key. */
  settle(): void {
    this.#isOpen = false;
  }

  weigh({ process, key, f, value }: AnyEvent & { readonly key?: unknown }): void {
    if (!this.#isOpen || typeof process !== 'number') return;
    if (key !== undefined && key !== null) this.settle();
    if (value === null || value === undefined) return;
    const parts: readonly Value[] = Array.isArray(value) ? (value as readonly Value[]) : [];
    const isPair = parts.length === 2 && !Array.isArray(parts[0]) && (f !== 'cas' || Array.isArray(parts[1]));
    if (isPair && f !== 'readMany') this.#firstPair ??= this.#builder.line;
    else this.settle();
  }

  /** @throws BadHistory where all values were pairs */
  end(): void {
    if (!this.#isOpen || this.#firstPair === undefined) return;
    this.#builder.line = this.#firstPair;
    throw this.#builder.bad(
      'Every value is a pair, as those of independent keys are, [key value]: --independent takes them apart, ' +
        '--no-independent judges the pairs as values of one register.',
    );
  }
}
