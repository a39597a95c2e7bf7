/** What reading from a follower saves and costs: percentiles beside the leader's, each read path's latency against its staleness, how soon writes are seen. */
import { cutTo } from '../../checkers/explain/labels.ts';
import { decodeHistogram, type Histogram, percentileNs } from '../../results/histograms.ts';
import type { LatencyRecord, RunRecord, StalenessCurve } from '../../results/record.ts';
import { OF_ALL_ANSWERS, OF_THE_LOAD } from '../load-text.ts';
import { count, duration, percent } from '../table.ts';
import { nodeTable } from './by-node.ts';
import {
  columns,
  drawn,
  durationTick,
  type Frame,
  legend,
  line,
  linear,
  logarithmic,
  type Point,
  round,
  rows,
  type Scale,
  type Size,
  WIDTH,
} from './chart.ts';
import { type Dot, labelsOf } from './dot-labels.ts';
import { html, type Markup, name, type Piece } from './markup.ts';

/** Fewer reads than these say nothing of a tail. */
const READS_MIN = 20;

export function followerSection(record: RunRecord): Markup {
  const paths = readPaths(record);
  return html`<div class="pair">${percentiles(record, 'intended')}${percentiles(record, 'sent')}</div>${frontier(paths, writePathsOf(record))}${pathTable(paths)}${nodeTable(record)}${visibility(record)}`;
}

/** Reads of the strongest path against all that followers answered. */
export function comparedReads(
  record: RunRecord,
  phase: string,
  role: string,
  since: LatencyRecord['since'],
): LatencyRecord | undefined {
  return record.latencies.find(
    (one) =>
      one.path === '*' && one.method === 'read' && one.phase === phase && one.role === role && one.since === since,
  );
}

function halfFrame(size: Size, height: number, left: number): Frame {
  return { size, width: WIDTH[size], height, left, right: 16, top: 10, bottom: 40 };
}

const SHARES = [0, 50, 90, 99, 99.9, 99.99];

/** The higher the percentile, the more room it gets: 90, 99 and 99.9 are equally far apart. */
function shareScale(most: number, from: number, to: number): Scale {
  const end = Math.log10(1 / (1 - most / 100));
  const place = (share: number): number => from + (Math.log10(1 / (1 - share / 100)) / end) * (to - from);
  return {
    place,
    ticks: SHARES.filter((share) => share <= most).map((at) => ({ at, label: at === 0 ? '' : `p${at}` })),
  };
}

function percentiles(record: RunRecord, since: LatencyRecord['since']): Markup | undefined {
  const lines = (['calm', 'faults'] as const).flatMap((phase) =>
    (['leader', 'follower'] as const).flatMap((role) => {
      const one = comparedReads(record, phase, role, since);
      if (one === undefined || one.count < READS_MIN) return [];
      const type = `${role}${phase === 'faults' ? ' tail' : ''}`;
      return [
        {
          one,
          type,
          label: `${role}, ${phase === 'calm' ? 'calm' : 'under faults'} (${count(one.count)})`,
          histogram: decodeHistogram(one.histogram),
        },
      ];
    }),
  );
  if (lines.length === 0) return undefined;
  const most = Math.max(...lines.map(({ one }) => one.count)) >= 20_000 ? 99.99 : 99.9;
  const values = lines.flatMap(({ histogram, one }) => [percentileNs(histogram, 1), one.maxNs]).filter((ns) => ns > 0);
  const title = since === 'intended' ? 'Reads, from the intended start' : 'Reads, from sending';
  const caption =
    since === 'intended' ? 'waiting for the session’s turn included' : 'the way to the node and back, and what it does';
  const picture = drawn(`${title}: latency by percentile`, (size) => {
    const frame = { ...halfFrame(size, 250, 58), width: size === 'wide' ? 452 : WIDTH.narrow };
    const x = shareScale(most, frame.left, frame.width - frame.right);
    const y = logarithmic(
      Math.min(...values),
      Math.max(...values),
      frame.height - frame.bottom,
      frame.top,
      durationTick,
    );
    const curves = lines.map(({ histogram, one, type }) => line(percentilePoints(histogram, one, most, x, y), type));
    return {
      width: frame.width,
      height: frame.height,
      parts: [rows(frame, y), columns(frame, x, 'share of the reads that took no longer'), curves],
    };
  });
  return html`<figure class="half"><figcaption><b>${title}</b> <span>${caption}</span></figcaption>${legend(lines.map(({ label, type }) => ({ label, type })))}${picture}</figure>`;
}

