/** The addresses that are answered. All only show, and none believes what it is asked. */
import { Hono } from 'hono';
import type { Context } from 'hono';
import { streamSSE } from 'hono/streaming';
import { type Clock, MILLISECOND } from '../../history/clock.ts';
import { compare } from '../../results/compare.ts';
import type { RunRecord } from '../../results/record.ts';
import { htmlReport } from '../report/page.ts';
import { liveScript } from './assets.ts';
import { comparePage } from './compare-page.ts';
import { COOKIE, type Guarding, judged } from './guard.ts';
import { livePage, stateText } from './live-page.ts';
import { Tail } from './live.ts';
import { askedFor, filterOf, listPage } from './list-page.ts';
import { html } from '../report/markup.ts';
import { page, POLICY, withBar } from './page.ts';
import type { LiveState, RunSource } from './source.ts';
import { trendsPage } from './trends.ts';

export interface Serving {
  readonly source: RunSource;
  readonly guarding: () => Guarding;
  readonly clock: Clock;
  /** Whether the server is about to end. */
  readonly ending: () => boolean;
  readonly warn: (sentence: string) => void;
}

const TELL_NS = 500 * MILLISECOND;
/** Of a branch or a label: so many runs are compared, which is enough for an interval over runs. */
const RUNS_MAX = 8;
/** Views of runs in progress at once: each reads a journal. */
const LIVE_MAX = 16;

export function appOf(serving: Serving): Hono {
  const { source } = serving;
  const app = new Hono();
  app.use('*', async (context, next) => {
    const refused = guard(context, serving.guarding());
    if (refused !== undefined) return refused;
    await next();
    secure(context);
    return undefined;
  });
  app.get('/', async (context) => {
    const asked = askedFor((field) => context.req.query(field));
    const [runs, choices] = await Promise.all([source.list(filterOf(asked)), source.choices()]);
    return context.html(listPage(asked, runs, source.running(), choices));
  });
  app.get('/runs/:id', async (context) => {
    const id = context.req.param('id');
    const record = await source.load(id);
    if (record !== undefined) return context.html(withBar(htmlReport(record)));
    return source.isKnown(id) ? context.redirect(`/live/${id}`, 303) : missing(context);
  });
  app.get('/runs/:id/json', async (context) => {
    const record = await source.load(context.req.param('id'));
    return record === undefined ? missing(context) : context.json({ schema: 1, type: 'run', ...record });
  });
  app.get('/compare', async (context) => {
    const [a, b] = ['a', 'b'].map((field) => (context.req.query(field) ?? '').slice(0, 200));
    const sides = [await sideOf(a, source), await sideOf(b, source)];
    const trouble = sides.find((side) => typeof side === 'string');
    const [ofA, ofB] = sides.map((side) => (typeof side === 'string' ? [] : side));
    const phases = phasesOf([...ofA, ...ofB]);
    const asked = context.req.query('phase') ?? 'calm';
    const phase = phases.includes(asked) ? asked : (phases[0] ?? 'calm');
    const chosen = { a, b, phase, phases };
    if (trouble !== undefined)
      return context.html(comparePage(chosen, undefined, trouble), a === '' && b === '' ? 200 : 404);
    return context.html(comparePage(chosen, compare(ofA.map(only(phase)), ofB.map(only(phase))), ''));
  });
  app.get('/trends', async (context) => {
    const [branch, system] = ['branch', 'system'].map((field) => (context.req.query(field) ?? '').slice(0, 200));
    return context.html(trendsPage(await source.trends(branch, system), branch, system));
  });
  live(app, serving);
  app.get('/assets/live.js', (context) =>
    context.body(liveScript, 200, { 'Content-Type': 'text/javascript; charset=utf-8' }),
  );
  app.get('/favicon.ico', (context) => context.body(null, 204));
  app.notFound((context) => missing(context));
  app.onError((error, context) => {
    serving.warn(`${context.req.path.slice(0, 200)}: ${error.message.split('\n')[0]}`);
    secure(context);
    return context.html(
      page('Not now', undefined, [
        html`<h1>Not now</h1><p>This could not be read; the terminal says why. ${source.trouble}</p>`,
      ]),
      503,
    );
  });
  return app;
}

/** The answer for whoever is not answered, or whose token goes from the address into a cookie. */
function guard(context: Context, guarding: Guarding): Response | undefined {
  const header = (field: string): string | undefined => context.req.header(field);
  const verdict = judged(
    {
      method: context.req.method,
      host: header('host')?.toLowerCase(),
      origin: header('origin'),
      site: header('sec-fetch-site'),
      mode: header('sec-fetch-mode'),
      authorization: header('authorization'),
      cookie: header('cookie'),
      token: context.req.query('token'),
    },
    guarding,
  );
  if (verdict.type === 'answer') return undefined;
  if (verdict.type === 'welcome') {
    const address = new URL(context.req.url);
    address.searchParams.delete('token');
    context.header('Set-Cookie', `${COOKIE}=${guarding.token ?? ''}; Path=/; HttpOnly; SameSite=Strict`);
    secure(context);
    // Only the path: the name in the address is the browser's.
    return context.redirect(`${address.pathname.replace(/^\/+/, '/')}${address.search}`, 303);
  }
  secure(context);
  return context.text(`${verdict.why}\n`, verdict.status);
}

