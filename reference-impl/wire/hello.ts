/**
 * The first frames of a connection: who speaks, to whom, of which cluster, and, where a secret is configured, that both
 * know it.
 *
 *     dialer                                   acceptor
 *     hello  role, cluster, from, nonce,  ──►
 *            a peer's settings
 *                                         ◄──  welcome                 no secret is configured
 *                                         ◄──  challenge nonce, proof  otherwise
 *     proof                               ──►
 *                                         ◄──  welcome
 *
 * or `refused`, with a reason, in place of each of the acceptor's. A proof is an HMAC-SHA256 over all that was said so far
 * and over who gives it, so that none can be replayed, reflected or used for another role. What follows is neither
 * encrypted nor signed: the secret keeps out who does not know it, not who sits on the line.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { Malformed, Writer } from './bytes.ts';
import type { Reader } from './bytes.ts';
import { FrameWriter } from './frames.ts';
import { readName } from './values.ts';

/** 2: peers say their settings. */
export const PROTOCOL_VERSION = 2;
const MAGIC = 'tidemark';
const NONCE_BYTES = 32;
const PROOF_BYTES = 32;
const REASON_BYTES_MAX = 400;
/** What a frame of somebody may have who has not been let in yet. */
export const HELLO_BYTES_MAX = 1024;
/** A shorter one could be guessed by trying. */
export const SECRET_BYTES_MIN = 16;

/** Largest payloads, bytes. */
export const payloads = {
  /** Requests of a client. */
  client: 2 * 1024 * 1024,
  /** Answers to a client. */
  answers: 8 * 1024 * 1024,
  /** What replicas say. */
  peer: 32 * 1024 * 1024,
} as const;

const HELLO = 0;
const CHALLENGE = 1;
const PROOF = 2;
const WELCOME = 3;
const REFUSED = 4;

/** Settings on which promises rest, and which therefore are the same on all nodes. By their names for operators. */
export const agreedNames = ['election-ms', 'origins-kept', 'clock-drift-ppm'] as const;
export type Agreed = Readonly<Record<(typeof agreedNames)[number], number>>;

export interface Hello {
  readonly role: 'peer' | 'client';
  readonly cluster: string;
  /** A node's id, or whatever a client calls itself. */
  readonly from: string;
  /** Whom the dialer takes the acceptor for; undefined: whoever is there. */
  readonly to: string | undefined;
  /** How many groups the dialer believes in; 0: it does not mind. */
  readonly groups: number;
  /** Of a peer; of a client there is none. */
  readonly agreed?: Agreed | undefined;
  readonly nonce: Buffer;
}

/** What an acceptor says of itself. */
export interface Welcome {
  readonly node: string;
  readonly groups: number;
}

/** The other side said no, or is not who it should be. */
export class HelloRefused extends Error {}

type Reply =
  | { readonly type: 'welcome'; readonly welcome: Welcome }
  | { readonly type: 'challenge'; readonly node: string; readonly nonce: Buffer; readonly proof: Buffer };

function frame(write: (out: FrameWriter) => void): Buffer {
  const out = new FrameWriter();
  write(out);
  return out.take();
}

export function helloFrame(hello: Hello): Buffer {
  return frame((out) => {
    out.number(HELLO);
    out.string(MAGIC);
    out.number(PROTOCOL_VERSION);
    out.boolean(hello.role === 'peer');
    out.string(hello.cluster);
    out.string(hello.from);
    if (hello.to === undefined) out.nil();
    else out.string(hello.to);
    out.number(hello.groups);
    if (hello.agreed === undefined) out.nil();
    else for (const name of agreedNames) out.number(hello.agreed[name]);
    out.binary(hello.nonce);
  });
}

