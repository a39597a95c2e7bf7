/** Ways to machines: straight, or through a jump host, whose connections carry eight channels each as all others do. */
import { readFileSync } from 'node:fs';
import { BadInput, whyUnread } from '../../errors.ts';
import { type Access, Connection, SshError } from './connection.ts';
import { type Host, nameOf } from './hosts.ts';
import { credentials } from './keys.ts';
import { type KnownKey, parseKnownHosts } from './known-hosts.ts';
import type { Choices } from './settings.ts';

export class Ways {
  readonly #access: Access;
  readonly #jump: Host | undefined;
  readonly #jumps: Connection[] = [];
  /** One login at the jump host at a time: sshd turns away those of many that come at once (MaxStartups). */
  #turn: Promise<unknown> = Promise.resolve();

  /** Throws {@link BadInput} where there is nothing to log in with. */
  constructor({ jump, key, knownHosts }: Pick<Choices, 'jump' | 'key' | 'knownHosts'>) {
    this.#jump = jump;
    this.#access = { credentials: credentials(key), known: knownHosts.flatMap(known), knownHosts };
  }

  async open(host: Host): Promise<Connection> {
    if (this.#jump === undefined) return Connection.open(host, this.#access);
    const through = await this.#through(this.#jump, host);
    return Connection.open(host, this.#access, through);
  }

  close(): void {
    for (const jump of this.#jumps.splice(0)) jump.close();
  }

  /** By a connection that has a channel to spare; one at a time, or two would take the same. */
  #through(gate: Host, host: Host): ReturnType<Connection['forward']> {
    const opened = this.#turn.then(async () => {
      let jump = this.#jumps.find((one) => !one.full && !one.over);
      if (jump === undefined) {
        jump = await Connection.open(gate, this.#access);
        this.#jumps.push(jump);
      }
      try {
        return await jump.forward(host.name, host.port);
      } catch (error) {
        if (!(error instanceof SshError)) throw error;
        throw new BadInput(
          `The jump host ${nameOf(gate)} does not reach ${host.name}:${host.port} (${error.message}).`,
        );
      }
    });
    this.#turn = opened.catch(() => undefined); // whoever asked is told
    return opened;
  }
}

/** A file that is not there knows nobody. */
function known(path: string): readonly KnownKey[] {
  try {
    return parseKnownHosts(readFileSync(path, 'utf8'), path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw new BadInput(`${path} cannot be read: ${whyUnread(error)}.`, { cause: error });
  }
}