function secure(context: Context): void {
  const headers = {
    'Content-Security-Policy': POLICY,
    'X-Content-Type-Options': 'nosniff',
    'X-Frame-Options': 'DENY',
    'Referrer-Policy': 'no-referrer',
    'Cross-Origin-Opener-Policy': 'same-origin',
    'Cross-Origin-Resource-Policy': 'same-origin',
    'Cache-Control': 'no-store',
  };
  for (const [field, value] of Object.entries(headers)) context.header(field, value);
}

function missing(context: Context): Response | Promise<Response> {
  return context.html(
    page('Not here', undefined, [
      html`<h1>Not here</h1><p>There is no such page, or the run is gone. <a href="/">All runs</a></p>`,
    ]),
    404,
  );
}

/** Calm first, all faults together next, then each of them. */
function phasesOf(records: readonly RunRecord[]): readonly string[] {
  const all = new Set(records.flatMap(({ latencies }) => latencies.map(({ phase }) => phase)));
  const rest = [...all].filter((phase) => phase !== 'calm' && phase !== 'faults').sort();
  return [...['calm', 'faults'].filter((phase) => all.has(phase)), ...rest];
}

/** Fault by fault: of all phases at once, intervals take seconds. */
function only(phase: string): (record: RunRecord) => RunRecord {
  return (record) => ({
    ...record,
    latencies: record.latencies.filter((one) => one.phase === phase && one.since === 'intended' && one.path !== '*'),
  });
}

/** The runs that a word means, or the sentence that says why there are none: a run, or the latest of a branch or with a label. */
async function sideOf(word: string, source: RunSource): Promise<readonly RunRecord[] | string> {
  if (word === '')
    return 'Choose an A and a B in the list of runs, or name them here: an id, its beginning, a label, a branch, last.';
  const found = await source.find(word);
  const ids =
    found.type === 'ambiguous'
      ? []
      : [
          await source.list({ branch: word, limit: RUNS_MAX }),
          await source.list({ label: word, limit: RUNS_MAX }),
          found.type === 'found' ? await source.list({ idPrefix: found.id, limit: 1 }) : [],
        ].sort((x, y) => y.length - x.length)[0];
  if (found.type === 'ambiguous')
    return `'${word}' begins the ids of several runs: ${found.ids.slice(0, 5).join(', ')}, ….`;
  if (ids.length === 0) return `There is no run '${word}': no id begins so, and no label and no branch is called so.`;
  const records = await Promise.all(ids.map(({ id }) => source.load(id)));
  return records.filter((record) => record !== undefined);
}

function live(app: Hono, { source, clock, ending }: Serving): void {
  let views = 0;
  app.get('/live/:id', (context) => {
    const id = context.req.param('id');
    if (!source.isKnown(id)) return missing(context);
    const tail = new Tail(source.journal(id));
    tail.read();
    return context.html(livePage(id, tail.standing(), source.stateOf(id)));
  });
  app.get('/live/:id/events', (context) => {
    const id = context.req.param('id');
    if (!source.isKnown(id)) return missing(context);
    // Whoever asks so reads nothing: a stream would wait for that for ever.
    if (context.req.method === 'HEAD') return context.body(null, 200, { 'Content-Type': 'text/event-stream' });
    if (views >= LIVE_MAX) return context.text('Too many runs are being watched.\n', 503);
    views++;
    // Set before the stream begins: what comes after it is too late.
    context.header('X-Accel-Buffering', 'no');
    return streamSSE(context, async (stream) => {
      try {
        const tail = new Tail(source.journal(id));
        let said: LiveState | undefined;
        for (let told = -1; !stream.aborted && !stream.closed && !ending(); ) {
          const state = source.stateOf(id);
          const more = tail.read();
          const standing = tail.standing();
          if (standing.events !== told) await stream.writeSSE({ event: 'standing', data: JSON.stringify(standing) });
          told = standing.events;
          const data = JSON.stringify({ says: stateText(id, state) });
          if (state === 'ended' && !more) {
            await stream.writeSSE({ event: 'ended', data });
            return;
          }
          if (state !== 'ended' && state !== said) await stream.writeSSE({ event: 'state', data });
          said = state;
          await clock.sleepUntil(clock.now() + (more ? MILLISECOND : TELL_NS));
        }
      } finally {
        views--;
      }
    });
  });
}
