/** Arbitrary requests, answers and messages. `Required` makes the compiler ask for a field that was added. */
import * as fc from 'fast-check';
import type { Message } from '../core/messages.ts';
import type {
  CasRequest,
  Command,
  Entry,
  Loss,
  Membership,
  Position,
  ReadRequest,
  Request,
  Response,
  SnapshotHead,
  StoredRequest,
  StoredValue,
  Token,
  TokenPart,
  Value,
  WriteRequest,
} from '../core/types.ts';

type Arbitraries<T> = { [Name in keyof T]-?: fc.Arbitrary<Exclude<T[Name], undefined>> };

/** All fields of T, each in turn absent where it may be. */
function record<T>(fields: Arbitraries<T>, optional: readonly (keyof T)[] = []): fc.Arbitrary<T> {
  const requiredKeys = (Object.keys(fields) as (keyof T)[]).filter((name) => !optional.includes(name));
  return fc.record(fields, { requiredKeys }) as fc.Arbitrary<T>;
}

const whole = fc.oneof(fc.nat(200), fc.maxSafeNat());
const ms = fc.oneof(fc.nat(5000), fc.double({ min: 0, max: 1e15, noNaN: true })).map((value) => value + 0);
const name = fc.string({ unit: 'grapheme', maxLength: 12 });
const key = fc.oneof(fc.string({ unit: 'grapheme', maxLength: 40 }), fc.integer());
const number = fc.oneof(
  fc.integer({ min: -200, max: 70_000 }),
  fc.maxSafeInteger(),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
);

export const value: fc.Arbitrary<Value> = fc.letrec<{ any: Value }>((tie) => ({
  any: fc.oneof(
    { maxDepth: 3 },
    fc.constant(null),
    fc.boolean(),
    number,
    fc.string({ unit: 'grapheme', maxLength: 300 }),
    fc.array(tie('any'), { maxLength: 20 }),
    fc.dictionary(
      fc.string({ unit: 'grapheme', maxLength: 20 }).filter((field) => field !== '__proto__'),
      tie('any'),
      { maxKeys: 20, noNullPrototype: true },
    ),
  ),
})).any;

const position: fc.Arbitrary<Position> = record<Position>({ term: whole, index: whole });
const part = record<TokenPart>({ group: name, term: whole, index: whole });
const token: fc.Arbitrary<Token> = fc.array(part, { maxLength: 3 });
const names = fc.uniqueArray(fc.stringMatching(/^[a-z][a-z0-9-]{0,8}$/), { maxLength: 5 });

const members: fc.Arbitrary<Membership> = fc
  .record({
    voters: names,
    learners: names,
  })
  .chain((plain) =>
    fc.oneof(
      fc.constant(plain),
      names
        .filter((list) => list.length > 0)
        .map((list) => ({
          ...plain,
          addresses: Object.fromEntries(list.map((node) => [node, `${node}.example:80`])),
        })),
    ),
  );

const origin = fc.record({ client: name, sequence: whole });

const command: fc.Arbitrary<Command> = fc.oneof(
  fc.constant({ type: 'noop' } as const),
  fc.record({ type: fc.constant('write' as const), key, value }),
  fc.record({ type: fc.constant('cas' as const), key, expected: value, next: value }),
  fc.record({ type: fc.constant('members' as const), members }),
);

const entry = record<Entry>({ term: whole, index: whole, command, origin, after: token, stampMs: ms }, [
  'origin',
  'after',
  'stampMs',
]);

const acknowledgement = fc.constantFrom('leader-ack', 'quorum-ack', 'all-ack', 'all-applied') as fc.Arbitrary<
  NonNullable<WriteRequest['ack']>
>;
const role = fc.constantFrom('leader', 'follower', 'candidate', 'learner') as fc.Arbitrary<
  Extract<Response, { type: 'written' }>['role']
>;
const path = fc.constantFrom(
  'leader',
  'leader-lease',
  'follower-linearizable',
  'follower',
  'local',
  'follower+token',
  'follower+timestamp',
  'bounded',
  'region',
) as fc.Arbitrary<ReadRequest['path']>;

const read = record<ReadRequest>(
  {
    type: fc.constant('read'),
    path,
    keys: fc.array(key, { minLength: 1, maxLength: 5 }),
    token: position,
    notBeforeMs: ms,
    boundMs: ms,
    user: name,
    waitMs: ms,
  },
  ['token', 'notBeforeMs', 'boundMs', 'user'],
);
const since = fc.record({ client: name, sequence: whole, since: whole });
const write = record<Omit<WriteRequest, 'stampMs'>>(
  { type: fc.constant('write'), key, value, ack: acknowledgement, origin: since, after: token },
  ['ack', 'origin', 'after'],
);
const cas = record<Omit<CasRequest, 'stampMs'>>(
  {
    type: fc.constant('cas'),
    key,
    expected: value,
    next: value,
    ack: acknowledgement,
    origin: since,
    after: token,
  },
  ['ack', 'origin', 'after'],
);
const group = fc.oneof(fc.constant({}), fc.record({ group: name }));
const change = fc.oneof(
  fc.record({ add: name, as: fc.constantFrom('voter' as const, 'learner' as const) }),
  fc.record({ add: name, as: fc.constantFrom('voter' as const, 'learner' as const), address: name }),
  fc.record({ promote: name }),
  fc.record({ remove: name }),
);

export const request: fc.Arbitrary<Request> = fc.oneof(
  read,
  write,
  cas,
  fc.record({ type: fc.constant('note' as const), user: name, token: part }),
  fc.tuple(group, fc.oneof(fc.constant({}), fc.record({ to: name }))).map(([g, to]) => ({
    type: 'switchover' as const,
    ...g,
    ...to,
  })),
  fc.tuple(group, change).map(([g, asked]) => ({ type: 'change-members' as const, ...g, change: asked })),
  fc.tuple(group, members).map(([g, all]) => ({ type: 'promote-by-force' as const, ...g, members: all })),
);

