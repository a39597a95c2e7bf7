/**
 * Calls: one request each, sent to one node after another until it has an outcome.
 *
 * The outcome is what every attempt's fate allows to be said. An answer to any attempt is the answer. Without one, the
 * request was refused only if every attempt was definitely refused (the node said no, or was never reached); otherwise
 * nobody knows. A read changes nothing, so that it is always refused rather than doubtful. Sent again is what was
 * definitely refused; reads; and writes with an origin, which the store applies once however often they come.
 */
import type { GroupId, NodeId, RefusalCode, Request, Response } from '../core/types.ts';
import { doubt, refusal, type RefusedBecause } from './errors.ts';
import { fits, isQuick, isSettled, isWrite, mayRepeat } from './kinds.ts';
import { type Line, neverDelivered, type Surroundings } from './line.ts';
import type { Repeats } from './repeats.ts';
import { type Answered, attributed } from './answers.ts';
import type { Routes, Target } from './routes.ts';

/** Pause before asking again once every node has refused: doubled each time, up to the longest. */
const PAUSE_MS = 20;
const PAUSE_MS_MAX = 160;
/** A leader that hands over has a successor in a moment. */
const HANDING_OVER_PAUSE_MS = 10;

/** How much of the time that is left a node may wait for what a read needs before it says no. */
const WAIT_SHARE = 0.5;

/** Refusals that no other node, and no later attempt, would take back. */
const FINAL: ReadonlySet<RefusalCode> = new Set(['TOKEN_UNDONE', 'WRONG_GROUP', 'BAD_REQUEST', 'ELECTED_OUTSIDE']);

/** Refusals of a leader that stays one. */
const STAYING: ReadonlySet<RefusalCode> = new Set(['DISK_FULL', 'CHANGE_IN_PROGRESS', 'NOT_CAUGHT_UP']);

export interface CallsConfig extends Surroundings {
  readonly routes: Routes;
  readonly repeats: Repeats;
  /** After so long without an answer, what may be asked twice is asked of another node, ms. */
  readonly attemptMs: number;
  /** Reads that were served by a node without a vote are asked of another one; but for one that is asked by name. */
  readonly votersOnly: boolean;
  /** A read that waited for nothing took this long from its first attempt to its answer. */
  readonly timed?: (node: NodeId, latencyMs: number) => void;
}

export interface Ask {
  readonly body: Request;
  readonly target: Target;
  readonly group: GroupId;
  readonly deadlineMs: number;
}

interface Call extends Ask {
  body: Request;
  readonly resolve: (answer: Answered) => void;
  readonly reject: (error: Error) => void;
  readonly begunMs: number;
  /** Attempts so far; the last of them is the one under way, unless the call pauses. */
  attempts: number;
  /** Who was asked last. */
  node: NodeId;
  /** Attempts that were not definitely refused. */
  open: number;
  pausing: boolean;
  /** When the pause is over, the attempt is given up, or the call ends. */
  dueMs: number;
  nextPauseMs: number;
  /** Why it was refused last, and why it may have been taken all the same. */
  code: RefusedBecause;
  doubt: string | undefined;
}

/** A line in use. A broken one takes no more requests, and is closed when nothing waits on it any more. */
interface Held {
  readonly line: Line;
  readonly node: NodeId;
  waiting: number;
  broken: boolean;
}

export class Calls {
  readonly #config: CallsConfig;
  readonly #lines = new Map<NodeId, Held>();
  readonly #pending = new Set<Call>();
  #wakeAtMs = Number.POSITIVE_INFINITY;
  #callOff: (() => void) | undefined;
  #closed = false;
  /** How often everything that waited was cancelled. */
  #cancels = 0;

  constructor(config: CallsConfig) {
    this.#config = config;
  }

