/**
 * A port here that leads to a port of a machine's, through SSH: for clients that cannot reach its address. Each of their
 * connections is a channel; there are as many SSH connections as those need.
 */
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import type { Connection } from './connection.ts';
import type { Host } from './hosts.ts';
import type { Ways } from './ways.ts';

export class Tunnels {
  readonly #ways: Ways;
  readonly #host: Host;
  readonly #connections: Connection[] = [];
  readonly #servers: Server[] = [];
  readonly #sockets = new Set<Socket>();
  #turn: Promise<unknown> = Promise.resolve();
  #closed = false;

  constructor(ways: Ways, host: Host) {
    this.#ways = ways;
    this.#host = host;
  }

  /** `host:port` here. */
  async to(address: string, port: number): Promise<string> {
    const server = createServer((socket) => void this.#carry(socket, address, port));
    this.#servers.push(server);
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(0, '127.0.0.1', resolve);
    });
    return `127.0.0.1:${(server.address() as AddressInfo).port}`; // it listens on a port
  }

  async #carry(socket: Socket, address: string, port: number): Promise<void> {
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
    socket.on('error', () => socket.destroy());
    try {
      const channel = await this.#forward(address, port);
      channel.on('close', () => socket.destroy());
      socket.on('close', () => channel.close());
      if (socket.destroyed) channel.close();
      else socket.pipe(channel).pipe(socket);
    } catch {
      socket.destroy(); // as a machine does where nobody listens
    }
  }

  /** By a connection that has a channel to spare; one at a time, or two would take the same. */
  #forward(address: string, port: number): ReturnType<Connection['forward']> {
    const opened = this.#turn.then(async () => {
      let free = this.#connections.find((one) => !one.full && !one.over);
      if (free === undefined) {
        free = await this.#ways.open(this.#host);
        this.#connections.push(free);
        if (this.#closed) free.close();
      }
      return free.forward(address, port);
    });
    this.#turn = opened.catch(() => undefined); // whoever asked is told
    return opened;
  }

  close(): void {
    this.#closed = true;
    for (const server of this.#servers) server.close();
    for (const socket of this.#sockets) socket.destroy();
    for (const connection of this.#connections) connection.close();
  }
}