type Answer<T extends Response['type']> = Extract<Response, { type: T }>;
const loss = record<Loss>({ last: position, commitHeard: whole });
const versions = fc.oneof(position, fc.constant(undefined));

export const response: fc.Arbitrary<Response> = fc.oneof(
  fc.array(fc.tuple(value, versions), { maxLength: 4 }).chain((found) =>
    record<Answer<'read'>>(
      {
        type: fc.constant('read'),
        values: fc.constant(found.map(([one]) => one)),
        versions: fc.constant(found.map(([, version]) => version)),
        position,
        after: token,
        role,
      },
      ['after'],
    ),
  ),
  record<Answer<'written'>>({ type: fc.constant('written'), version: position, role, stampMs: ms, commit: whole }, [
    'stampMs',
    'commit',
  ]),
  record<Answer<'mismatch'>>({ type: fc.constant('mismatch'), actual: value, version: position, role, commit: whole }, [
    'commit',
  ]),
  record<Answer<'done'>>({ type: fc.constant('done'), position, loss }, ['loss']),
  record<Answer<'refused'>>(
    {
      type: fc.constant('refused'),
      code: fc.constantFrom('NOT_LEADER', 'ORIGIN_TOO_OLD', 'BAD_REQUEST', 'DISK_FULL'),
      leader: name,
      commit: whole,
    },
    ['leader', 'commit'],
  ),
  record<Answer<'unknown'>>(
    { type: fc.constant('unknown'), code: fc.constantFrom('TIMEOUT', 'LEADERSHIP_LOST'), waitingFor: names },
    ['waitingFor'],
  ),
);

const head = record<SnapshotHead>(
  {
    term: whole,
    index: whole,
    members,
    membersIndex: whole,
    terms: fc.array(position, { maxLength: 4 }),
    stampMs: ms,
  },
  ['stampMs'],
);
const storedValue = record<StoredValue>({ key, value, term: whole, index: whole, after: token }, ['after']);
const storedRequest = record<StoredRequest>(
  {
    client: name,
    sequence: whole,
    term: whole,
    index: whole,
    mismatch: fc.record({ actual: value, version: position }),
    stampMs: ms,
  },
  ['mismatch', 'stampMs'],
);

type Of<T extends Message['type']> = Extract<Message, { type: T }>;
const term = whole;
const round = whole;

/** The entries of an append have the indices that follow `prevIndex`, as all that a leader sends. */
const append = record<Of<'append'>>({
  type: fc.constant('append'),
  term,
  prevIndex: fc.nat(1_000_000),
  prevTerm: whole,
  entries: fc.array(entry, { maxLength: 4 }),
  commit: whole,
  round,
}).map((message) => ({
  ...message,
  entries: message.entries.map((one, i) => ({ ...one, index: message.prevIndex + 1 + i })),
}));

const messages: { readonly [T in Message['type']]: fc.Arbitrary<Of<T>> } = {
  append,
  appended: record<Of<'appended'>>(
    {
      type: fc.constant('appended'),
      term,
      durable: whole,
      verified: whole,
      round,
      served: whole,
      full: fc.constant(true),
    },
    ['full'],
  ),
  rejected: record<Of<'rejected'>>(
    {
      type: fc.constant('rejected'),
      term,
      prevIndex: whole,
      hintIndex: whole,
      hintTerm: whole,
      round,
      rebuild: fc.constant(true),
      full: fc.constant(true),
      damaged: fc.constant(true),
    },
    ['rebuild', 'full', 'damaged'],
  ),
  commit: record<Of<'commit'>>({ type: fc.constant('commit'), term, index: whole, answer: fc.constant(true) }, [
    'answer',
  ]),
  'pre-vote': record<Of<'pre-vote'>>({
    type: fc.constant('pre-vote'),
    term,
    campaign: whole,
    lastIndex: whole,
    lastTerm: whole,
  }),
  'pre-vote-answer': record<Of<'pre-vote-answer'>>({
    type: fc.constant('pre-vote-answer'),
    term,
    campaign: whole,
    granted: fc.boolean(),
  }),
  vote: record<Of<'vote'>>(
    { type: fc.constant('vote'), term, lastIndex: whole, lastTerm: whole, handover: fc.constant(true) },
    ['handover'],
  ),
  'vote-answer': record<Of<'vote-answer'>>({ type: fc.constant('vote-answer'), term, granted: fc.boolean() }),
  'snapshot-part': record<Of<'snapshot-part'>>({
    type: fc.constant('snapshot-part'),
    term,
    head,
    part: whole,
    last: fc.boolean(),
    round,
    values: fc.array(storedValue, { maxLength: 4 }),
    requests: fc.array(storedRequest, { maxLength: 4 }),
  }),
  'snapshot-taken': record<Of<'snapshot-taken'>>({
    type: fc.constant('snapshot-taken'),
    term,
    index: whole,
    parts: whole,
    done: fc.boolean(),
    round,
  }),
  probe: record<Of<'probe'>>({ type: fc.constant('probe'), term, id: ms }),
  probed: record<Of<'probed'>>({ type: fc.constant('probed'), term, id: ms, commit: whole, last: whole }),
  'stand-now': record<Of<'stand-now'>>({
    type: fc.constant('stand-now'),
    term,
    lastIndex: whole,
    chosen: fc.boolean(),
  }),
};

export const message: fc.Arbitrary<Message> = fc.oneof(...Object.values(messages)) as fc.Arbitrary<Message>;
