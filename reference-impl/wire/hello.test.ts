import { describe, expect, test } from 'vitest';
import { Malformed, Reader } from './bytes.ts';
import { HEADER_BYTES } from './frames.ts';
import { Door, type Doorkeeper, Greeting, HelloRefused, refusedFrame, TurnedAway, type Welcome } from './hello.ts';

const SECRET = Buffer.from('correct horse battery staple');
const OTHER = Buffer.from('incorrect horse battery staple');

let drawn = 0;
/** Different each time, which is all that is asked of it here. */
const unguessable = (length: number): Buffer => Buffer.alloc(length, ++drawn);

const agreed = { 'election-ms': 300, 'origins-kept': 1000, 'clock-drift-ppm': 0.5 };

const keeper = (more: Partial<Doorkeeper> = {}): Doorkeeper => ({
  node: 'n1',
  groups: 4,
  cluster: 'c',
  agreed,
  secrets: {},
  admits: (peer) => peer === 'n2',
  unguessable,
  ...more,
});

const client = { role: 'client', cluster: 'c', from: 'me', to: 'n1', groups: 0 } as const;
const peer = { role: 'peer', cluster: 'c', from: 'n2', to: 'n1', groups: 4, agreed } as const;

function frame(bytes: Buffer): Reader {
  const reader = new Reader();
  reader.reset(bytes, HEADER_BYTES, bytes.length);
  return reader;
}

/** Carries frames to and fro until one side is content or throws. */
function greet(greeting: Greeting, door: Door): Welcome {
  let toDoor = greeting.first();
  for (let i = 0; i < 5; i++) {
    const answer = greeting.next(frame(door.next(frame(toDoor)).send));
    if (!Buffer.isBuffer(answer)) return answer;
    toDoor = answer;
  }
  throw new Error('they never come to an end');
}

describe('a greeting', () => {
  test('without secrets is a hello and a welcome', () => {
    expect(greet(new Greeting(client, undefined, unguessable), new Door(keeper()))).toEqual({ node: 'n1', groups: 4 });
    expect(greet(new Greeting(peer, undefined, unguessable), new Door(keeper()))).toEqual({ node: 'n1', groups: 4 });
  });

  test('with the secret succeeds, and only for the role that the secret is for', () => {
    const door = (): Door => new Door(keeper({ secrets: { client: SECRET, peer: OTHER } }));
    expect(greet(new Greeting(client, SECRET, unguessable), door()).node).toBe('n1');
    expect(greet(new Greeting(peer, OTHER, unguessable), door()).node).toBe('n1');
    expect(() => greet(new Greeting(peer, SECRET, unguessable), door())).toThrow(HelloRefused);
  });

  test('is refused by a dialer that has a secret where the acceptor does not know it', () => {
    const knowsNone = new Door(keeper());
    expect(() => greet(new Greeting(client, SECRET, unguessable), knowsNone)).toThrow('n1 does not know the secret');
    const knowsAnother = new Door(keeper({ secrets: { client: OTHER } }));
    expect(() => greet(new Greeting(client, SECRET, unguessable), knowsAnother)).toThrow('n1 does not know the secret');
  });

  test('without the secret that is asked for ends', () => {
    const door = new Door(keeper({ secrets: { client: SECRET } }));
    expect(() => greet(new Greeting(client, undefined, unguessable), door)).toThrow('none is configured');
  });

  test('proves nothing a second time', () => {
    const secrets = { client: SECRET };
    const greeting = new Greeting(client, SECRET, unguessable);
    const hello = greeting.first();
    const proof = greeting.next(frame(new Door(keeper({ secrets })).next(frame(hello)).send)) as Buffer;
    const again = new Door(keeper({ secrets }));
    again.next(frame(hello));
    expect(() => again.next(frame(proof))).toThrow(TurnedAway);
  });

  test("cannot be answered with the acceptor's own proof", () => {
    const door = new Door(keeper({ secrets: { client: SECRET } }));
    const challenge = door.next(frame(new Greeting(client, SECRET, unguessable).first())).send;
    const reader = frame(challenge);
    reader.whole();
    reader.string(100);
    reader.binary(100);
    const reflected = Buffer.from(reader.binary(100));
    const bytes = Buffer.concat([Buffer.alloc(HEADER_BYTES), Buffer.from([2, 0xc4, 32]), reflected]);
    expect(() => door.next(frame(bytes))).toThrow(TurnedAway);
  });

  test.each<[string, Parameters<typeof greetAs>[0], string]>([
    ['another cluster', { ...client, cluster: 'd' }, 'another cluster'],
    ['another node', { ...client, to: 'n3' }, 'this is node n1'],
    ['another number of groups', { ...peer, groups: 2 }, 'this cluster has 4 groups'],
    ['a peer without groups', { ...peer, groups: 0 }, 'how many groups'],
    ['a peer without settings', { ...peer, agreed: undefined }, 'has to say its settings'],
    ['a stranger', { ...peer, from: 'n9' }, 'no member'],
  ])('%s is turned away', (_, hello, reason) => {
    expect(() => greetAs(hello)).toThrow(reason);
    expect(() => greetAs(hello)).toThrow(TurnedAway);
  });

  test.each([
    ['election-ms', 3000, 300],
    ['origins-kept', 1001, 1000],
    ['clock-drift-ppm', 0, 0.5],
  ])('a peer with another %s is turned away, and both are told', (name, theirs, ours) => {
    const other = { ...peer, agreed: { ...agreed, [name]: theirs } };
    const reason = `n2 has ${name} ${theirs} and n1 has ${ours}: it must be the same on all nodes`;
    expect(() => greetAs(other)).toThrow(new TurnedAway(reason));
    // Where there is a secret, only to whom has proven that it knows it.
    const secrets = { peer: SECRET };
    expect(() => greet(new Greeting(other, SECRET, unguessable), new Door(keeper({ secrets })))).toThrow(reason);
    const challenge = new Door(keeper({ secrets })).next(frame(new Greeting(other, OTHER, unguessable).first()));
    expect(challenge.admitted).toBeUndefined();
    const refused = new Greeting(peer, undefined, unguessable);
    expect(() => refused.next(frame(refusedFrame(reason)))).toThrow(new HelloRefused(reason));
  });

  test("a proof is of the peer's settings, too", () => {
    const secrets = { peer: SECRET };
    const door = new Door(keeper({ secrets }));
    const greeting = new Greeting({ ...peer, agreed: { ...agreed, 'election-ms': 3000 } }, SECRET, () =>
      Buffer.alloc(32),
    );
    greeting.first();
    // Somebody on the line replaced the hello.
    const challenge = door.next(frame(new Greeting(peer, SECRET, () => Buffer.alloc(32)).first()));
    expect(() => greeting.next(frame(challenge.send))).toThrow('n1 does not know the secret');
  });

  test('a proof before a hello, and a hello after one, are malformed', () => {
    const door = new Door(keeper({ secrets: { client: SECRET } }));
    expect(() => door.next(frame(Buffer.concat([Buffer.alloc(HEADER_BYTES), Buffer.from([2])])))).toThrow(Malformed);
    door.next(frame(new Greeting(client, SECRET, unguessable).first()));
    expect(() => door.next(frame(new Greeting(client, SECRET, unguessable).first()))).toThrow(Malformed);
  });
});

function greetAs(hello: ConstructorParameters<typeof Greeting>[0]): Welcome {
  return greet(new Greeting(hello, undefined, unguessable), new Door(keeper()));
}
