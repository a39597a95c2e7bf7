/** A transaction, statement by statement over one connection: other clients come between, as they do with its users. */
import { Refused, type Step } from '../../history/store.ts';
import { fromText, toText } from '../stores/client.ts';
import { type Line, literalOf, quoted, refusalIn } from './line.ts';

/** The server has undone it, and the connection is as good as before. */
export class Undone extends Refused {}

export interface Manner {
  readonly isolation: string;
  /** Whom it is meant for. */
  readonly role: 'leader' | 'follower';
  readonly writes: boolean;
}

type Row = Readonly<Record<string, unknown>>;

export class Transaction {
  readonly #line: Line;
  readonly #manner: Manner;

  constructor(line: Line, manner: Manner) {
    this.#line = line;
    this.#manner = manner;
  }

  async run(steps: readonly Step[]): Promise<readonly Step[]> {
    const found: Step[] = [];
    try {
      await this.#line.sql.unsafe(`begin isolation level ${this.#level} ${this.#manner.writes ? '' : 'read only'}`);
      for (const step of steps) found.push(await this.#step(step));
    } catch (error) {
      await this.#undo(error);
    }
    await this.#commit();
    return found;
  }

  /** A hot standby offers no serializable: what its documentation has its users take instead. */
  get #level(): string {
    const { isolation, role } = this.#manner;
    return isolation === 'serializable' && role === 'follower' ? 'repeatable read' : isolation.replace('-', ' ');
  }

  async #step([f, key, value]: Step): Promise<Step> {
    const { sql } = this.#line;
    if (f === 'w') {
      await sql.unsafe(`insert into kv (k, v) values (${literalOf(key)}, ${quoted(toText(value))})
        on conflict (k) do update set v = excluded.v`);
      return [f, key, value];
    }
    const [row] = (await sql.unsafe(`select pg_is_in_recovery() as recovering,
      (select v from kv where k = ${literalOf(key)}) as v`)) as readonly Row[];
    if (row['recovering'] !== (this.#manner.role === 'follower')) throw new Refused('ROLE_CHANGED');
    return [f, key, fromText(row['v'] as string | null)];
  }

  /** Its commit was not sent, and never will be: the server undoes it, if only since its client is gone. */
  async #undo(error: unknown): Promise<never> {
    const why = refusalIn(error);
    const code = why instanceof Refused ? why.code : 'NOT_COMMITTED';
    throw code !== 'ROLE_CHANGED' && (await this.#isRolledBack()) ? new Undone(code) : new Refused(code);
  }

  /** Whether the connection can be used further. */
  async #isRolledBack(): Promise<boolean> {
    try {
      await this.#line.sql.unsafe('rollback');
      return true;
    } catch {
      return false;
    }
  }

  async #commit(): Promise<void> {
    const { sql } = this.#line;
    this.#line.warnings();
    try {
      const { command } = await sql.unsafe('commit');
      if (command !== 'COMMIT') throw new Refused('ROLLED_BACK');
    } catch (error) {
      const why = refusalIn(error);
      throw why instanceof Refused && why.code !== 'NOT_SENT' ? new Undone(why.code) : why;
    }
    // It did not wait for its standbys to the end, or there was nothing to commit: nobody knows.
    const [warned] = this.#line.warnings();
    if (warned !== undefined) throw new Error(warned);
  }
}
