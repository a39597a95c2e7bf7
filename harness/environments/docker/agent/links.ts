/**
 * What a container does not hear: one rule in a chain of our own for each address that is cut off, in the container's own
 * network namespace. No other chain is touched but for one jump, and nothing is ever flushed.
 */
import { chain, matches } from './place.ts';
import { LOCK_S, removeChain, restore, run, transaction } from './tables.ts';

const CHAIN = chain('TM-IN');

export class Links {
  /** How many cuts are in force, by address. */
  readonly #cuts = new Map<string, number>();
  /** Packets dropped by rules that are gone. */
  readonly #before = new Map<string, number>();
  /** One change at a time. */
  #turn: Promise<unknown> = Promise.resolve();

  setUp(): Promise<unknown> {
    return restore([`:${CHAIN} - [0:0]`, `-I INPUT -j ${CHAIN}`]);
  }

  tearDown(): Promise<unknown> {
    return removeChain('INPUT', CHAIN);
  }

  cut(sources: readonly string[]): Promise<Record<string, number>> {
    return this.#change(sources, 1);
  }

  mend(sources: readonly string[]): Promise<Record<string, number>> {
    return this.#change(sources, -1);
  }

  #change(sources: readonly string[], by: 1 | -1): Promise<Record<string, number>> {
    const changed = this.#turn.then(() => this.#apply(sources, by));
    this.#turn = changed.catch(() => undefined); // whoever asked is told
    return changed;
  }

  /** Atomic: all rules change at once, or none. Resolves when the kernel's own list says that it is so. */
  async #apply(sources: readonly string[], by: 1 | -1): Promise<Record<string, number>> {
    const wanted = new Map(this.#cuts);
    for (const source of sources) wanted.set(source, Math.max(0, (wanted.get(source) ?? 0) + by));
    const turned = sources.filter((source) => isCut(wanted, source) !== isCut(this.#cuts, source));
    const { before, now } = await change(
      turned.flatMap((source) => rules(source).map((rule) => `${by === 1 ? '-A' : '-D'} ${rule}`)),
    );
    for (const [source, n] of wanted) this.#cuts.set(source, n);
    const gone = by === 1 ? [] : turned;
    for (const source of gone) this.#before.set(source, (this.#before.get(source) ?? 0) + (before.get(source) ?? 0));
    const wrong = turned.find((source) => now.has(source) !== isCut(this.#cuts, source));
    if (wrong !== undefined) throw new Error(`the rule against ${wrong} is ${by === 1 ? 'not there' : 'still there'}`);
    return Object.fromEntries(
      sources.map((source) => [source, (this.#before.get(source) ?? 0) + (now.get(source) ?? 0)]),
    );
  }
}

function isCut(cuts: ReadonlyMap<string, number>, source: string): boolean {
  return (cuts.get(source) ?? 0) > 0;
}

function rules(source: string): readonly string[] {
  return matches.map((match) => `${CHAIN} -s ${source}/32 ${match}-j DROP`);
}

const LIST = `iptables --wait ${LOCK_S} -nvxL ${CHAIN}`;
const CHANGE = `${LIST} && echo === && iptables-restore --noflush --wait ${LOCK_S} && ${LIST}`;

/** Packets that each rule has dropped, by address: before these lines are carried out, and after. One process, for speed. */
async function change(lines: readonly string[]): Promise<Record<'before' | 'now', ReadonlyMap<string, number>>> {
  const [before, now] = (await run(['sh', '-c', CHANGE], transaction(lines))).split('===');
  return { before: packets(before), now: packets(now) };
}

function packets(listed: string): ReadonlyMap<string, number> {
  // pkts bytes target prot opt in out source destination
  const rows = listed.split('\n').map((line) => line.trim().split(/\s+/));
  const counts = new Map<string, number>();
  for (const row of rows) {
    if (row[2] === 'DROP') counts.set(row[7], (counts.get(row[7]) ?? 0) + Number(row[0]));
  }
  return counts;
}
