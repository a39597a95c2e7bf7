/** Thrown when the core finds itself in a state that its protocol excludes. The node must stop: its memory is not to be trusted. */
export class InvariantViolated extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'InvariantViolated';
  }
}

export function invariant(condition: boolean, message: string): asserts condition {
  if (!condition) violated(message);
}

/** For what every entry passes: `if (…) violated(…)` makes the message only when it is needed. */
export function violated(message: string): never {
  throw new InvariantViolated(message);
}