function percentilePoints(
  histogram: Histogram,
  { count: n, maxNs }: LatencyRecord,
  most: number,
  x: Scale,
  y: Scale,
): readonly Point[] {
  const end = Math.log10(1 / (1 - most / 100));
  const shares = Array.from({ length: 81 }, (_, i) => 100 * (1 - 10 ** (-(end * i) / 80)));
  // No further than there is a read to speak of.
  return shares
    .filter((share) => n * (1 - share / 100) >= 1)
    .map((share) => [x.place(share), y.place(Math.min(maxNs, percentileNs(histogram, share)))] as const);
}

/** One read path: how fast, and how far behind. */
export interface PathFigures {
  readonly path: string;
  readonly reads: number;
  readonly p50Ns: number | undefined;
  readonly p99Ns: number | undefined;
  readonly stale: number;
  /** Of all its answers, fresh ones too: the age at the least. */
  readonly ageP99Ns: number;
  readonly ageMaxNs: number;
  readonly versionsMax: number;
}

export function readPaths(record: RunRecord): readonly PathFigures[] {
  const calm = record.latencies.filter(
    ({ method, path, phase, since }) => method === 'read' && path !== '*' && phase === 'calm' && since === 'intended',
  );
  const names = [
    ...new Set([...(record.curves ?? []).map(({ path }) => path), ...record.staleness.map(({ readPath }) => readPath)]),
  ];
  return names.flatMap((path): PathFigures[] => {
    const [first, ...others] = calm
      .filter((one) => one.path === path)
      .map(({ histogram }) => decodeHistogram(histogram));
    for (const other of others) first.add(other);
    const figures = agesOf(record, path);
    if (figures.reads === 0) return [];
    const at = (share: number): number | undefined => (first === undefined ? undefined : percentileNs(first, share));
    return [{ path, ...figures, p50Ns: at(50), p99Ns: at(99) }];
  });
}

function agesOf({ curves = [], staleness }: RunRecord, path: string): Omit<PathFigures, 'path' | 'p50Ns' | 'p99Ns'> {
  const curve = curves.find((one) => one.path === path && one.node === undefined);
  if (curve !== undefined) {
    const { reads, stale, low, versionsMax } = curve;
    return { reads, stale, ageP99Ns: low.p99, ageMaxNs: low.max, versionsMax };
  }
  // Runs of earlier versions tell of stale reads only, one write path at a time.
  const some = staleness.filter(({ readPath }) => readPath === path);
  const total = (of: (one: (typeof some)[number]) => number): number => some.reduce((sum, one) => sum + of(one), 0);
  const most = (of: (one: (typeof some)[number]) => number): number => Math.max(0, ...some.map(of));
  const [reads, stale] = [total((one) => one.reads), total((one) => one.staleReads)];
  const ageP99Ns = stale * 100 > reads ? most((one) => one.p99Ns) : 0;
  return { reads, stale, ageP99Ns, ageMaxNs: most((one) => one.maxNs), versionsMax: most((one) => one.versionsMax) };
}

/** Those that no other beats in both: none is faster and fresher. */
function isBest(one: PathFigures, all: readonly PathFigures[]): boolean {
  return !all.some(
    (other) =>
      other !== one &&
      (other.p50Ns ?? Infinity) <= (one.p50Ns ?? Infinity) &&
      other.ageP99Ns <= one.ageP99Ns &&
      ((other.p50Ns ?? Infinity) < (one.p50Ns ?? Infinity) || other.ageP99Ns < one.ageP99Ns),
  );
}

/** Those that were written by, in the load that was judged. */
function writePathsOf({ plan, staleness }: RunRecord): readonly string[] {
  const named = plan['writePaths'];
  return Array.isArray(named) ? named.map(String) : [...new Set(staleness.map(({ writePath }) => writePath))];
}