export function readHello(from: Reader): Hello {
  if (from.whole() !== HELLO || from.string(MAGIC.length) !== MAGIC) throw new Malformed('no hello');
  const version = from.whole();
  if (version !== PROTOCOL_VERSION) throw new Malformed(`version ${version} of the protocol`);
  return {
    role: from.boolean() ? 'peer' : 'client',
    cluster: readName(from),
    from: readName(from),
    to: from.nil() ? undefined : readName(from),
    groups: from.whole(),
    agreed: from.nil() ? undefined : readAgreed(from),
    nonce: readExactly(from, NONCE_BYTES),
  };
}

function readAgreed(from: Reader): Agreed {
  return { 'election-ms': from.number(), 'origins-kept': from.number(), 'clock-drift-ppm': from.number() };
}

function readExactly(from: Reader, length: number): Buffer {
  const bytes = from.binary(length);
  if (bytes.length !== length) throw new Malformed('too few bytes');
  return Buffer.from(bytes);
}

export function challengeFrame(node: string, nonce: Buffer, proof: Buffer): Buffer {
  return frame((out) => {
    out.number(CHALLENGE);
    out.string(node);
    out.binary(nonce);
    out.binary(proof);
  });
}

export function proofFrame(proof: Buffer): Buffer {
  return frame((out) => {
    out.number(PROOF);
    out.binary(proof);
  });
}

export function readProof(from: Reader): Buffer {
  if (from.whole() !== PROOF) throw new Malformed('no proof');
  return readExactly(from, PROOF_BYTES);
}

export function welcomeFrame({ node, groups }: Welcome): Buffer {
  return frame((out) => {
    out.number(WELCOME);
    out.string(node);
    out.number(groups);
  });
}

export function refusedFrame(reason: string): Buffer {
  return frame((out) => {
    out.number(REFUSED);
    out.string(reason);
  });
}

function readReply(from: Reader): Reply {
  switch (from.whole()) {
    case CHALLENGE:
      return {
        type: 'challenge',
        node: readName(from),
        nonce: readExactly(from, NONCE_BYTES),
        proof: readExactly(from, PROOF_BYTES),
      };
    case WELCOME:
      return { type: 'welcome', welcome: { node: readName(from), groups: from.whole() } };
    case REFUSED:
      throw new HelloRefused(from.string(REASON_BYTES_MAX));
    default:
      throw new Malformed('no answer to a hello');
  }
}

/** What `side` proves: that it knows the secret, in this conversation. */
export function proofOf(
  side: 'dialer' | 'acceptor',
  secret: Buffer,
  hello: Hello,
  { node, nonce }: { readonly node: string; readonly nonce: Buffer },
): Buffer {
  const said = new Writer(512);
  said.string(`tidemark ${PROTOCOL_VERSION} ${side}`);
  said.string(hello.role);
  said.string(hello.cluster);
  said.string(hello.from);
  said.string(hello.to ?? '');
  said.number(hello.groups);
  for (const name of agreedNames) said.number(hello.agreed?.[name] ?? 0);
  said.binary(hello.nonce);
  said.string(node);
  said.binary(nonce);
  return createHmac('sha256', secret).update(said.bytes.subarray(0, said.at)).digest();
}

export function sameProof(a: Buffer, b: Buffer): boolean {
  return a.length === b.length && timingSafeEqual(a, b);
}

/** The dialer's side, a frame at a time. */
export class Greeting {
  readonly #hello: Hello;
  readonly #secret: Buffer | undefined;
  #proven = false;

  /** `unguessable` draws the nonce. */
  constructor(hello: Omit<Hello, 'nonce'>, secret: Buffer | undefined, unguessable: (length: number) => Buffer) {
    this.#hello = { ...hello, nonce: unguessable(NONCE_BYTES) };
    this.#secret = secret;
  }

