/**
 * A line to a node over TCP: requests are pipelined, those of one turn of the event loop in one frame, and answered in any
 * order.
 *
 * A request that has not left when the line breaks was never delivered, and its error says `definite: true`. Of one that
 * has left nobody knows.
 */
import { connect } from 'node:net';
import type { NodeId, Request, Response } from '../core/types.ts';
import { type Cancel, after, monotonicMs, unguessable } from '../server/clock.ts';
import { Malformed, Unsendable } from '../wire/bytes.ts';
import type { Reader } from '../wire/bytes.ts';
import { Connection, type Traffic, Turn } from '../wire/connection.ts';
import type { Budget } from '../wire/frames.ts';
import { Greeting, HelloRefused, payloads } from '../wire/hello.ts';
import { readResponse, writeRequest } from '../wire/requests.ts';

export interface DialOptions {
  readonly cluster: string;
  /** Who is expected there; whoever answers if not given. */
  readonly node?: NodeId;
  /** What the client calls itself in the hello. */
  readonly name?: string;
  /** The cluster's secret for clients. */
  readonly secret?: Buffer;
  readonly connectTimeoutMs?: number;
  /** A line on which requests wait and nothing comes for so long is given up. */
  readonly silenceMs?: number;
}

export class LineBroken extends Error {
  /** The request was never delivered. */
  readonly definite: boolean;
  /** The two do not belong together: another cluster, another secret. It will be so the next time. */
  readonly helloRefused: boolean;

  constructor(message: string, definite: boolean, helloRefused = false) {
    super(message);
    this.definite = definite;
    this.helloRefused = helloRefused;
  }
}

interface Asked {
  readonly resolve: (response: Response) => void;
  readonly reject: (error: LineBroken) => void;
}

interface Waiting extends Asked {
  /** How many frames had left before its own. */
  readonly frames: number;
}

const CONNECT_TIMEOUT_MS = 2000;
const SILENCE_MS = 30_000;
/** Requests of one frame at most. */
const FRAME_REQUESTS = 256;

const turn = new Turn();
const budget: Budget = { held: 0, most: Number.POSITIVE_INFINITY };

/** `address`: `host:port`. Connecting goes on behind the line that is returned. */
export function dialTcp(address: string, options: DialOptions): TcpLine {
  return new TcpLine(address, options);
}

export class TcpLine {
  readonly #connection: Connection;
  readonly #waiting = new Map<number, Waiting>();
  readonly #traffic: Traffic = { bytesIn: 0, bytesOut: 0, framesIn: 0, framesOut: 0 };
  readonly #silenceMs: number;
  /** Asked before the line was open. */
  #early: { readonly body: Request; readonly asked: Asked }[] = [];
  #open = false;
  #broken: string | undefined;
  #helloRefused = false;
  #closed = false;
  #number = 0;
  /** Requests of the frame that has not left. */
  #inFrame = 0;
  #heardAtMs = 0;
  #watch: Cancel | undefined;

  constructor(address: string, options: DialOptions) {
    const { cluster, node, name = 'client', secret, connectTimeoutMs = CONNECT_TIMEOUT_MS } = options;
    this.#silenceMs = options.silenceMs ?? SILENCE_MS;
    const greeting = new Greeting({ role: 'client', cluster, from: name, to: node, groups: 0 }, secret, unguessable);
    const split = address.lastIndexOf(':');
    const host = address.slice(0, split).replace(/^\[|\]$/g, '');
    const socket = connect({ host, port: Number(address.slice(split + 1)) });
    const giveUp = after(connectTimeoutMs, () => {
      if (!this.#open) this.#connection.destroy(new Error('no answer'));
    });
    this.#connection = new Connection({
      socket,
      turn,
      budget,
      traffic: this.#traffic,
      onFrame: (frame) => {
        if (this.#open) this.#take(frame);
        else this.#greet(greeting, frame, giveUp);
      },
      onClose: (why) => {
        giveUp();
        this.#helloRefused = why instanceof HelloRefused;
        this.#break(why?.message ?? 'the node closed the connection');
      },
    });
    socket.once('connect', () => this.#connection.sendFrame(greeting.first()));
  }

  request(body: Request): Promise<Response> {
    return new Promise((resolve, reject) => {
      const asked = { resolve, reject };
      if (this.#broken !== undefined) reject(new LineBroken(this.#broken, true, this.#helloRefused));
      else if (this.#open) this.#send(body, asked);
      else this.#early.push({ body, asked });
    });
  }

  /** Whoever closes has stopped listening: nothing that waits is settled. */
  close(): void {
    this.#closed = true;
    this.#watch?.();
    this.#early = [];
    this.#waiting.clear();
    this.#connection.flush();
    this.#connection.socket.end();
    this.#connection.destroy(new Error('closed'));
  }

  #greet(greeting: Greeting, frame: Reader, giveUp: Cancel): void {
    const next = greeting.next(frame);
    if (Buffer.isBuffer(next)) {
      this.#connection.sendFrame(next);
      return;
    }
    giveUp();
    this.#open = true;
    this.#connection.payloadBytesMax = payloads.answers;
    const early = this.#early;
    this.#early = [];
    for (const { body, asked } of early) this.#send(body, asked);
  }

  #send(body: Request, { resolve, reject }: Asked): void {
    const { out } = this.#connection;
    const start = out.at;
    const number = ++this.#number;
    try {
      writeRequest(out, number, body);
    } catch (error) {
      out.at = start;
      if (!(error instanceof Unsendable)) throw error;
      resolve({ type: 'refused', code: 'BAD_REQUEST' });
      return;
    }
    if (this.#waiting.size === 0) this.#listen();
    this.#waiting.set(number, { resolve, reject, frames: this.#traffic.framesOut });
    this.#inFrame = out.payloadBytes === out.at - start ? 1 : this.#inFrame + 1;
    this.#connection.queued();
    if (this.#inFrame >= FRAME_REQUESTS) this.#connection.flush();
  }

  #take(frame: Reader): void {
    this.#heardAtMs = monotonicMs();
    while (frame.left > 0) {
      const number = frame.whole();
      const response = readResponse(frame);
      const waiting = this.#waiting.get(number);
      if (waiting === undefined) throw new Malformed('an answer to nothing that was asked');
      this.#waiting.delete(number);
      waiting.resolve(response);
    }
    if (this.#waiting.size === 0) {
      this.#watch?.();
      this.#watch = undefined;
    }
  }

  /** From the first request that waits on, somebody has to say something now and then. */
  #listen(): void {
    this.#heardAtMs = monotonicMs();
    this.#watch?.();
    const look = (): void => {
      const silentMs = monotonicMs() - this.#heardAtMs;
      if (silentMs >= this.#silenceMs) this.#connection.destroy(new Error(`no answer for ${Math.round(silentMs)} ms`));
      else this.#watch = after(this.#silenceMs - silentMs, look);
    };
    this.#watch = after(this.#silenceMs, look);
  }

  #break(why: string): void {
    if (this.#broken !== undefined || this.#closed) return;
    this.#broken = why;
    this.#watch?.();
    for (const { asked } of this.#early) asked.reject(new LineBroken(why, true, this.#helloRefused));
    this.#early = [];
    const left = this.#traffic.framesOut;
    for (const { reject, frames } of this.#waiting.values()) reject(new LineBroken(why, frames === left));
    this.#waiting.clear();
  }
}
