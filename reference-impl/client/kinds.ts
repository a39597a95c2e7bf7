/** What kinds of requests there are, as far as it matters to whoever asks: what may be sent again, and what answers them. */
import type { CasRequest, ReadPath, Request, Response, WriteRequest } from '../core/types.ts';

export function isWrite(body: Request): body is WriteRequest | CasRequest {
  return body.type === 'write' || body.type === 'cas';
}

/**
 * Whether the answer to one attempt settles what becomes of the others. What is committed is the only place of a write; what a
 * leader alone has taken may be undone, while another leader has what the first attempt left there.
 */
export function isSettled(body: Request): boolean {
  return !isWrite(body) || (body.ack !== undefined && body.ack !== 'leader-ack');
}

/** Whether the store stands it to be asked this twice. */
export function mayRepeat(body: Request): boolean {
  if (isWrite(body)) return body.origin !== undefined;
  return body.type === 'read' || body.type === 'note';
}

/** Served from what the node has at hand. */
export function isQuick(path: ReadPath): boolean {
  return path === 'follower' || path === 'local';
}

export function fits(body: Request, answer: Response): boolean {
  switch (body.type) {
    case 'read':
      return answer.type === 'read';
    case 'write':
      return answer.type === 'written';
    case 'cas':
      return answer.type === 'written' || answer.type === 'mismatch';
    case 'note':
    case 'switchover':
    case 'change-members':
    case 'promote-by-force':
      return answer.type === 'done';
  }
}
