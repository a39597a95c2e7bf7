/**
 * What a container does not hear: one rule in a chain of our own for each address that is cut off, in the container's own
 * network namespace. No other chain is touched but for one jump, and nothing is ever flushed.
 */
import { execFile } from 'node:child_process';

const CHAIN = 'TM-IN';
const DEADLINE_MS = 10_000;
/** How long to wait for whoever else changes rules. */
const LOCK_S = '5';

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
    const { before, now } = await change(turned.map((source) => `${by === 1 ? '-A' : '-D'} ${rule(source)}`));
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

function rule(source: string): string {
  return `${CHAIN} -s ${source}/32 -j DROP`;
}

function restore(lines: readonly string[]): Promise<string> {
  return run(['iptables-restore', '--noflush', '--wait', LOCK_S], transaction(lines));
}

function transaction(lines: readonly string[]): string {
  return ['*filter', ...lines, 'COMMIT', ''].join('\n');
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
  return new Map(rows.filter((row) => row[2] === 'DROP').map((row) => [row[7], Number(row[0])]));
}

/** All rules and queueing disciplines there are, without their counters. */
export async function rulesAndQueues(): Promise<{ rules: string; queues: string }> {
  const [rules, queues] = await Promise.all([run(['iptables-save']), run(['tc', 'qdisc', 'show'])]);
  const plain = rules
    .split('\n')
    .filter((line) => !line.startsWith('#'))
    .map((line) => line.replace(/ \[\d+:\d+\]$/, ''));
  return { rules: plain.join('\n'), queues };
}

function run([program, ...rest]: readonly [string, ...string[]], input = ''): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = execFile(program, rest, { timeout: DEADLINE_MS, killSignal: 'SIGKILL' }, (error, stdout, stderr) => {
      if (error === null) resolve(stdout);
      else reject(new Error(`${program} failed: ${stderr.trim().split('\n')[0] || error.message}`));
    });
    child.stdin?.on('error', () => undefined); // it may end without reading; its code says so
    child.stdin?.end(input);
  });
}
