/** The port for peers and clients: whoever comes says who they are, and is handed on or shown out. */
import { type Server, type Socket, createServer } from 'node:net';
import { Malformed } from '../wire/bytes.ts';
import type { Reader } from '../wire/bytes.ts';
import type { Budget } from '../wire/frames.ts';
import { Door, type Doorkeeper, type Hello, TurnedAway, refusedFrame } from '../wire/hello.ts';
import { after } from './clock.ts';
import { Connection, type Traffic, type Turn } from '../wire/connection.ts';
import type { Log } from './log.ts';

const GREETING_MS = 5000;
const KEEP_ALIVE_MS = 30_000;

export interface Guest {
  take(frame: Reader): void;
}

export interface ListenerOptions {
  readonly host: string;
  readonly port: number;
  readonly connectionsMax: number;
  /** How long somebody may take to say who they are, ms; {@link GREETING_MS} if not given. */
  readonly greetingMs?: number;
  readonly keeper: Doorkeeper;
  readonly turn: Turn;
  readonly budget: Budget;
  readonly log: Log;
  readonly welcome: (connection: Connection, hello: Hello) => Guest;
}

export class Listener {
  readonly traffic: Traffic = { bytesIn: 0, bytesOut: 0, framesIn: 0, framesOut: 0 };
  /** Connections that were cut off because of what they sent, and that were not let in. */
  readonly rejected = { malformed: 0, turnedAway: 0, tooMany: 0 };
  readonly #options: ListenerOptions;
  readonly #server: Server;
  readonly #connections = new Set<Connection>();

  constructor(options: ListenerOptions) {
    this.#options = options;
    this.#server = createServer((socket) => this.#accept(socket));
  }

  /** Resolves with the port once it listens. */
  listen(): Promise<number> {
    const { host, port } = this.#options;
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen({ host, port }, () => {
        this.#server.off('error', reject);
        this.#server.on('error', (error) =>
          this.#options.log.limited('listen', 'error', `listening: ${error.message}`),
        );
        const address = this.#server.address();
        resolve(typeof address === 'object' && address !== null ? address.port : port);
      });
    });
  }

  get connections(): number {
    return this.#connections.size;
  }

  #accept(socket: Socket): void {
    const { connectionsMax, greetingMs = GREETING_MS, keeper, turn, budget, log, welcome } = this.#options;
    const from = `${socket.remoteAddress ?? 'somebody'}:${socket.remotePort ?? 0}`;
    if (this.#connections.size >= connectionsMax) {
      this.rejected.tooMany++;
      log.limited('too many', 'warning', `${from} is not let in: there are ${connectionsMax} connections already`);
      socket.on('error', () => undefined);
      socket.destroy();
      return;
    }
    socket.setKeepAlive(true, KEEP_ALIVE_MS);
    const door = new Door(keeper);
    let guest: Guest | undefined;
    const connection = new Connection({
      socket,
      turn,
      budget,
      traffic: this.traffic,
      onFrame: (frame) => {
        if (guest !== undefined) guest.take(frame);
        else guest = this.#greet(connection, door, frame, welcome);
      },
      onClose: (why) => {
        hurry();
        this.#connections.delete(connection);
        if (why !== undefined) this.#left(from, why);
      },
    });
    this.#connections.add(connection);
    const hurry = after(greetingMs, () => {
      if (guest === undefined) connection.destroy(new TurnedAway(`said nothing for ${greetingMs} ms`));
    });
  }

  #greet(connection: Connection, door: Door, frame: Reader, welcome: ListenerOptions['welcome']): Guest | undefined {
    let step: ReturnType<Door['next']>;
    try {
      step = door.next(frame);
    } catch (error) {
      if (!(error instanceof TurnedAway)) throw error;
      connection.end(refusedFrame(error.message), error);
      return undefined;
    }
    connection.sendFrame(step.send);
    return step.admitted && welcome(connection, step.admitted);
  }

  #left(from: string, why: Error): void {
    const { log } = this.#options;
    if (why instanceof Malformed) {
      this.rejected.malformed++;
      log.limited('malformed', 'warning', `the connection from ${from} is closed: ${why.message}`);
    } else if (why instanceof TurnedAway) {
      this.rejected.turnedAway++;
      log.limited('turned away', 'warning', `${from} is not let in: ${why.message}`);
    } else log.limited('broken', 'info', `the connection from ${from} ended: ${why.message}`);
  }

  /** No more come in. Those who are here stay until {@link close}. */
  stopListening(): void {
    if (this.#server.listening) this.#server.close();
  }

  close(): void {
    this.stopListening();
    for (const connection of this.#connections) {
      connection.flush();
      connection.end(Buffer.alloc(0), new Error('the node stops'));
    }
  }
}