function frontier(all: readonly PathFigures[], writePaths: readonly string[]): Markup | undefined {
  const paths = all.filter(({ p50Ns, reads }) => p50Ns !== undefined && reads >= READS_MIN);
  if (paths.length < 2) return undefined;
  const stale = paths.map(({ ageP99Ns }) => ageP99Ns).filter((ns) => ns > 0);
  const latencies = paths.map(({ p50Ns = 1 }) => p50Ns);
  const picture = drawn('Latency against staleness, a dot for each read path', (size) => {
    const frame = { ...halfFrame(size, size === 'wide' ? 300 : 300, 58) };
    const [left, right] = [frame.left + 46, frame.width - frame.right - 10];
    const x = logarithmic(Math.min(...stale, 1e9), Math.max(...stale, 1e6), left + 26, right, durationTick);
    const y = logarithmic(
      Math.min(...latencies),
      Math.max(...latencies),
      frame.height - frame.bottom,
      frame.top + 8,
      durationTick,
    );
    const spot = (one: PathFigures): Point => [
      one.ageP99Ns > 0 ? x.place(one.ageP99Ns) : frame.left + 26,
      y.place(one.p50Ns ?? 1),
    ];
    const best = paths.filter((one) => isBest(one, paths)).sort((a, b) => a.ageP99Ns - b.ageP99Ns);
    const dotOf = (one: PathFigures): Dot => ({ name: cutTo(one.path, 40), at: spot(one) });
    const along = best.flatMap((one, i) => steps(spot(one), best[i + 1] && spot(best[i + 1])));
    const ticks = {
      place: (at: number) => (at === 0 ? frame.left + 26 : x.place(at)),
      ticks: [{ at: 0, label: 'fresh' }, ...x.ticks],
    };
    return {
      height: frame.height,
      parts: [
        rows(frame, y),
        columns(frame, ticks, 'age that 99 % of its answers stay below, at the least'),
        html`<path class="axis" stroke-dasharray="2 3" d="M${frame.left + 50} ${frame.top}V${frame.height - frame.bottom}"/>`,
        line(along, 'frontier'),
        paths.map((one) => {
          const [px, py] = spot(one);
          return html`<circle class="dot ${isBest(one, paths) ? 'best' : ''}" cx="${round(px)}" cy="${round(py)}" r="4.5"/>`;
        }),
        // On a phone there is room for the best only; the table below names them all.
        labels((size === 'wide' ? paths : best).map(dotOf), paths.map(dotOf), along, frame),
      ],
    };
  });
  return html`<figure><figcaption><b>Latency against staleness</b> <span>median latency while all was calm, against how far behind the answers were; filled: no other path is both faster and fresher${writePaths.length > 1 && html`. Writes of all ${writePaths.length} write paths together: ${name(writePaths.join(', '), 200)}`}</span></figcaption>${picture}</figure>`;
}

function steps(a: Point, b: Point | undefined): readonly Point[] {
  return b === undefined ? [a] : [a, [b[0], a[1]]];
}

function labels(named: readonly Dot[], all: readonly Dot[], along: readonly Point[], frame: Frame): Markup {
  const { width, height, right, top, bottom, left } = frame;
  const within = { left, right: width - right, top: top - 6, bottom: height - bottom - 2, line: along };
  const texts = labelsOf(named, all, within).map(({ name: text, box, isRight, tie }) => {
    const drawnTie =
      tie !== undefined &&
      html`<path class="tie" d="M${round(tie[0][0])} ${round(tie[0][1])}L${round(tie[1][0])} ${round(tie[1][1])}"/>`;
    return html`${drawnTie}<text class="tick ${isRight ? 'start' : 'end'} strong" x="${round(isRight ? box.left : box.right)}" y="${round((box.top + box.bottom) / 2 + 4)}">${text}</text>`;
  });
  return html`${texts}`;
}

