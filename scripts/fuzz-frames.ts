/** Hostile input for the ports of a store's node: what is sent, by kinds. Drawn from a seed. */
import { pack } from 'msgpackr';
import type { Random } from '../history/random.ts';
import { FrameWriter, HEADER_BYTES } from '../reference-impl/wire/frames.ts';
import { type Agreed, helloFrame } from '../reference-impl/wire/hello.ts';
import { writeMessage } from '../reference-impl/wire/messages.ts';
import { writeRequest } from '../reference-impl/wire/requests.ts';
import type { Message } from '../reference-impl/core/messages.ts';
import type { Request } from '../reference-impl/core/types.ts';

/** One connection's worth: what is sent after the greeting, or instead of it. */
export interface Attack {
  readonly port: 'client' | 'peer' | 'admin';
  readonly kind: string;
  /** Whether to be let in first. */
  readonly greets: boolean;
  readonly bytes: Buffer;
}

/** How the nodes are set: a peer that says otherwise is not let in. */
const agreed: Agreed = { 'election-ms': 1000, 'origins-kept': 100_000, 'clock-drift-ppm': 1000 };
export const agreedFlags = Object.entries(agreed).flatMap(([name, value]) => [`--${name}`, String(value)]);

export function hello(role: 'client' | 'peer', node: string, from: string, random: Random): Buffer {
  const nonce = randomBytes(random, 32);
  const own = role === 'peer' ? { groups: 1, agreed } : { groups: 0 };
  return helloFrame({ role, cluster: 'fuzz', from, to: node, ...own, nonce });
}

function randomBytes(random: Random, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  for (let i = 0; i < length; i++) bytes[i] = random.below(256);
  return bytes;
}

function frameOf(payload: Uint8Array): Buffer {
  const out = new FrameWriter();
  out.raw(payload);
  return out.take();
}

function written(write: (out: FrameWriter) => void): Buffer {
  const out = new FrameWriter();
  write(out);
  return out.take();
}

const requests: readonly Request[] = [
  { type: 'read', path: 'leader', keys: ['a', 'b', 3], waitMs: 5 },
  { type: 'read', path: 'follower+token', keys: ['a'], waitMs: 5, token: { term: 1, index: 4 } },
  { type: 'write', key: 'k', value: { a: [1, 2.5, 'x', null, true], b: 'y'.repeat(200) } },
  { type: 'cas', key: 7, expected: null, next: ['n'], ack: 'all-ack' },
  {
    type: 'write',
    key: 'o',
    value: 'v',
    origin: { client: 'c', sequence: 3, since: 0 },
    after: [{ group: 'g0', term: 1, index: 1 }],
  },
  { type: 'note', user: 'u', token: { group: 'g0', term: 1, index: 1 } },
  { type: 'change-members', change: { promote: 'n9' } },
];

const messages: readonly Message[] = [
  {
    type: 'append',
    term: 1,
    prevIndex: 1,
    prevTerm: 1,
    commit: 1,
    round: 1,
    entries: [{ term: 1, index: 2, command: { type: 'write', key: 'a', value: 'b' } }],
  },
  { type: 'appended', term: 1, durable: 1, verified: 1, round: 1, served: 1 },
  { type: 'vote', term: 1, lastIndex: 1, lastTerm: 1 },
  { type: 'pre-vote-answer', term: 1, campaign: 2, granted: true },
  { type: 'probe', term: 1, id: 77 },
];

/** What stands where something of another type should: malformed in any place of any message. */
const misfits: readonly unknown[] = [
  'text',
  null,
  [],
  {},
  -1,
  1.5,
  Number.NaN,
  Number.MAX_VALUE,
  Buffer.alloc(3),
  { a: { b: 'c' } },
  [[[]]],
];

type Maker = (random: Random) => { readonly greets: boolean; readonly bytes: Buffer };

