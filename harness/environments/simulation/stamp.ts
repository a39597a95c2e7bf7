import type { CasRequest, Request, WriteRequest } from '../../../reference-impl/core/types.ts';

/**
 * The request with the reading of a wall clock. Written out, because spreading an object of varying shape costs twenty times
 * as much; the types see that nothing is left out.
 */
export function stamp(body: WriteRequest | CasRequest, stampMs: number): Request {
  const { ack, key, origin, after } = body;
  const stamped =
    body.type === 'write'
      ? ({ type: 'write', ack, key, value: body.value, origin, after, stampMs } satisfies Every<WriteRequest>)
      : ({
          type: 'cas',
          ack,
          key,
          expected: body.expected,
          next: body.next,
          origin,
          after,
          stampMs,
        } satisfies Every<CasRequest>);
  return stamped as WriteRequest | CasRequest; // what was not given is there as undefined
}

type Every<T> = { readonly [K in keyof Required<T>]: T[K] | undefined };
