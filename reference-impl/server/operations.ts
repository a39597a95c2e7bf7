/** What an operator may ask by POST, and the requests to the core that it becomes. */
import { z } from 'zod';
import type { GroupId, OperatorRequest, RefusalCode, Response } from '../core/types.ts';
import { splitAddress } from './peers.ts';

const name = z.string().min(1).max(64);
const address = z.string().refine((text) => splitAddress(text) !== undefined);
/** One group; all of them if not given. */
const group = name.optional();

const bodies = {
  '/switchover': z.strictObject({ group, to: name.optional() }),
  '/members': z.strictObject({
    group,
    change: z.union([
      z.strictObject({ add: name, as: z.enum(['voter', 'learner']), address: address.optional() }),
      z.strictObject({ promote: name }),
      z.strictObject({ remove: name }),
    ]),
  }),
  /** `force` is there to be typed: acknowledged writes may be lost. */
  '/promote-by-force': z.strictObject({
    group,
    force: z.literal(true),
    members: z.strictObject({
      voters: z.array(name).min(1),
      learners: z.array(name).default([]),
      addresses: z.record(name, address).optional(),
    }),
  }),
} as const;

export const operations: readonly string[] = Object.keys(bodies);

/** What a code does not say by itself. */
const reasons: Partial<Record<RefusalCode, string>> = {
  ELECTED_OUTSIDE:
    'who leads is decided by the external core that elects the leaders; stop the node that leads, and another is elected',
};

/** An answer as the operator reads it. */
export function explained(answer: Response): Response | (Response & { readonly reason: string }) {
  const reason = answer.type === 'refused' ? reasons[answer.code] : undefined;
  return reason === undefined ? answer : { ...answer, reason };
}

export type Asked =
  | { readonly type: 'requests'; readonly requests: readonly OperatorRequest[] }
  | { readonly type: 'bad'; readonly status: 400 | 404; readonly reason: string };

export function operationOf(path: string, body: Buffer, groups: readonly GroupId[]): Asked {
  if (!Object.hasOwn(bodies, path)) return bad(404, `the operations are ${operations.join(', ')}`);
  let json: unknown;
  try {
    json = body.length === 0 ? {} : JSON.parse(body.toString('utf8'));
  } catch {
    return bad(400, 'the body is no JSON');
  }
  const parsed = bodies[path as keyof typeof bodies].safeParse(json);
  if (!parsed.success) {
    const [{ path: where, message }] = parsed.error.issues;
    return bad(400, `${where.join('.') || 'the body'}: ${message}`);
  }
  const asked = parsed.data;
  if (asked.group !== undefined && !groups.includes(asked.group)) return bad(404, `there is no group ${asked.group}`);
  const meant = asked.group === undefined ? groups : [asked.group];
  return { type: 'requests', requests: meant.map((one) => requestOf(asked, one)) };
}

function requestOf(asked: z.infer<(typeof bodies)[keyof typeof bodies]>, group: GroupId): OperatorRequest {
  if ('change' in asked) {
    const { change } = asked;
    if (!('add' in change)) return { type: 'change-members', group, change };
    const { address: at, ...rest } = change;
    return { type: 'change-members', group, change: { ...rest, ...(at !== undefined && { address: at }) } };
  }
  if ('members' in asked) {
    const { addresses, ...rest } = asked.members;
    return { type: 'promote-by-force', group, members: { ...rest, ...(addresses && { addresses }) } };
  }
  return { type: 'switchover', group, ...(asked.to !== undefined && { to: asked.to }) };
}

function bad(status: 400 | 404, reason: string): Asked {
  return { type: 'bad', status, reason };
}