/** A valid frame of the port, to be spoilt. */
function valid(port: 'client' | 'peer', random: Random): Buffer {
  if (port === 'client') return written((out) => writeRequest(out, random.below(1000), random.pick(requests)));
  return written((out) => {
    out.number(0);
    writeMessage(out, random.pick(messages));
  });
}

function makers(port: 'client' | 'peer', node: string): Readonly<Record<string, Maker>> {
  const greeting = (random: Random): Buffer => hello(port, node, port === 'peer' ? 'n2' : 'fuzz', random);
  const deep = (random: Random, open: number): Buffer => {
    const head = pack(random.below(10));
    return Buffer.concat([head, Buffer.alloc(20_000 + random.below(200_000), open)]);
  };
  return {
    'random bytes instead of a hello': (random) => ({
      greets: false,
      bytes: randomBytes(random, 1 + random.below(600)),
    }),
    'a hello with bits flipped': (random) => ({ greets: false, bytes: flipped(greeting(random), random) }),
    'a hello with bits flipped and a right checksum': (random) => {
      return { greets: false, bytes: resealed(flippedPayload(greeting(random), random)) };
    },
    'a hello cut off': (random) => ({ greets: false, bytes: cut(greeting(random), random) }),
    'a request before a hello': (random) => ({ greets: false, bytes: valid(port, random) }),
    'a frame too large for a stranger': (random) => {
      return { greets: false, bytes: Buffer.concat([header(random.below(2 ** 31)), randomBytes(random, 100)]) };
    },
    'random bytes': (random) => ({ greets: true, bytes: randomBytes(random, 1 + random.below(600)) }),
    'bits flipped': (random) => ({ greets: true, bytes: flipped(valid(port, random), random) }),
    'cut off': (random) => ({ greets: true, bytes: cut(valid(port, random), random) }),
    'a wrong length': (random) => {
      const frame = valid(port, random);
      frame.writeUInt32BE(random.below(2 ** 31), 0);
      return { greets: true, bytes: frame };
    },
    'a frame that announces more than is allowed': (random) => {
      return {
        greets: true,
        bytes: Buffer.concat([header(0x7000_0000 + random.below(2 ** 27)), randomBytes(random, 64)]),
      };
    },
    'a large frame that does not end': (random) => {
      return { greets: true, bytes: Buffer.concat([header(1_500_000), randomBytes(random, 2000)]) };
    },
    'an empty frame': () => ({ greets: true, bytes: header(0) }),
    'random MessagePack that is no message': (random) => {
      const parts = Array.from({ length: 1 + random.below(5) }, () => pack(random.pick(misfits)));
      return { greets: true, bytes: frameOf(Buffer.concat([pack(random.pick(['text', {}, [], true])), ...parts])) };
    },
    'a field of a wrong type': (random) => {
      const payload = valid(port, random).subarray(HEADER_BYTES);
      const place = random.below(Math.min(payload.length, 6));
      const spoilt = Buffer.concat([
        payload.subarray(0, place),
        pack(random.pick(misfits)),
        payload.subarray(place + 1),
      ]);
      return { greets: true, bytes: frameOf(Buffer.concat([spoilt, Buffer.from([0xc1])])) };
    },
    'deep arrays': (random) => ({ greets: true, bytes: frameOf(deep(random, 0x91)) }),
    'deep maps': (random) => ({ greets: true, bytes: frameOf(deep(random, 0x81)) }),
    'counts of billions': (random) => {
      const huge = random.pick([0xdd, 0xdf, 0xdb, 0xc6]);
      return { greets: true, bytes: frameOf(Buffer.from([1, 1, huge, 0xff, 0xff, 0xff, 0xff, 1, 2, 3])) };
    },
    'prototype fields': (random) => {
      const value = Buffer.concat([Buffer.from([0x81]), pack('__proto__'), pack({ polluted: random.below(9) })]);
      return {
        greets: true,
        bytes: frameOf(Buffer.concat([pack(1), pack(1), pack('k'), value, Buffer.from([0xc0, 0xc0, 0xc0])])),
      };
    },
  };
}

