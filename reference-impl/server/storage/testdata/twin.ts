/** What a storage must give back, kept naively: the state of every group after every write. */
import { isDeepStrictEqual } from 'node:util';
import type { Dice } from './dice.ts';
import type { DiskWrite, Durable, Entry, GroupId, NodeId, Snapshot } from '../../../core/types.ts';
import { entry, snapshot } from './harness.ts';

interface State {
  readonly term: number;
  readonly votedFor: NodeId | null;
  /** Of the last snapshot that a leader sent; 0: none. */
  readonly base: number;
  /** From index `base + 1` on. */
  readonly entries: readonly Entry[];
}

const EMPTY: State = { term: 0, votedFor: null, base: 0, entries: [] };

export class Twin {
  readonly #random: Dice;
  readonly groups: readonly GroupId[];
  /** Of each group, after no write, after the first, and so on. */
  readonly #states = new Map<GroupId, State[]>();
  readonly #images = new Map<GroupId, Map<number, Snapshot>>();
  /** Of all lives. */
  readonly #everStates = new Map<GroupId, State[]>();
  readonly #everImages: Snapshot[] = [];
  writes = 0;

  constructor(random: Dice, groups: readonly GroupId[]) {
    this.#random = random;
    this.groups = groups;
    for (const group of groups) {
      this.#states.set(group, [EMPTY]);
      this.#everStates.set(group, [EMPTY]);
      this.#images.set(group, new Map());
    }
  }

  state(group: GroupId, after = this.writes): State {
    return this.#states.get(group)?.[after] ?? EMPTY;
  }

  /** Goes on from what a storage gave back. */
  restart(recovered: readonly Durable[]): void {
    this.writes = 0;
    for (const { group = 'g0', term, votedFor, snapshot: image, entries } of recovered) {
      this.#states.set(group, [{ term, votedFor, base: image?.index ?? 0, entries }]);
      this.#images.set(group, new Map(image === undefined ? [] : [[image.index, image]]));
    }
  }

  /** A write as a replica might give it. */
  next(): DiskWrite {
    const random = this.#random;
    const group = this.groups[random.below(this.groups.length)];
    const before = this.state(group);
    const last = before.base + before.entries.length;
    const ticket = ++this.writes;
    const [term, votedFor] =
      random.below(4) === 0 ? [before.term + 1, random.below(2) === 0 ? null : 'n2'] : [before.term, before.votedFor];
    const meta = term === before.term && random.below(2) === 0 ? undefined : { term, votedFor };
    let base = before.base;
    let kept = before.entries;
    let write: DiskWrite = { group, ticket, ...meta };
    const floor = this.#floor(group, base);
    if (random.below(15) === 0) {
      base = last + random.between(1, 9);
      const image = snapshot(base, Math.max(1, term), random.between(1, 30));
      this.#images.get(group)?.set(base, image);
      this.#everImages.push(image);
      kept = [];
      write = { ...write, snapshot: image };
    } else if (random.below(5) === 0 && last > floor) {
      const from = random.between(floor + 1, last);
      kept = kept.slice(0, from - 1 - base);
      write = { ...write, truncateFrom: from };
    }
    const first = base + kept.length + 1;
    const count = random.below(3) === 0 ? 0 : random.between(1, 12);
    const entries = Array.from({ length: count }, (_, i) => this.#entry(first + i, Math.max(1, term)));
    if (count > 0) write = { ...write, entries };
    for (const other of this.groups) {
      const next =
        other === group ? { term, votedFor, base, entries: [...kept, ...entries] } : this.state(other, ticket - 1);
      this.#states.get(other)?.push(next);
      this.#everStates.get(other)?.push(next);
    }
    return write;
  }

  /** An image of some committed state, for `Storage.snapshot`; undefined where nothing is there. */
  image(group: GroupId): Snapshot | undefined {
    const { base, entries } = this.state(group);
    const floor = this.#floor(group, base);
    const last = base + entries.length;
    if (last <= floor) return undefined;
    const index = this.#random.between(floor + 1, last);
    const image = snapshot(index, entries[index - base - 1].term, this.#random.between(1, 30));
    this.#images.get(group)?.set(index, image);
    this.#everImages.push(image);
    return image;
  }

  /** How many writes what was recovered holds: the highest number that fits all groups; undefined: it is no prefix. */
  prefixOf(recovered: readonly Durable[]): number | undefined {
    for (let writes = this.writes; writes >= 0; writes--) {
      if (recovered.every((durable) => this.#fits(durable, writes))) return writes;
    }
    return undefined;
  }

  /** Whether it holds every write of its group. */
  complete(durable: Durable): boolean {
    return this.#fits(durable, this.writes);
  }

  /** Why what is said to be damaged could not have come from what was written; undefined: it could. */
  foreign(durable: Durable): string | undefined {
    const states = this.#everStates.get(durable.group ?? 'g0') ?? [];
    const { snapshot: image, entries, term } = durable;
    if (!states.some((state) => state.term === term && state.votedFor === durable.votedFor)) return 'its vote';
    if (image !== undefined && !this.#everImages.some((known) => isDeepStrictEqual(known, image)))
      return 'its snapshot';
    const from = (image?.index ?? 0) + 1;
    const isRun = states.some(
      (state) =>
        state.base < from &&
        isDeepStrictEqual(entries, state.entries.slice(from - 1 - state.base).slice(0, entries.length)),
    );
    return entries.length === 0 || isRun ? undefined : 'its entries';
  }

  /** Below it everything is committed: an image was made of it. */
  #floor(group: GroupId, base: number): number {
    return Math.max(base, ...(this.#images.get(group)?.keys() ?? []));
  }

  #entry(index: number, term: number): Entry {
    const made = entry(index, term, 'x'.repeat(this.#random.below(60)));
    switch (this.#random.below(6)) {
      case 0:
        return { ...made, command: { type: 'noop' } };
      case 1:
        return { ...made, command: { type: 'cas', key: index, expected: null, next: { ключ: [1.5, -7, true] } } };
      case 2:
        return { ...made, command: { type: 'members', members: { voters: ['n1', 'n2'], learners: ['n3'] } } };
      case 3:
        return { ...made, origin: { client: 'c1', sequence: index }, stampMs: 1_700_000_000_000 + index };
      case 4:
        return { ...made, after: [{ group: 'g1', term, index }] };
      default:
        return made;
    }
  }

  #fits(durable: Durable, writes: number): boolean {
    const group = durable.group ?? 'g0';
    const state = this.state(group, writes);
    if (durable.term !== state.term || durable.votedFor !== state.votedFor) return false;
    const from = durable.snapshot?.index ?? 0;
    // This life began with an image at `base`, and it may have been damaged since: then the one before it goes on.
    if (from < state.base && state.base === this.#states.get(group)?.[0]?.base) {
      const image = durable.snapshot;
      if (image !== undefined && !this.#everImages.some((known) => isDeepStrictEqual(known, image))) return false;
      return isDeepStrictEqual(durable.entries.slice(state.base - from), state.entries);
    }
    if (from < state.base || from > state.base + state.entries.length) return false;
    if (durable.snapshot !== undefined && !this.#isKnown(durable)) return false;
    return isDeepStrictEqual(durable.entries, state.entries.slice(from - state.base));
  }

  #isKnown({ group = 'g0', snapshot: image }: Durable): boolean {
    return image !== undefined && isDeepStrictEqual(image, this.#images.get(group)?.get(image.index));
  }
}
