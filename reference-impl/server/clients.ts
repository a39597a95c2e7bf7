/**
 * One client's connection: pipelined requests, told apart by the client's numbers, answered in any order.
 *
 * A client gets no more than its share: what it asks beyond what may be under way, beyond what it has taken of its answers,
 * or beyond a portion a turn, waits; first here, within a frame's size, and then in its own socket.
 */
import type { Request, Response } from '../core/types.ts';
import { Reader, Unsendable } from '../wire/bytes.ts';
import type { Connection } from '../wire/connection.ts';
import { payloads } from '../wire/hello.ts';
import { readRequest, writeResponse } from '../wire/requests.ts';
import { atEndOfTurn } from './clock.ts';

const IN_FLIGHT_MAX = 1024;
const PORTION = 512;
/** Answers that a client has not taken, bytes. */
const BACKLOG_MAX = 4 * 1024 * 1024;
/** What is under way can make it grow beyond that, up to here. */
const BACKLOG_HOPELESS = 64 * 1024 * 1024;
const ANSWER_BYTES_MAX = payloads.answers - 512 * 1024;

export class ClientSession {
  readonly #connection: Connection;
  readonly #ask: (session: ClientSession, number: number, body: Request) => void;
  /** Payloads that were read and wait, oldest first; while there are any, the socket is not read. */
  readonly #waiting: Buffer[] = [];
  readonly #reader = new Reader();
  #inFlight = 0;
  #paused = false;

  constructor(connection: Connection, ask: (session: ClientSession, number: number, body: Request) => void) {
    connection.payloadBytesMax = payloads.client;
    this.#connection = connection;
    this.#ask = ask;
    connection.socket.on('drain', this.#goOn);
  }

  take(frame: Reader): void {
    // More frames of a chunk whose first one was enough.
    if (this.#paused) this.#waiting.push(frame.rest());
    else this.#work(frame);
  }

  #work(frame: Reader): void {
    for (let portion = PORTION; frame.left > 0 && !this.#connection.closed; portion--) {
      if (portion === 0 || this.#hasEnough) {
        this.#waiting.unshift(frame.rest());
        this.#pause();
        if (portion === 0) atEndOfTurn(this.#goOn);
        return;
      }
      const number = frame.whole();
      const body = readRequest(frame);
      this.#inFlight++;
      this.#ask(this, number, body);
    }
    if (this.#hasEnough) this.#pause();
  }

  get #hasEnough(): boolean {
    return this.#inFlight >= IN_FLIGHT_MAX || this.#connection.backlog > BACKLOG_MAX;
  }

  answer(number: number, response: Response): void {
    this.#inFlight--;
    const connection = this.#connection;
    if (connection.closed) return;
    const { out } = connection;
    const start = out.at;
    try {
      writeResponse(out, number, response);
      if (out.at - start > ANSWER_BYTES_MAX) throw new Unsendable('an answer that is too long');
    } catch (error) {
      if (!(error instanceof Unsendable)) throw error;
      out.at = start;
      writeResponse(out, number, { type: 'refused', code: 'BAD_REQUEST' });
    }
    connection.queued();
    if (connection.backlog > BACKLOG_HOPELESS) connection.destroy(new Error('the client does not take its answers'));
    else if (this.#paused && this.#inFlight === IN_FLIGHT_MAX >> 1) atEndOfTurn(this.#goOn);
  }

  #pause(): void {
    if (this.#paused) return;
    this.#paused = true;
    this.#connection.socket.pause();
  }

  readonly #goOn = (): void => {
    if (!this.#paused || this.#connection.closed || this.#hasEnough) return;
    this.#paused = false;
    try {
      while (this.#waiting.length > 0 && !this.#paused) {
        const payload = this.#waiting.shift() ?? Buffer.alloc(0);
        this.#reader.reset(payload, 0, payload.length);
        this.#work(this.#reader);
      }
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      this.#connection.destroy(error);
      return;
    }
    if (!this.#paused) this.#connection.socket.resume();
  };
}
