/** A run in progress, as its journal tells it: read on from where one stopped, and summed up. */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { StringDecoder } from 'node:string_decoder';
import { printable } from '../../checkers/explain/labels.ts';
import { SECOND } from '../../history/clock.ts';

/** How a run stands. Names come from the journal and may be anything. */
export interface Standing {
  readonly phase: string;
  /** Seconds of the cluster's clock. */
  readonly seconds: number;
  readonly events: number;
  readonly counts: { readonly ok: number; readonly fail: number; readonly info: number };
  /** Of the last steps: when, operations that were ok, and all others. */
  readonly rates: readonly (readonly [second: number, ok: number, other: number])[];
  readonly nodes: readonly { readonly node: string; readonly role: string; readonly term: string }[];
  readonly faults: readonly string[];
  /** What a damaged line said. */
  readonly trouble: string;
}

const READ_BYTES = 1024 * 1024;
/** In one go; the rest comes with the next. */
const BYTES_MAX = 16 * READ_BYTES;
const RATES_MAX = 120;
const NAMES_MAX = 64;
const NAME_MAX = 60;

export class Tail {
  readonly #file: string;
  #offset = 0;
  #rest = '';
  readonly #decoder = new StringDecoder('utf8');
  #phase = 'starting';
  #time = 0;
  #events = 0;
  #trouble = '';
  readonly #counts = { ok: 0, fail: 0, info: 0 };
  readonly #rates = new Map<number, { ok: number; other: number }>();
  readonly #nodes = new Map<string, { node: string; role: string; term: string }>();
  readonly #faults = new Map<string, string>();

  constructor(file: string) {
    this.#file = file;
  }

  /** Reads on; answers whether there is more to be read at once. A file that is not there yet is an empty one. */
  read(): boolean {
    let descriptor: number;
    try {
      descriptor = openSync(this.#file, 'r');
    } catch {
      return false;
    }
    try {
      const until = Math.min(fstatSync(descriptor).size, this.#offset + BYTES_MAX);
      const memory = Buffer.alloc(READ_BYTES);
      while (this.#offset < until) {
        const length = readSync(descriptor, memory, 0, Math.min(READ_BYTES, until - this.#offset), this.#offset);
        if (length === 0) break;
        this.#offset += length;
        this.#take(this.#decoder.write(memory.subarray(0, length)));
      }
      return fstatSync(descriptor).size > this.#offset;
    } finally {
      closeSync(descriptor);
    }
  }

  #take(text: string): void {
    const lines = `${this.#rest}${text}`.split('\n');
    this.#rest = lines.pop() ?? '';
    for (const line of lines) {
      if (line === '') continue;
      try {
        this.#event(JSON.parse(line) as Line);
      } catch {
        this.#trouble = `a line of the journal cannot be read: ${nameOf(line)}`;
      }
    }
  }

  #event(line: Line): void {
    if (line.tidemark !== undefined || typeof line.time !== 'number') return;
    this.#events++;
    this.#time = line.time;
    if (typeof line.process === 'string') this.#note(line);
    else if (line.type === 'ok' || line.type === 'fail' || line.type === 'info') {
      this.#counts[line.type]++;
      const second = Math.floor(line.time / SECOND);
      const rate = this.#rates.get(second) ?? { ok: 0, other: 0 };
      this.#rates.set(second, rate);
      if (line.type === 'ok') rate.ok++;
      else rate.other++;
      if (this.#rates.size > RATES_MAX) this.#rates.delete(Math.min(...this.#rates.keys()));
    }
  }

  #note({ process, f, value }: Line): void {
    const told = (typeof value === 'object' && value !== null ? value : {}) as Readonly<Record<string, unknown>>;
    if (process === 'harness' && f === 'phase') this.#phase = nameOf(value);
    else if (process === 'nemesis' && told['do'] === 'inject')
      put(this.#faults, `${nameOf(f)} ${nameOf(told['id'])}`, nameOf(f));
    else if (process === 'nemesis' && told['do'] === 'heal') this.#faults.delete(`${nameOf(f)} ${nameOf(told['id'])}`);
    else if (process === 'cluster') {
      const node = nameOf(told['node']);
      const role = f === 'sighting' ? nameOf(told['role']) : f === 'down' ? 'down' : undefined;
      if (role !== undefined) put(this.#nodes, node, { node, role, term: nameOf(told['term'] ?? '') });
    }
  }

  standing(): Standing {
    const seconds = [...this.#rates].sort(([a], [b]) => a - b);
    return {
      phase: this.#phase,
      seconds: this.#time / SECOND,
      events: this.#events,
      counts: { ...this.#counts },
      rates: seconds.map(([second, { ok, other }]) => [second, ok, other] as const),
      nodes: [...this.#nodes.values()].sort((a, b) => (a.node < b.node ? -1 : 1)),
      faults: [...new Set(this.#faults.values())],
      trouble: this.#trouble,
    };
  }
}

interface Line {
  readonly tidemark?: unknown;
  readonly time?: unknown;
  readonly process?: unknown;
  readonly type?: unknown;
  readonly f?: unknown;
  readonly value?: unknown;
}

function nameOf(value: unknown): string {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? '');
  return printable(text.length > NAME_MAX ? `${text.slice(0, NAME_MAX)}…` : text);
}

/** A hostile journal names no end of them. */
function put<T>(map: Map<string, T>, key: string, value: T): void {
  if (map.has(key) || map.size < NAMES_MAX) map.set(key, value);
}