function pathTable(paths: readonly PathFigures[]): Markup {
  const ns = (value: number | undefined): string => (value === undefined ? '–' : duration(value));
  const age = (value: number): string => (value === 0 ? '–' : duration(value));
  const body = paths.map(
    (one) =>
      html`<tr><th>${name(one.path, 60)}</th><td class="n">${count(one.reads)}</td><td class="n">${ns(one.p50Ns)}</td><td class="n">${ns(one.p99Ns)}</td><td class="n">${percent(one.stale, one.reads)}</td><td class="n">${age(one.ageP99Ns)}</td><td class="n">${age(one.ageMaxNs)}</td><td class="n">${one.versionsMax === 0 ? '–' : count(one.versionsMax)}</td></tr>`,
  );
  return html`<div class="scroll"><table class="figures"><thead><tr><th>read path</th><th class="n">reads</th><th class="n">p50, calm</th><th class="n">p99, calm</th><th class="n">stale</th><th class="n">age p99 ≥</th><th class="n">age max ≥</th><th class="n">versions max</th></tr></thead><tbody>${body}</tbody></table></div>
<p class="soft">Over all write paths. ${OF_THE_LOAD} Stale: certainly out of date when it was asked. ${OF_ALL_ANSWERS}</p>`;
}

const LINES_MAX = 6;

/** The probability that a read at least t after the write sees it. */
function visibility({ curves = [] }: RunRecord): Markup | undefined {
  const enough = (one: StalenessCurve): StalenessCurve['curve'] => one.curve.filter(({ reads }) => reads >= READS_MIN);
  const missed = (one: StalenessCurve): number =>
    Math.max(
      0,
      ...enough(one)
        .filter(({ tNs }) => tNs > 0)
        .map((point) => point.missed / point.reads),
    );
  const whole = curves.filter(({ node, curve }) => node === undefined && curve.some(({ reads }) => reads >= READS_MIN));
  const shown = whole
    .filter((one) => missed(one) > 0)
    .sort((a, b) => missed(b) - missed(a))
    .slice(0, LINES_MAX);
  const rest = whole.filter((one) => !shown.includes(one));
  if (whole.length === 0) return undefined;
  if (shown.length === 0)
    return html`<p>Every read path saw every write from the moment at which it was acknowledged.</p>`;
  const worst = Math.max(...shown.map((one) => Math.max(...enough(one).map((point) => point.missed / point.reads))));
  const floor = 1 - Math.min(1, niceUp(worst));
  const picture = drawn('Probability that a read at least t after the write sees it', (size) => {
    const frame = halfFrame(size, 250, 62);
    const last = Math.max(...shown.flatMap((one) => enough(one).map(({ tNs }) => tNs)));
    const x = logarithmic(1e6, last, frame.left, frame.width - frame.right, durationTick);
    const scale = linear(1 - floor, frame.top, frame.height - frame.bottom, (miss) => `${trimmed(100 * (1 - miss))} %`);
    const at = (tNs: number, miss: number): Point => [
      x.place(Math.max(tNs, 1e6)),
      Math.min(scale.place(miss), frame.height - frame.bottom),
    ];
    const lines = shown.map((one, i) => {
      const points = enough(one).filter(({ tNs }) => tNs >= 1e6);
      return line(
        points.map(({ tNs, missed: n, reads }) => at(tNs, n / reads)),
        `s${i}`,
      );
    });
    return {
      height: frame.height,
      parts: [rows(frame, scale), columns(frame, x, 't, since the write was acknowledged'), lines],
    };
  });
  const names = (some: readonly StalenessCurve[]): Piece => some.map((one, i) => [i > 0 && ', ', name(one.path, 60)]);
  return html`<figure><figcaption><b>How soon a write is seen</b> <span>the share of reads, at least t after a write was acknowledged, that see it or a newer one; at the most</span></figcaption>${legend(shown.map((one, i) => ({ label: name(one.path, 40), type: `s${i}` })))}${picture}${rest.length > 0 && html`<p class="soft">Not drawn, for they missed less or nothing: ${names(rest)}.</p>`}</figure>`;
}

function niceUp(share: number): number {
  return [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1].find((one) => one >= share) ?? 1;
}

const trimmed = (n: number): string => String(Number(n.toFixed(3)));
