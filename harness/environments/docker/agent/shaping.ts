/**
 * How this container's packets travel: delayed, lost, doubled or reordered on their way to some addresses. A rule in a chain of
 * our own hands them to `tm-net`, which runs from the start (docker/runtime/shims).
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { lines, type Shape, type Travelled } from './protocol.ts';
import { chain, matches, place, queue } from './place.ts';
import { removeChain, restore } from './tables.ts';

const CHAIN = chain('TM-OUT');
const TM_NET = `${place.shims}/tm-net`;
/** On what tm-net itself sends. */
const MARK = '0x77';

export class Shaping {
  /** Shapes in force, by address. */
  readonly #shapes = new Map<string, Shape[]>();
  /** Rejects where this kernel cannot do it. */
  #daemon: Promise<Daemon> = Promise.reject(new Error('nothing is set up'));
  /** One change at a time. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor() {
    this.#daemon.catch(() => undefined); // whoever bends is told
  }

  /** Resolves when the rules are there; `tm-net` starts meanwhile. */
  async setUp(): Promise<void> {
    const ruled = restore([
      `:${CHAIN} - [0:0]`,
      `-I OUTPUT -j ${CHAIN}`,
      `-A ${CHAIN} -m mark --mark ${MARK} -j RETURN`,
    ]);
    this.#daemon = ruled.then(() => Daemon.start());
    this.#daemon.catch(() => undefined);
    await ruled.catch(() => undefined);
  }

  /** What tm-net holds is lost with it, as on any link. */
  async tearDown(): Promise<void> {
    await removeChain('OUTPUT', CHAIN);
    await this.#daemon.then(
      (daemon) => daemon.end(),
      () => undefined, // it never ran
    );
  }

  /** Why this kernel cannot do it; undefined: it can. Leaves nothing behind. */
  async whyNot(): Promise<string | undefined> {
    try {
      await this.#daemon;
      const rules = rulesFor('192.0.2.1'); // nobody's: RFC 5737
      await restore(rules.map((rule) => `-A ${rule}`));
      await restore(rules.map((rule) => `-D ${rule}`));
      return undefined;
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
  }

  /** `shape.id` names it, for `straighten`. */
  bend(addresses: readonly string[], shape: Shape): Promise<Record<string, Travelled>> {
    return this.#change(addresses, (address) => {
      this.#shapes.set(address, [...this.#of(address), shape]);
    });
  }

  straighten(addresses: readonly string[], id: number): Promise<Record<string, Travelled>> {
    return this.#change(addresses, (address) => {
      this.#shapes.set(
        address,
        this.#of(address).filter((shape) => shape.id !== id),
      );
    });
  }

  #of(address: string): readonly Shape[] {
    return this.#shapes.get(address) ?? [];
  }

  #change(addresses: readonly string[], alter: (address: string) => void): Promise<Record<string, Travelled>> {
    const changed = this.#turn.then(() => this.#apply(addresses, alter));
    this.#turn = changed.catch(() => undefined); // whoever asked is told
    return changed;
  }

  async #apply(addresses: readonly string[], alter: (address: string) => void): Promise<Record<string, Travelled>> {
    const daemon = await this.#daemon;
    const rules: string[] = [];
    for (const address of addresses) {
      const was = this.#of(address).length > 0;
      alter(address);
      const is = this.#of(address).length > 0;
      if (was !== is) rules.push(...rulesFor(address).map((rule) => `${is ? '-A' : '-D'} ${rule}`));
      await daemon.ask(is ? `set ${address} ${together(this.#of(address))}` : `clear ${address}`);
    }
    // What a rule that goes leaves with tm-net travels as it would have before: `clear` has set no delay for what is new.
    if (rules.length > 0) await restore(rules);
    const counts: Record<string, Travelled> = {};
    for (const address of addresses) {
      const counted = (await daemon.ask(`count ${address}`)).split(' ').map(Number);
      const [delayed, dropped, duplicated, reordered, limited] = counted;
      counts[address] = { delayed, dropped, duplicated, reordered, limited };
    }
    return counts;
  }
}

function rulesFor(address: string): readonly string[] {
  return matches.map((match) => `${CHAIN} -d ${address}/32 ${match}-j NFQUEUE --queue-num ${queue} --queue-bypass`);
}

/** Several shapes of one link, as one: delays add up, and a packet gets through if it gets through each. */
function together(shapes: readonly Shape[]): string {
  const add = (of: (shape: Shape) => number): number =>
    Math.round(shapes.reduce((sum, shape) => sum + of(shape), 0) / 1000);
  const any = (of: (shape: Shape) => number): number =>
    Math.round((1 - shapes.reduce((none, shape) => none * (1 - of(shape)), 1)) * 1_000_000);
  return [
    add((shape) => shape.delayNs),
    add((shape) => shape.jitterNs),
    any((shape) => shape.loss),
    any((shape) => shape.duplicate),
    any((shape) => shape.reorder),
    slowest(shapes.map(({ bytesPerSecond = 0 }) => bytesPerSecond)),
  ].join(' ');
}

/** 0: any rate. */
function slowest(rates: readonly number[]): number {
  const limits = rates.filter((rate) => rate > 0);
  return limits.length === 0 ? 0 : Math.max(1, Math.round(Math.min(...limits)));
}

class Daemon {
  readonly #child: ChildProcess;
  readonly #waiting: { readonly resolve: (line: string) => void; readonly reject: (error: Error) => void }[] = [];
  #over: string | undefined;

  static async start(): Promise<Daemon> {
    const daemon = new Daemon(
      spawn(TM_NET, [String(process.pid), String(queue)], { stdio: ['pipe', 'pipe', 'inherit'] }),
    );
    await daemon.#next();
    return daemon;
  }

  private constructor(child: ChildProcess) {
    this.#child = child;
    const end = (why: string): void => {
      this.#over ??= why;
      for (const { reject } of this.#waiting.splice(0)) reject(new Error(this.#over));
    };
    child.once('error', (error) => end(`tm-net cannot be started: ${error.message}`));
    child.once('exit', (code, signal) => end(`tm-net has ended (${signal ?? `code ${code}`})`));
    child.stdin?.on('error', () => undefined); // its end is told above
    child.stdout?.setEncoding('utf8').on(
      'data',
      lines((line) => {
        if (line.startsWith('error ')) end(`tm-net failed: ${line.slice('error '.length)}`);
        else this.#waiting.shift()?.resolve(line);
      }),
    );
  }

  end(): void {
    this.#child.stdin?.end();
  }

  ask(line: string): Promise<string> {
    if (this.#over !== undefined) return Promise.reject(new Error(this.#over));
    this.#child.stdin?.write(`${line}\n`);
    return this.#next();
  }

  #next(): Promise<string> {
    return new Promise((resolve, reject) => void this.#waiting.push({ resolve, reject }));
  }
}
