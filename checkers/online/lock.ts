/**
 * Locks while the history is made. Who acquires a lock that another holds is suspected at once, unless that other one has something open
 * by which it may let go: then, as soon as all of that turned out otherwise. Tokens are compared as they are given.
 */
import { entry, type Growing } from '../../history/growing.ts';
import { INFO, NONE, OK } from '../../history/history.ts';
import { methodCode } from '../collections/elements.ts';
import type { Suspecting } from './confirming.ts';

const ACQUIRE = methodCode('acquire');
const RELEASE = methodCode('release');

class Lock {
  /** Acquisitions that may be held still. */
  held: number[] = [];
  greatest = Number.NEGATIVE_INFINITY;
  /** By token, who was given it last. */
  readonly given = new Map<number, number>();
}

/** Two holders, unless one of these operations, open then, made the first one let go. */
interface Doubt {
  readonly key: number;
  readonly open: Set<number>;
}

export class LockStream implements Suspecting {
  suspects = false;
  readonly #growing: Growing;
  readonly #locks: Lock[] = [];
  readonly #open = new Map<string, Set<number>>();
  /** By row, for open acquires: the greatest token there was. */
  readonly #greatestAtCall = new Map<number, number>();
  #doubts: Doubt[] = [];

  constructor(growing: Growing) {
    this.#growing = growing;
  }

  invoked(row: number): void {
    const { f, key } = this.#growing.columns;
    const holder = this.#holder(row);
    const open = this.#open.get(holder);
    if (open === undefined) this.#open.set(holder, new Set([row]));
    else open.add(row);
    if (f[row] === ACQUIRE) this.#greatestAtCall.set(row, this.#lock(key[row]).greatest);
  }

  completed(row: number): void {
    const { f, key, outcome } = this.#growing.columns;
    const holder = this.#holder(row);
    this.#open.get(holder)?.delete(row);
    const isGone = outcome[row] === INFO;
    const releases = f[row] === RELEASE && outcome[row] === OK ? key[row] : NONE;
    if (isGone) for (const lock of this.#locks) this.#letGo(lock, holder, row);
    else if (releases !== NONE) this.#letGo(this.#lock(releases), holder, row);
    if (this.#doubts.length > 0) this.#settle(row, isGone, releases);
    if (f[row] === ACQUIRE && outcome[row] === OK) this.#acquired(row, holder);
    this.#greatestAtCall.delete(row);
  }

  #letGo(lock: Lock | undefined, holder: string, row: number): void {
    const { call, ret } = this.#growing.columns;
    if (lock === undefined || lock.held.length === 0) return;
    lock.held = lock.held.filter((other) => ret[other] > call[row] || this.#holder(other) !== holder);
  }

  #settle(row: number, isGone: boolean, releases: number): void {
    this.#doubts = this.#doubts.filter(({ key, open }) => {
      if (!open.delete(row)) return true;
      if (isGone || releases === key) return false;
      if (open.size === 0) this.suspects = true;
      return open.size > 0;
    });
  }

  #acquired(row: number, holder: string): void {
    const { key, ret, call, value } = this.#growing.columns;
    const lock = this.#lock(key[row]);
    const held = lock.held.filter((other) => this.#holder(other) === holder);
    for (const other of lock.held) {
      const by = this.#holder(other);
      if (by === holder) continue;
      const open = new Set([...(this.#open.get(by) ?? [])].filter((one) => call[one] > ret[other]));
      if (open.size === 0) this.suspects = true;
      else this.#doubts.push({ key: key[row], open });
    }
    // What was open when the lock was held already may turn out to have let go of that first hold.
    if (held.length === 0 || (this.#open.get(holder)?.size ?? 0) > 0) lock.held.push(row);
    const token = this.#growing.values.get(value[row]);
    if (typeof token !== 'number') return;
    const same = lock.given.get(token);
    if (same === undefined) {
      if ((this.#greatestAtCall.get(row) ?? Number.NEGATIVE_INFINITY) > token) this.suspects = true;
    } else if (held.length > 0 && this.#holder(same) === holder && ret[same] >= ret[held[0]]) return;
    else this.suspects = true;
    lock.given.set(token, row);
    if (token > lock.greatest) lock.greatest = token;
  }

  #lock(key: number): Lock {
    return (this.#locks[key] ??= new Lock());
  }

  #holder(row: number): string {
    const { session, process } = this.#growing.columns;
    const one = entry(session, row, NONE);
    return one === NONE ? `process ${process[row]}` : `session ${one}`;
  }
}
