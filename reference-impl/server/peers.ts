/**
 * What nodes say to each other. Each node dials every other one and sends on the connection that it dialled; so there are
 * two between a pair, one for each direction. What cannot be sent now is dropped: the protocol stands losses, and what is
 * old is of no use.
 */
import { connect } from 'node:net';
import type { Append, Bundle, Message } from '../core/messages.ts';
import type { NodeId } from '../core/types.ts';
import { Malformed, Unsendable } from '../wire/bytes.ts';
import type { Reader } from '../wire/bytes.ts';
import { type Budget, FrameWriter } from '../wire/frames.ts';
import { type Agreed, Greeting, type Hello, HelloRefused, payloads } from '../wire/hello.ts';
import { batchBytes, readMessage, writeMessage } from '../wire/messages.ts';
import { type Cancel, after, drawMs, every, monotonicMs, unguessable } from './clock.ts';
import { Connection, type Traffic, type Turn } from '../wire/connection.ts';
import type { Log } from './log.ts';

const CONNECT_TIMEOUT_MS = 2000;
const BACKOFF_MS = 50;
const BACKOFF_MS_MAX = 1000;
const PING_MS = 1000;
const SILENCE_MS = 3500;
/** A peer that takes nothing has so much kept for it; bytes. */
const BACKLOG_MAX = 64 * 1024 * 1024;
/**
 * Who dials us is answered pings and nothing else, of a few bytes each, and takes one a second: with so many bytes of
 * answers waiting it does not read them. Far less than a client may have, for each answer waits in a write of its own.
 */
const PONGS_HOPELESS = 128 * 1024;
/** A longer append is sent in pieces, bytes. */
const APPEND_BYTES = 4 * 1024 * 1024;

export interface PeersOptions {
  readonly self: NodeId;
  readonly cluster: string;
  readonly groups: number;
  readonly agreed: Agreed;
  readonly secret: Buffer | undefined;
  readonly turn: Turn;
  readonly budget: Budget;
  readonly log: Log;
  /** How often a connection is asked for a sign of life, ms; {@link PING_MS} if not given. */
  readonly pingMs?: number;
  /** After so long without one it is given up, ms; {@link SILENCE_MS} if not given. */
  readonly silenceMs?: number;
}

export interface PeerStatus {
  readonly connected: boolean;
  readonly address: string;
  /** Of the line to it, ms: moving average. */
  readonly roundTripMs: number | undefined;
  readonly dropped: number;
}

/** `host:port`, with brackets round an IPv6 address. */
export function splitAddress(address: string): { readonly host: string; readonly port: number } | undefined {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]\s]+)):(\d{1,5})$/.exec(address);
  const port = Number(match?.[3]);
  const host = match?.[1] ?? match?.[2];
  return host === undefined || port > 65_535 ? undefined : { host, port };
}

export class Peers {
  readonly traffic: Traffic = { bytesIn: 0, bytesOut: 0, framesIn: 0, framesOut: 0 };
  readonly #options: PeersOptions;
  readonly #links = new Map<NodeId, Link>();
  readonly #cancel: Cancel;

