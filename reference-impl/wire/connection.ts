/**
 * One TCP connection, in frames. What is queued in a turn of the event loop leaves as one frame in one write at its end;
 * what comes is handed over frame by frame. Whoever sends nonsense is cut off, and the reason logged.
 */
import type { Socket } from 'node:net';
import { Malformed, Reader } from './bytes.ts';
import { type Budget, FrameReader, FrameWriter } from './frames.ts';
import { HELLO_BYTES_MAX } from './hello.ts';
import { after, atEndOfTurn } from '../server/clock.ts';

/** Collects what has to leave at the end of the turn. */
export class Turn {
  #dirty: Connection[] = [];

  add(connection: Connection): void {
    if (this.#dirty.length === 0) atEndOfTurn(this.#end);
    this.#dirty.push(connection);
  }

  readonly #end = (): void => {
    const dirty = this.#dirty;
    this.#dirty = [];
    for (const connection of dirty) connection.flush();
  };
}

/** Bytes and frames over all connections of one kind. */
export interface Traffic {
  bytesIn: number;
  bytesOut: number;
  framesIn: number;
  framesOut: number;
}

export interface ConnectionOptions {
  readonly socket: Socket;
  readonly turn: Turn;
  readonly budget: Budget;
  readonly traffic: Traffic;
  /** A whole frame. A {@link Malformed} that it throws closes the connection, as any other error does. */
  readonly onFrame: (frame: Reader) => void;
  /** Once, when the connection is gone, for whatever reason; `why` where it was ended by us or by an error. */
  readonly onClose: (why: Error | undefined) => void;
}

/** A frame is closed and handed to the socket when it has grown to this, however long the turn still goes on. */
const FRAME_BYTES = 256 * 1024;
/** So long may somebody who is shown out take to leave. */
const LINGER_MS = 1000;

export class Connection {
  readonly socket: Socket;
  readonly out = new FrameWriter();
  readonly #options: ConnectionOptions;
  readonly #frames: FrameReader;
  readonly #reader = new Reader();
  #queued = false;
  #why: Error | undefined;
  #closed = false;

  constructor(options: ConnectionOptions) {
    const { socket, budget } = options;
    this.#options = options;
    this.socket = socket;
    this.#frames = new FrameReader(HELLO_BYTES_MAX, budget);
    socket.setNoDelay(true);
    socket.on('data', this.#onData);
    socket.on('error', (error) => {
      this.#why ??= error;
    });
    socket.on('close', () => this.#gone());
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Largest payload that is taken from now on. */
  set payloadBytesMax(bytes: number) {
    this.#frames.payloadBytesMax = bytes;
  }

  /** Bytes that wait to leave. */
  get backlog(): number {
    return this.socket.writableLength + this.out.payloadBytes;
  }

  /** Something was put into `out`: it leaves at the end of the turn. */
  queued(): void {
    if (this.out.payloadBytes > FRAME_BYTES) this.#write();
    if (this.#queued || this.#closed) return;
    this.#queued = true;
    this.#options.turn.add(this);
  }

  flush(): void {
    this.#queued = false;
    if (this.out.payloadBytes > 0) this.#write();
  }

  #write(): void {
    if (this.#closed || this.socket.destroyed) this.out.clear();
    else this.sendFrame(this.out.take());
  }

  sendFrame(frame: Buffer): void {
    if (this.#closed || this.socket.destroyed) return;
    this.#options.traffic.framesOut++;
    this.#options.traffic.bytesOut += frame.length;
    this.socket.write(frame);
  }

  /** Ends it at once. */
  destroy(why: Error): void {
    this.#why ??= why;
    this.socket.destroy();
    this.#gone();
  }

  /** Says `last`, and ends it: when the other side has closed, or a moment later. What still comes is not looked at. */
  end(last: Buffer, why: Error): void {
    this.#why ??= why;
    this.socket.end(last);
    const cancel = after(LINGER_MS, () => this.destroy(why));
    this.socket.once('close', cancel);
  }

  #gone(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#frames.close();
    this.out.clear();
    this.#options.onClose(this.#why);
  }

  readonly #onData = (chunk: Buffer): void => {
    if (this.#closed || this.#why !== undefined) return;
    this.#options.traffic.bytesIn += chunk.length;
    try {
      this.#frames.push(chunk, this.#onFrame);
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      this.destroy(error);
    }
  };

  readonly #onFrame = (bytes: Buffer, start: number, end: number): void => {
    // A frame before this one may have ended the connection.
    if (this.#closed || this.#why !== undefined) return;
    this.#options.traffic.framesIn++;
    this.#reader.reset(bytes, start, end);
    this.#options.onFrame(this.#reader);
    if (this.#reader.left > 0 && !this.#closed) throw new Malformed('bytes behind the last value');
  };
}