/** With a right checksum and right types only clients may say anything: a peer that lies is no subject of Raft. */
const onlyClients: Readonly<Record<string, Maker>> = {
  'bytes changed and a right checksum': (random) => {
    return { greets: true, bytes: resealed(flippedPayload(valid('client', random), random)) };
  },
  'many requests in a frame': (random) => {
    const frame = written((out) => {
      for (let i = 0; i < 2000; i++) writeRequest(out, i, random.pick(requests.slice(0, 2)));
    });
    return { greets: true, bytes: frame };
  },
};

const httpLines = [
  'GET /status HTTP/1.1\r\nHost: evil.example\r\n\r\n',
  'POST /switchover HTTP/1.1\r\nHost: 127.0.0.1\r\nOrigin: http://evil.example\r\nContent-Length: 2\r\n\r\n{}',
  'POST /members HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\n{"a":',
  'POST /promote-by-force HTTP/1.1\r\nHost: localhost\r\nContent-Length: 60\r\n\r\n{"__proto__":{"x":1},"members":{"voters":[]},"force":"true"}',
  'POST /members HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFF\r\n',
  'GET /\0 HTTP/1.1\r\nHost: localhost\r\n\r\n',
  'DELETE /health HTTP/1.1\r\nHost: localhost\r\n\r\n',
  'GET /health HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n',
  'GET /health HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\nHost: localhost\r\n\r\n0\r\n\r\n',
  'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
];

const admins: Readonly<Record<string, Maker>> = {
  'random bytes': (random) => ({ greets: false, bytes: randomBytes(random, 1 + random.below(600)) }),
  'HTTP that is none': (random) => ({ greets: false, bytes: Buffer.from(random.pick(httpLines), 'latin1') }),
  'HTTP with bytes changed': (random) => ({
    greets: false,
    bytes: flipped(Buffer.from(random.pick(httpLines), 'latin1'), random),
  }),
  'endless headers': (random) => {
    const line = `X-${'a'.repeat(random.below(2000))}: b\r\n`;
    return { greets: false, bytes: Buffer.from(`GET /health HTTP/1.1\r\nHost: localhost\r\n${line.repeat(20)}`) };
  },
  'deep JSON': (random) => {
    const body = '['.repeat(1000 + random.below(60_000));
    const head = `POST /members HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${body.length}\r\n\r\n`;
    return { greets: false, bytes: Buffer.from(head + body) };
  },
};

function flipped(bytes: Buffer, random: Random): Buffer {
  for (let i = 0, count = 1 + random.below(4); i < count; i++)
    bytes[random.below(bytes.length)] ^= 1 << random.below(8);
  return bytes;
}

function flippedPayload(frame: Buffer, random: Random): Buffer {
  flipped(frame.subarray(HEADER_BYTES), random);
  return frame;
}

function resealed(frame: Buffer): Buffer {
  return frameOf(frame.subarray(HEADER_BYTES));
}

function cut(bytes: Buffer, random: Random): Buffer {
  return bytes.subarray(0, 1 + random.below(bytes.length - 1));
}

function header(length: number): Buffer {
  const bytes = Buffer.alloc(HEADER_BYTES);
  bytes.writeUInt32BE(length, 0);
  return bytes;
}

/** Every kind as often as any other of its port; of ten attacks five go to the client port, three to the peer port. */
export class Attacks {
  readonly #kinds: Readonly<Record<Attack['port'], readonly (readonly [string, Maker])[]>>;

  constructor(node: string) {
    this.#kinds = {
      client: Object.entries({ ...makers('client', node), ...onlyClients }),
      peer: Object.entries(makers('peer', node)),
      admin: Object.entries(admins),
    };
  }

  draw(random: Random): Attack {
    const port = random.pick([
      'client',
      'client',
      'client',
      'client',
      'client',
      'peer',
      'peer',
      'peer',
      'admin',
      'admin',
    ] as const);
    const [kind, make] = random.pick(this.#kinds[port]);
    return { port, kind, ...make(random) };
  }
}
