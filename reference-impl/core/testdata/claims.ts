/** What answers claim beyond their state: how new it is, who else has it, and that a request was applied once. */
import type { Entry, NodeId, Position, Request, Response, WriteRequest, CasRequest, ReadRequest } from '../types.ts';
import type { Asked } from './observer.ts';

type Breach = (what: string, detail: string) => void;

/** What became of the attempts at one request. */
interface Tried {
  attempts: number;
  refusals: number;
  readonly answers: { readonly type: 'written' | 'mismatch'; readonly version: Position; readonly lasting: boolean }[];
}

interface Noted {
  readonly life: number;
  readonly token: Position;
}

/** Reads of these paths show everything that anybody was told before they were asked. */
export const NEWEST: readonly string[] = ['leader', 'leader-lease', 'follower-linearizable'];

export class Claims {
  readonly #breach: Breach;
  /** Highest committed place that anybody had been told of, from when on; ascending. */
  readonly #floors: { readonly atMs: number; readonly floor: number }[] = [];
  readonly #byOrigin = new Map<string, Tried>();
  readonly #notes = new Map<string, Noted[]>();
  readonly #stamped: { readonly notBeforeMs: number; readonly position: Position }[] = [];
  readonly #regional: { readonly seen: readonly Noted[]; readonly asked: Asked; readonly position: Position }[] = [];
  /** By node, the highest place of a write that was answered as served by every voter, this node among them. */
  readonly applied = new Map<NodeId, number>();
  repeats = 0;

  constructor(breach: Breach) {
    this.#breach = breach;
  }

  told(atMs: number, floor: number): void {
    if (floor > (this.#floors.at(-1)?.floor ?? 0)) this.#floors.push({ atMs, floor });
  }

  appliedBy(node: NodeId, index: number): void {
    this.applied.set(node, Math.max(index, this.applied.get(node) ?? 0));
  }

  isRepeated(body: Request): boolean {
    return (this.#byOrigin.get(originOf(body) ?? '')?.attempts ?? 0) > 1;
  }

  asked({ body }: Asked): void {
    const origin = originOf(body);
    if (origin === undefined) return;
    const tried = this.#byOrigin.get(origin) ?? { attempts: 0, refusals: 0, answers: [] };
    tried.attempts++;
    this.#byOrigin.set(origin, tried);
  }

  /** At true time `nowMs`. */
  answered(asked: Asked, response: Response, nowMs: number): void {
    const { body, node } = asked;
    if (response.type === 'read' && body.type === 'read') this.#read(asked, body, response.position, nowMs);
    if (response.type === 'done' && body.type === 'note') {
      const key = `${node} ${body.user}`;
      this.#notes.set(key, [...(this.#notes.get(key) ?? []), { life: asked.life, token: body.token }]);
    }
    if (body.type !== 'write' && body.type !== 'cas') return;
    const tried = this.#byOrigin.get(originOf(body) ?? '');
    if (tried !== undefined && response.type === 'refused') tried.refusals++;
    if (response.type !== 'written' && response.type !== 'mismatch') return;
    const { type, version } = response;
    tried?.answers.push({ type, version, lasting: body.ack !== 'leader-ack' });
  }

  #read(asked: Asked, body: ReadRequest, position: Position, nowMs: number): void {
    const { path, boundMs, notBeforeMs, user } = body;
    if (path === 'local') return;
    if (position.index < asked.applied) this.#breach('all-applied not served', `${path} on ${asked.node}`);
    if (boundMs !== undefined) {
      const needed = this.#floors.findLast(({ atMs }) => atMs < nowMs - boundMs)?.floor ?? 0;
      if (position.index < needed) this.#breach('bounded read beyond its bound', `${position.index} < ${needed}`);
    }
    if (notBeforeMs !== undefined) this.#stamped.push({ notBeforeMs, position });
    if (user !== undefined) {
      const seen = this.#notes.get(`${asked.node} ${user}`) ?? [];
      this.#regional.push({ seen: [...seen], asked, position });
    }
  }

  /** With the one log that everybody has in the end. */
  judge(log: readonly Entry[]): void {
    this.#judgeOrigins(log);
    for (const { notBeforeMs, position } of this.#stamped) {
      const stampMs =
        log.findLast(({ index, stampMs: at }) => index <= position.index && at !== undefined)?.stampMs ?? -1;
      if (stampMs < notBeforeMs) this.#breach('time stamp not honoured', `${stampMs} < ${notBeforeMs}`);
    }
    for (const { seen, asked, position } of this.#regional) {
      for (const { life, token } of seen) {
        if (log[token.index - 1]?.term !== token.term) continue;
        // What was told in an earlier life counts as far as it was known to be committed.
        if (life !== asked.life && token.index > asked.floor) continue;
        if (position.index < token.index) this.#breach('what a user has seen is not served', asked.node);
      }
    }
  }

  #judgeOrigins(log: readonly Entry[]): void {
    const placeOf = new Map<string, Position>();
    for (const { term, index, origin } of log) {
      if (origin === undefined) continue;
      const name = `${origin.client}/${origin.sequence}`;
      if (placeOf.has(name)) this.#breach('a request applied twice', name);
      placeOf.set(name, { term, index });
    }
    for (const [name, { attempts, refusals, answers }] of this.#byOrigin) {
      const place = placeOf.get(name);
      if (attempts === refusals && place !== undefined) this.#breach('a refused request was applied', name);
      if (attempts > 1 && answers.length > 0) this.repeats++;
      const lasting = answers.filter((answer) => answer.lasting);
      if (new Set(lasting.map(({ type }) => type)).size > 1) this.#breach('attempts answered differently', name);
      for (const { type, version } of answers) {
        const stands = type === 'written' && log[version.index - 1]?.term === version.term;
        if (stands && version.index !== place?.index) this.#breach("answered with another request's place", name);
      }
    }
  }
}

function originOf(body: Request): string | undefined {
  if (body.type !== 'write' && body.type !== 'cas') return undefined;
  const { origin }: WriteRequest | CasRequest = body;
  return origin === undefined ? undefined : `${origin.client}/${origin.sequence}`;
}
