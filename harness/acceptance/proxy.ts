/**
 * A proxy on loopback in front of one node: it can fail as networks do, and it counts how often a mark passed on its way to the
 * node. So it is seen from outside what a client sent, whatever the client says of it.
 */
import { createServer, type Server, type Socket, connect } from 'node:net';
import { type Cancel, MILLISECOND, realClock } from '../../history/clock.ts';

/**
 * pass: as if it were not there. refuse: every connection is closed at once. mute: what clients ask arrives, and no answer comes
 * back.
 */
export type Mode = 'pass' | 'refuse' | 'mute';

const clock = realClock();
/** The node has answered by then, or will not. */
const CUT_NS = 200 * MILLISECOND;

interface Line {
  readonly client: Socket;
  readonly node: Socket;
  /** The end of what has passed: a mark may come in two pieces. */
  tail: string;
  swallow: boolean;
  /** What the node has said, while it is held back. */
  held: Buffer[] | undefined;
}

export class Proxy {
  readonly #server: Server;
  readonly #target: { readonly host: string; readonly port: number };
  readonly #lines = new Set<Line>();
  #mode: Mode = 'pass';
  readonly #marks = new Set<Mark>();

  /** In front of `host:port`. */
  static async before(address: string): Promise<Proxy> {
    const at = address.lastIndexOf(':');
    const host = address.slice(0, at).replace(/^\[|\]$/g, '');
    const proxy = new Proxy({ host, port: Number(address.slice(at + 1)) });
    await new Promise<void>((resolve, reject) => {
      proxy.#server.once('error', reject).listen(0, '127.0.0.1', resolve);
    });
    return proxy;
  }

  private constructor(target: { readonly host: string; readonly port: number }) {
    this.#target = target;
    this.#server = createServer({ noDelay: true }, (client) => this.#accept(client));
  }

  get address(): string {
    const address = this.#server.address();
    return typeof address === 'object' && address !== null ? `127.0.0.1:${address.port}` : '';
  }

  /** Connections of clients that are open. */
  get connections(): number {
    return this.#lines.size;
  }

  set mode(mode: Mode) {
    this.#mode = mode;
    if (mode === 'refuse') for (const line of this.#lines) line.client.resetAndDestroy();
    if (mode === 'mute') for (const line of this.#lines) line.swallow = true;
    // What was on its way when answers stopped stays lost.
    if (mode === 'pass') for (const line of this.#lines) if (line.swallow) line.client.resetAndDestroy();
  }

  /** Counts this mark from now on, besides those that it counts already. */
  watch(mark: Mark): void {
    this.#marks.add(mark);
  }

  /** Counts none any more. */
  unwatch(): void {
    this.#marks.clear();
  }

  async close(): Promise<void> {
    for (const { client, node } of this.#lines) {
      client.destroy();
      node.destroy();
    }
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #accept(client: Socket): void {
    client.on('error', () => undefined);
    if (this.#mode === 'refuse') {
      client.resetAndDestroy();
      return;
    }
    const node = connect({ ...this.#target, noDelay: true });
    const line: Line = { client, node, tail: '', swallow: this.#mode === 'mute', held: undefined };
    this.#lines.add(line);
    const over = (): void => {
      this.#lines.delete(line);
      client.destroy();
      node.destroy();
    };
    client.on('close', over).on('end', over);
    node.on('error', over).on('end', () => {
      letGo(line);
      if (!line.swallow) client.end();
    });
    client.on('data', (bytes) => {
      node.write(bytes);
      this.#look(line, bytes);
    });
    node.on('data', (bytes) => {
      if (line.held !== undefined) line.held.push(bytes);
      else if (!line.swallow) client.write(bytes);
    });
  }

  #look(line: Line, bytes: Buffer): void {
    if (this.#marks.size === 0) {
      line.tail = '';
      return;
    }
    const before = line.tail;
    const text = before + bytes.toString('latin1');
    line.tail = text.slice(-Math.max(...[...this.#marks].map(({ tailLength }) => tailLength)));
    for (const mark of this.#marks) {
      const passed = mark.count(text) - mark.count(before);
      for (let i = 0; i < passed; i++) {
        const then = mark.passedBy(line);
        if (then === 'cut') this.#cut(line);
        else if (then !== 'pass') hold(line, then);
      }
    }
  }

  #cut(line: Line): void {
    line.swallow = true;
    const cancel: Cancel = clock.timer(clock.now() + CUT_NS, () => line.client.resetAndDestroy());
    line.client.once('close', cancel);
  }
}

function hold(line: Line, until: Promise<void>): void {
  if (line.held !== undefined) return;
  line.held = [];
  void until.then(() => letGo(line));
}

function letGo(line: Line): void {
  const { held = [], client, swallow } = line;
  line.held = undefined;
  for (const bytes of held) if (!swallow) client.write(bytes);
}

/** What is looked for on its way to the nodes: a text that nothing else has, as it is or in base64. Shared by all proxies. */
export class Mark {
  readonly text: string;
  /** How often it has passed. */
  passed = 0;
  readonly #forms: readonly string[];
  #cutAt: number;

  /** `cutAt`: the connection on which it passes for so manieth time is cut once the node has had it; its answer is lost. */
  constructor(text: string, cutAt = 0) {
    this.text = text;
    this.#cutAt = cutAt;
    this.#forms = [text, ...[0, 1, 2].map((shift) => base64Core(text, shift))];
  }

  get tailLength(): number {
    return Math.max(...this.#forms.map((form) => form.length)) - 1;
  }

  count(text: string): number {
    return this.#forms.reduce((sum, form) => sum + text.split(form).length - 1, 0);
  }

  /** What becomes of that connection; a promise: what the node says on it is held back until then. */
  passedBy(_line: object): 'cut' | 'pass' | Promise<void> {
    this.passed++;
    return this.passed === this.#cutAt ? 'cut' : 'pass';
  }
}

/**
 * A mark whose answers wait for one another: once it has passed on a connection, what the node says there is held back until it has
 * passed on so many. So nobody who has asked knows anything before all have asked.
 */
export class Gathering extends Mark {
  readonly #wanted: number;
  readonly #lines = new Set<object>();
  readonly #opened: Promise<void>;
  #open: () => void = () => undefined;
  #isOpen = false;

  constructor(text: string, wanted: number) {
    super(text);
    this.#wanted = wanted;
    this.#opened = new Promise((resolve) => (this.#open = resolve));
  }

  override passedBy(line: object): 'pass' | Promise<void> {
    this.passed++;
    this.#lines.add(line);
    if (this.#lines.size >= this.#wanted) this.open();
    return this.#isOpen ? 'pass' : this.#opened;
  }

  /** Nobody waits any longer. */
  open(): void {
    this.#isOpen = true;
    this.#open();
  }
}

/** What base64 makes of a text wherever it begins: without the letters that its neighbours have a part in. */
function base64Core(text: string, shift: number): string {
  const encoded = Buffer.from('\0'.repeat(shift) + text)
    .toString('base64')
    .replace(/=+$/, '');
  const whole = Math.floor(((shift + text.length) * 8) / 6);
  return encoded.slice(shift === 0 ? 0 : shift + 1, whole);
}