  constructor(options: PeersOptions) {
    this.#options = options;
    this.#cancel = every(options.pingMs ?? PING_MS, () => {
      for (const link of this.#links.values()) link.beat();
    });
  }

  /** Whom to dial, and where; links to others are given up. */
  set(addresses: ReadonlyMap<NodeId, string>): void {
    for (const [node, link] of this.#links) {
      if (addresses.get(node) === link.address) continue;
      link.close();
      this.#links.delete(node);
    }
    for (const [node, address] of addresses) {
      if (node === this.#options.self || this.#links.has(node)) continue;
      this.#links.set(node, new Link(node, address, this.#options, this.traffic));
    }
  }

  send(to: NodeId, bundle: Bundle): void {
    this.#links.get(to)?.send(bundle);
  }

  status(): Readonly<Record<NodeId, PeerStatus>> {
    return Object.fromEntries([...this.#links].map(([node, link]) => [node, link.status()]));
  }

  close(): void {
    this.#cancel();
    for (const link of this.#links.values()) link.close();
    this.#links.clear();
  }
}

const pingFrame = (() => {
  const out = new FrameWriter();
  out.nil();
  return out.take();
})();

/** The connection that we dialled to one peer: made again whenever it breaks. */
class Link {
  readonly address: string;
  readonly #node: NodeId;
  readonly #options: PeersOptions;
  readonly #traffic: Traffic;
  #connection: Connection | undefined;
  #open = false;
  #closed = false;
  #failures = 0;
  /** The last one that was told. */
  #refusal: string | undefined;
  #retry: Cancel | undefined;
  #heardAtMs = 0;
  #pingedAtMs = 0;
  #roundTripMs: number | undefined;
  #dropped = 0;

  constructor(node: NodeId, address: string, options: PeersOptions, traffic: Traffic) {
    this.#node = node;
    this.address = address;
    this.#options = options;
    this.#traffic = traffic;
    this.#dial();
  }

  #dial(): void {
    const { self, cluster, groups, agreed, secret, turn, budget } = this.#options;
    const { host, port } = splitAddress(this.address) ?? { host: '', port: 0 };
    const socket = connect({ host, port });
    const hello = { role: 'peer', cluster, from: self, to: this.#node, groups, agreed } as const;
    const greeting = new Greeting(hello, secret, unguessable);
    const connection = new Connection({
      socket,
      turn,
      budget,
      traffic: this.#traffic,
      onFrame: (frame) => this.#take(connection, greeting, frame),
      onClose: (why) => this.#lost(connection, why),
    });
    this.#connection = connection;
    const giveUp = after(CONNECT_TIMEOUT_MS, () => {
      if (!this.#open) connection.destroy(new Error('no answer'));
    });
    socket.once('close', giveUp);
    socket.once('connect', () => connection.sendFrame(greeting.first()));
  }

  #take(connection: Connection, greeting: Greeting, frame: Reader): void {
    if (!this.#open) {
      const next = greeting.next(frame);
      if (Buffer.isBuffer(next)) connection.sendFrame(next);
      else this.#opened();
      return;
    }
    // The acceptor says nothing on this connection but that it is there.
    if (!frame.nil()) throw new Malformed('an answer where none is due');
    this.#heardAtMs = monotonicMs();
    const tookMs = this.#heardAtMs - this.#pingedAtMs;
    this.#roundTripMs = this.#roundTripMs === undefined ? tookMs : this.#roundTripMs * 0.8 + tookMs * 0.2;
  }

  #opened(): void {
    this.#open = true;
    this.#heardAtMs = monotonicMs();
    if (this.#failures > 0) this.#options.log.limited('peer', 'info', `${this.#node} is reached at ${this.address}`);
    this.#failures = 0;
    this.#refusal = undefined;
  }

  #lost(connection: Connection, why: Error | undefined): void {
    if (connection !== this.#connection) return;
    this.#connection = undefined;
    if (this.#closed) return;
    const reason = why === undefined ? 'it closed the connection' : why.message;
    // A refusal is told, too, when the node had been looked for in vain before: it says what an operator has to mend.
    const isNews = why instanceof HelloRefused && reason !== this.#refusal;
    if (why instanceof HelloRefused) this.#refusal = reason;
    if (this.#open || this.#failures === 0 || isNews) {
      this.#options.log.limited('peer', 'warning', `${this.#node} is not reached at ${this.address}: ${reason}`);
    }
    this.#open = false;
    const most = Math.min(BACKOFF_MS_MAX, BACKOFF_MS * 2 ** Math.min(this.#failures, 10));
    this.#failures++;
    this.#retry = after(drawMs(most / 2, most), () => this.#dial());
  }

  send(bundle: Bundle): void {
    const connection = this.#connection;
    if (connection === undefined || !this.#open || connection.backlog > BACKLOG_MAX) {
      this.#dropped++;
      return;
    }
    for (const { group, message } of bundle.parts) this.#write(connection, group, message);
    connection.queued();
  }

  #write(connection: Connection, group: number, message: Message): void {
    const { out } = connection;
    const start = out.at;
    try {
      if (message.type === 'append' && message.entries.length > 1 && batchBytes(message.entries) > APPEND_BYTES) {
        for (const half of halves(message)) this.#write(connection, group, half);
        connection.queued();
        return;
      }
      out.number(group);
      writeMessage(out, message);
    } catch (error) {
      out.at = start;
      if (!(error instanceof Unsendable)) throw error;
      this.#dropped++;
      this.#options.log.limited('unsendable', 'error', `a message to ${this.#node} cannot be sent: ${error.message}`);
    }
  }

  /** Asks for a sign of life, and gives the connection up when the last one is too old. */
  beat(): void {
    const connection = this.#connection;
    if (connection === undefined || !this.#open) return;
    const now = monotonicMs();
    if (now - this.#heardAtMs > (this.#options.silenceMs ?? SILENCE_MS)) {
      connection.destroy(new Error(`it was silent for ${Math.round(now - this.#heardAtMs)} ms`));
      return;
    }
    this.#pingedAtMs = now;
    connection.flush();
    connection.sendFrame(pingFrame);
  }

  status(): PeerStatus {
    return {
      connected: this.#open,
      address: this.address,
      roundTripMs: this.#roundTripMs,
      dropped: this.#dropped,
    };
  }

  close(): void {
    this.#closed = true;
    this.#retry?.();
    this.#connection?.flush();
    this.#connection?.socket.end();
    this.#connection?.destroy(new Error('the node stops'));
  }
}

/** An append in two, each of which is one that its leader might have sent. */
function halves(append: Append): readonly [Append, Append] {
  const middle = append.entries.length >> 1;
  const first = append.entries.slice(0, middle);
  const { term, index } = first[middle - 1];
  return [
    { ...append, entries: first },
    { ...append, prevIndex: index, prevTerm: term, entries: append.entries.slice(middle) },
  ];
}

/** The connection that a peer dialled to us, once it has been let in. */
export class PeerInbound {
  readonly #connection: Connection;
  readonly #from: NodeId;
  readonly #groups: number;
  readonly #deliver: (from: NodeId, bundle: Bundle) => void;

  constructor(connection: Connection, hello: Hello, deliver: (from: NodeId, bundle: Bundle) => void) {
    connection.payloadBytesMax = payloads.peer;
    this.#connection = connection;
    this.#from = hello.from;
    this.#groups = hello.groups;
    this.#deliver = deliver;
  }

  take(frame: Reader): void {
    if (frame.nil()) {
      this.#connection.sendFrame(pingFrame);
      if (this.#connection.backlog > PONGS_HOPELESS) {
        this.#connection.destroy(new Error(`${this.#from} does not take the answers to its pings`));
      }
      return;
    }
    const parts: { group: number; message: Message }[] = [];
    while (frame.left > 0) {
      const group = frame.whole();
      if (group >= this.#groups) throw new Malformed('a group that is not here');
      parts.push({ group, message: readMessage(frame) });
    }
    this.#deliver(this.#from, { type: 'bundle', parts });
  }
}