  first(): Buffer {
    return helloFrame(this.#hello);
  }

  /** Takes the acceptor's next frame: what to send, or its welcome. Throws {@link HelloRefused} or Malformed. */
  next(from: Reader): Buffer | Welcome {
    const reply = readReply(from);
    const node = reply.type === 'welcome' ? reply.welcome.node : reply.node;
    const { to } = this.#hello;
    if (to !== undefined && node !== to) throw new HelloRefused(`${node} answers where ${to} was expected`);
    if (reply.type === 'welcome') {
      if (this.#secret !== undefined && !this.#proven) throw new HelloRefused(`${node} does not know the secret`);
      return reply.welcome;
    }
    if (this.#secret === undefined) throw new HelloRefused(`${node} asks for a secret, and none is configured`);
    if (this.#proven) throw new Malformed('a second challenge');
    const expected = proofOf('acceptor', this.#secret, this.#hello, reply);
    if (!sameProof(reply.proof, expected)) throw new HelloRefused(`${node} does not know the secret`);
    this.#proven = true;
    return proofFrame(proofOf('dialer', this.#secret, this.#hello, reply));
  }
}

/** What an acceptor knows and demands. */
export interface Doorkeeper extends Welcome {
  readonly cluster: string;
  readonly agreed: Agreed;
  /** Of each role; undefined: everybody may. */
  readonly secrets: { readonly peer?: Buffer | undefined; readonly client?: Buffer | undefined };
  /** Whether a node of this name may speak here. */
  admits(peer: string): boolean;
  unguessable(length: number): Buffer;
}

/** Why somebody was not let in. `reason` is told to them and to the log; it says nothing that helps them in. */
export class TurnedAway extends Error {}

/** The acceptor's side, a frame at a time. */
export class Door {
  readonly #keeper: Doorkeeper;
  #hello: Hello | undefined;
  #expected: Buffer | undefined;

  constructor(keeper: Doorkeeper) {
    this.#keeper = keeper;
  }

  /** Takes the dialer's next frame: what to send, and who is let in. Throws {@link TurnedAway} or Malformed. */
  next(from: Reader): { readonly send: Buffer; readonly admitted?: Hello } {
    if (this.#hello === undefined) return this.#greet(readHello(from));
    const proof = readProof(from);
    if (this.#expected === undefined || !sameProof(proof, this.#expected)) throw new TurnedAway('wrong secret');
    return this.#admit(this.#hello);
  }

  #greet(hello: Hello): { readonly send: Buffer; readonly admitted?: Hello } {
    const { node, groups, cluster, secrets, admits, unguessable } = this.#keeper;
    this.#hello = hello;
    if (hello.cluster !== cluster) throw new TurnedAway('this is a node of another cluster');
    if (hello.to !== undefined && hello.to !== node) throw new TurnedAway(`this is node ${node}`);
    if (hello.groups !== 0 && hello.groups !== groups) throw new TurnedAway(`this cluster has ${groups} groups`);
    if (hello.role === 'peer' && hello.groups === 0) throw new TurnedAway('a node has to say how many groups it has');
    if (hello.role === 'peer' && !admits(hello.from)) throw new TurnedAway('no member of this cluster');
    const secret = secrets[hello.role];
    if (secret === undefined) return this.#admit(hello);
    const nonce = unguessable(NONCE_BYTES);
    this.#expected = proofOf('dialer', secret, hello, { node, nonce });
    return { send: challengeFrame(node, nonce, proofOf('acceptor', secret, hello, { node, nonce })) };
  }

  /** Whoever is here has proven what there is to prove, and may be told how this node is set. */
  #admit(hello: Hello): { readonly send: Buffer; readonly admitted: Hello } {
    if (hello.role === 'peer') {
      const { node, agreed } = this.#keeper;
      if (hello.agreed === undefined) throw new TurnedAway('a node has to say its settings');
      const name = agreedNames.find((one) => hello.agreed?.[one] !== agreed[one]);
      if (name !== undefined) {
        const values = `${hello.from} has ${name} ${hello.agreed[name]} and ${node} has ${agreed[name]}`;
        throw new TurnedAway(`${values}: it must be the same on all nodes`);
      }
    }
    return { send: welcomeFrame(this.#keeper), admitted: hello };
  }
}