  /** Rejects with {@link RefusedByStore} or, when nobody knows, {@link Indeterminate}. */
  ask({ body, target, group, deadlineMs }: Ask): Promise<Answered> {
    if (this.#closed) return Promise.reject(refusal('CLOSED'));
    return new Promise((resolve, reject) => {
      const call: Call = {
        body,
        target,
        group,
        deadlineMs,
        resolve,
        reject,
        begunMs: this.#config.nowMs(),
        attempts: 0,
        node: '',
        open: 0,
        pausing: false,
        dueMs: deadlineMs,
        nextPauseMs: PAUSE_MS,
        code: 'NO_ANSWER',
        doubt: undefined,
      };
      this.#pending.add(call);
      this.#attempt(call);
    });
  }

  /** Waits as a call would between two attempts. Rejects at once with `code` when that would outlast the deadline. */
  pause(deadlineMs: number, code: RefusedBecause): Promise<void> {
    const { nowMs, timer } = this.#config;
    if (this.#closed) return Promise.reject(refusal('CLOSED'));
    if (nowMs() + PAUSE_MS >= deadlineMs) return Promise.reject(refusal(code));
    const cancels = this.#cancels;
    return new Promise((resolve, reject) => {
      timer(PAUSE_MS, () => {
        if (this.#closed) reject(refusal('CLOSED'));
        else if (this.#cancels > cancels) reject(refusal('CANCELLED'));
        else resolve();
      });
    });
  }

  /** Sends a question of which nobody waits for the outcome. */
  wonder(node: NodeId, body: Request, told: (answered: boolean) => void): void {
    if (this.#closed) return;
    this.#request(
      node,
      body,
      (answer) => told(answer.type !== 'refused'),
      () => told(false),
    );
  }

  /** Ends what waits, as refused where that is certain; what is asked from now on is asked. */
  cancel(): void {
    this.#cancels++;
    this.#endAll('CANCELLED');
  }

  /** The same, and for good. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#callOff?.();
    for (const { line } of this.#lines.values()) line.close();
    this.#lines.clear();
    this.#endAll('CLOSED');
  }

  #endAll(code: 'CANCELLED' | 'CLOSED'): void {
    for (const call of this.#pending) {
      call.code = code;
      call.doubt ??= code;
      this.#end(call);
    }
  }

  #attempt(call: Call): void {
    const { routes, nowMs, attemptMs } = this.#config;
    const node = routes.pick(call.target, call.group);
    const attempt = ++call.attempts;
    call.node = node;
    call.open++;
    call.pausing = false;
    const now = nowMs();
    call.dueMs = mayRepeat(call.body) ? Math.min(call.deadlineMs, now + attemptMs) : call.deadlineMs;
    this.#wake(call.dueMs, now);
    this.#request(
      node,
      withinTime(call, now, attemptMs),
      (answer) => this.#answered(call, attempt, node, answer),
      (error) => this.#broken(call, attempt, node, error),
    );
  }

  #answered(call: Call, attempt: number, node: NodeId, answer: Response): void {
    if (!this.#pending.has(call)) return; // ended, by another attempt or by its deadline
    const isLatest = attempt === call.attempts && !call.pausing;
    switch (answer.type) {
      case 'refused':
        call.open--;
        if (isLatest) this.#refused(call, node, answer);
        return;
      case 'unknown':
        if (call.body.type === 'read') return isLatest ? this.#goOn(call, false) : undefined;
        call.doubt = answer.waitingFor?.length
          ? `${answer.code}: waiting for ${answer.waitingFor.join(', ')}`
          : answer.code;
        if (!mayRepeat(call.body)) return this.#end(call);
        if (answer.code === 'LEADERSHIP_LOST') this.#config.routes.isNoLeader(node, call.group, undefined);
        if (isLatest) this.#goOn(call, true);
        return;
      case 'read':
        if (answer.role === 'learner' && this.#config.votersOnly && !this.#config.routes.isBound(call.target)) {
          // A learner, or a node that was removed: what every voter serves it may not have.
          call.open--;
          if (isLatest) this.#refused(call, node, { type: 'refused', code: 'NOT_A_MEMBER' });
          return;
        }
        this.#taken(call, node, answer);
        return;
      case 'written':
      case 'mismatch':
      case 'done':
        this.#taken(call, node, answer);
    }
  }

  #taken(call: Call, node: NodeId, answer: Exclude<Response, { type: 'refused' | 'unknown' }>): void {
    const { routes, repeats, timed } = this.#config;
    if (!fits(call.body, answer)) {
      call.doubt = `unexpected answer ${answer.type}`;
      return this.#end(call);
    }
    if (answer.type !== 'done') routes.answered(node, call.group, answer.role === 'leader');
    const elsewhere = call.open > 1 && !isSettled(call.body);
    if (elsewhere && answer.type === 'mismatch') {
      // Where the other attempt was taken it may match.
      call.doubt ??= 'TIMEOUT';
      return this.#end(call);
    }
    if (answer.type === 'written' || answer.type === 'mismatch') {
      if (answer.commit !== undefined) repeats.committed(call.group, answer.commit);
    } else if (answer.type === 'read' && call.body.type === 'read') {
      if (call.body.path !== 'local') repeats.committed(call.group, answer.position.index);
      if (timed !== undefined && call.attempts === 1 && isQuick(call.body.path)) {
        timed(node, this.#config.nowMs() - call.begunMs);
      }
    }
    this.#pending.delete(call);
    const attributedAnswer = attributed(answer, node, call.group);
    call.resolve(elsewhere ? { ...attributedAnswer, elsewhere } : attributedAnswer);
  }

  #refused(call: Call, node: NodeId, { code, leader, commit }: Extract<Response, { type: 'refused' }>): void {
    call.code = code;
    if (FINAL.has(code)) return this.#end(call);
    if (code === 'ORIGIN_TOO_OLD') {
      // Had an attempt been taken, its record might have been forgotten since; if surely none was, this is a new request.
      const { body } = call;
      if (call.open > 0 || commit === undefined || !isWrite(body) || body.origin === undefined) return this.#end(call);
      this.#config.repeats.corrected(call.group, commit);
      call.body = { ...body, origin: { ...body.origin, since: commit } };
      return this.#goOn(call, false);
    }
    const { routes } = this.#config;
    if (call.target !== 'leader') routes.avoid(node);
    if (code === 'HANDING_OVER') {
      if (leader !== undefined) routes.isNoLeader(node, call.group, leader);
      return this.#pause(call, HANDING_OVER_PAUSE_MS);
    }
    // The leader itself can't just now; no other node could.
    if (STAYING.has(code) && routes.leader(call.group) === node) return this.#goOn(call, true);
    if (call.target === 'leader' || routes.leader(call.group) === node || leader !== undefined) {
      routes.isNoLeader(node, call.group, leader);
    }
    // Nobody leads, as far as the node knows that was asked: the others will hardly know better right now.
    this.#goOn(call, call.target === 'leader' && code === 'NOT_LEADER' && leader === undefined);
  }

  #broken(call: Call, attempt: number, node: NodeId, error: unknown): void {
    if (!this.#pending.has(call)) return;
    const definite = neverDelivered(error);
    if (definite) {
      call.open--;
      call.code = 'CONNECTION_REFUSED';
    } else {
      call.doubt ??= 'CONNECTION_LOST';
      if (!mayRepeat(call.body)) return this.#end(call);
    }
    this.#config.routes.avoid(node);
    if (attempt !== call.attempts || call.pausing) return;
    this.#config.routes.isNoLeader(node, call.group, undefined);
    this.#goOn(call, false);
  }

  /** The next attempt: at once while there are others to ask, otherwise after a pause. */
  #goOn(call: Call, rest: boolean): void {
    const { routes } = this.#config;
    if (rest || routes.isBound(call.target) || call.attempts % routes.nodes.length === 0) {
      const pauseMs = call.nextPauseMs;
      call.nextPauseMs = Math.min(pauseMs * 2, PAUSE_MS_MAX);
      this.#pause(call, pauseMs);
    } else if (this.#config.nowMs() >= call.deadlineMs) this.#end(call);
    else this.#attempt(call);
  }

  /** Ends the call at once when nothing can come of a pause. */
  #pause(call: Call, durationMs: number): void {
    const now = this.#config.nowMs();
    const dueMs = now + durationMs;
    if (dueMs >= call.deadlineMs && call.open === 0) return this.#end(call);
    call.pausing = true;
    // An attempt that was given up may be answered yet.
    call.dueMs = Math.min(dueMs, call.deadlineMs);
    this.#wake(call.dueMs, now);
  }

  /** Without an answer. */
  #end(call: Call): void {
    this.#pending.delete(call);
    const { body, open, code } = call;
    if (open === 0 || body.type === 'read') call.reject(refusal(code));
    else call.reject(doubt(call.doubt ?? 'TIMEOUT'));
  }

  #due(call: Call, now: number): void {
    if (now >= call.deadlineMs) return this.#end(call);
    if (call.pausing) return this.#attempt(call);
    // Silence: the node may be paused, or cut off behind a line that does not break.
    const { routes } = this.#config;
    call.doubt ??= 'TIMEOUT';
    routes.avoid(call.node);
    routes.isNoLeader(call.node, call.group, undefined);
    this.#attempt(call);
  }

  /** One timer for all calls: most have ended when it fires. */
  #wake(atMs: number, nowMs: number): void {
    if (atMs >= this.#wakeAtMs) return;
    this.#callOff?.();
    this.#wakeAtMs = atMs;
    this.#callOff = this.#config.timer(Math.max(0, atMs - nowMs), () => this.#awake());
  }

  #awake(): void {
    this.#wakeAtMs = Number.POSITIVE_INFINITY;
    this.#callOff = undefined;
    const now = this.#config.nowMs();
    for (const call of this.#pending) if (call.dueMs <= now) this.#due(call, now);
    let next = Number.POSITIVE_INFINITY;
    for (const call of this.#pending) if (call.dueMs < next) next = call.dueMs;
    if (next < Number.POSITIVE_INFINITY) this.#wake(next, now);
  }

  #request(node: NodeId, body: Request, answered: (answer: Response) => void, broken: (error: unknown) => void): void {
    let held = this.#lines.get(node);
    if (held === undefined) {
      held = { line: this.#config.dial(node), node, waiting: 0, broken: false };
      this.#lines.set(node, held);
    }
    const on = held;
    on.waiting++;
    on.line.request(body).then(
      (answer) => {
        this.#settled(on);
        answered(answer);
      },
      (error: unknown) => {
        on.broken = true;
        // Whoever asks next dials anew.
        if (this.#lines.get(node) === on) this.#lines.delete(node);
        this.#settled(on);
        broken(error);
      },
    );
  }

  #settled(held: Held): void {
    held.waiting--;
    if (held.broken && held.waiting === 0) held.line.close();
  }
}

/** A read that may wait at a node leaves time to ask another one. */
function withinTime(call: Ask, nowMs: number, attemptMs: number): Request {
  const { body, deadlineMs } = call;
  if (body.type !== 'read' || body.waitMs === 0) return body;
  const leftMs = Math.max(0, deadlineMs - nowMs);
  return { ...body, waitMs: Math.min(body.waitMs, Math.min(leftMs, attemptMs) * WAIT_SHARE) };
}
