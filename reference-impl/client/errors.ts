/** How a request can fail: definitely, or so that nobody knows. */
import type { RefusalCode } from '../core/types.ts';

/** Beside what nodes say: nobody could be reached; nobody answered a read in time; the caller gave up; the client was closed. */
export type RefusedBecause = RefusalCode | 'CONNECTION_REFUSED' | 'NO_ANSWER' | 'CANCELLED' | 'CLOSED';

/** Definite: the request has had no effect and never will. */
export class RefusedByStore extends Error {
  readonly code: RefusedBecause;
  constructor(code: RefusedBecause) {
    super(code);
    this.name = 'RefusedByStore';
    this.code = code;
  }
}

/** It may have happened, or may yet. */
export class Indeterminate extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'Indeterminate';
  }
}

/*
 * One error serves every request that meets the same fate: errors say nothing but their message, of which there are few,
 * and to take a stack trace costs more than the request did. A cluster without a leader refuses by the thousand.
 */
const refusals = new Map<string, RefusedByStore>();
const doubts = new Map<string, Indeterminate>();

export function refusal(code: RefusedBecause): RefusedByStore {
  const error = refusals.get(code) ?? new RefusedByStore(code);
  refusals.set(code, error);
  return error;
}

export function doubt(message: string): Indeterminate {
  const error = doubts.get(message) ?? new Indeterminate(message);
  doubts.set(message, error);
  return error;
}
