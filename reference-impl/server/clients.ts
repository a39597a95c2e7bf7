/** One client's connection: pipelined requests, told apart by the client's numbers, answered in any order. */
import type { Request, Response } from '../core/types.ts';
import { Malformed, Unsendable } from '../wire/bytes.ts';
import type { Reader } from '../wire/bytes.ts';
import { payloads } from '../wire/hello.ts';
import { readRequest, writeResponse } from '../wire/requests.ts';
import type { Connection } from '../wire/connection.ts';

/** Requests of one connection that are being worked on; above, nothing more is read from it. */
const IN_FLIGHT_MAX = 1024;
/** What is read already is still taken, but nobody needs to send so many at once. */
const IN_FLIGHT_ABSURD = 16 * 1024;
/** Answers that a client has not taken, bytes: above the first nothing more is read from it, above the second it is cut off. */
const BACKLOG_MAX = 4 * 1024 * 1024;
const BACKLOG_HOPELESS = 64 * 1024 * 1024;
const ANSWER_BYTES_MAX = payloads.answers - 512 * 1024;

export class ClientSession {
  readonly #connection: Connection;
  readonly #ask: (session: ClientSession, number: number, body: Request) => void;
  #inFlight = 0;
  #paused = false;

  constructor(connection: Connection, ask: (session: ClientSession, number: number, body: Request) => void) {
    connection.payloadBytesMax = payloads.client;
    this.#connection = connection;
    this.#ask = ask;
    connection.socket.on('drain', () => this.#resume());
  }

  take(frame: Reader): void {
    while (frame.left > 0) {
      const number = frame.whole();
      const body = readRequest(frame);
      if (++this.#inFlight > IN_FLIGHT_ABSURD) throw new Malformed('too many requests at once');
      this.#ask(this, number, body);
    }
    if (this.#inFlight >= IN_FLIGHT_MAX || this.#connection.backlog > BACKLOG_MAX) this.#pause();
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
    if (this.#paused) this.#resume();
  }

  #pause(): void {
    if (this.#paused) return;
    this.#paused = true;
    this.#connection.socket.pause();
  }

  #resume(): void {
    if (!this.#paused || this.#connection.closed) return;
    if (this.#inFlight > IN_FLIGHT_MAX / 2 || this.#connection.backlog > BACKLOG_MAX) return;
    this.#paused = false;
    this.#connection.socket.resume();
  }
}
