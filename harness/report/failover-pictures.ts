/** Failovers taken apart: how long there was no leader, no write, no fresh read from a follower; and the cluster before, during and after. */
import { SECOND } from '../../history/clock.ts';
import type { FailoverRecord, RunRecord } from '../../results/record.ts';
import { freshReadText, hasFreshReads } from '../fresh-reads.ts';
import { count, duration } from '../table.ts';
import { columns, drawn, durationTick, type Frame, legend, linear, round, WIDTH } from './chart.ts';
import { groupPicture } from './cluster-picture.ts';
import { cut, html, type Markup, name } from './markup.ts';
import { type Cluster, electedAt } from './moments.ts';

const BARS_MAX = 40;
const TABLE_MAX = 200;
const PICTURES_MAX = 6;
const LANE = 20;
/** Pixels: of a bar without an end, at the least; of the word beside it. */
const OPEN_MIN = 24;
const NEVER = 40;

/**
 * How long no write was answered: until the first of the new term, or, where another failover came before it, of the next one that had
 * any. Infinite: none was answered again.
 */
export function outageNs(one: FailoverRecord, all: readonly FailoverRecord[]): number {
  const writes = all.flatMap((other) =>
    other.group === one.group && other.toTerm >= one.toTerm && other.firstWriteNs !== undefined
      ? [other.start + other.firstWriteNs - one.start]
      : [],
  );
  return Math.max(0, Math.min(...writes, Number.POSITIVE_INFINITY));
}

export function failoverSection(record: RunRecord, cluster: Cluster | undefined): Markup {
  const { failovers } = record;
  if (failovers.length === 0) return html`<p>No leader was replaced in this run.</p>`;
  return html`${bars(failovers)}${failoverTable(failovers)}${cluster !== undefined && pictures(record, cluster)}`;
}

function bars(all: readonly FailoverRecord[]): Markup {
  const failovers = all.slice(0, BARS_MAX);
  const most = Math.max(
    ...failovers.flatMap(({ electedNs = 0, firstWriteNs = 0, firstFreshFollowerReadNs = 0 }) => [
      electedNs,
      firstWriteNs,
      firstFreshFollowerReadNs,
    ]),
  );
  const picture = drawn('Each failover from its start', (size) => {
    const frame: Frame = {
      size,
      width: WIDTH[size],
      height: 6 + failovers.length * LANE + 38,
      left: size === 'wide' ? 210 : 76,
      right: 14,
      top: 6,
      bottom: 38,
    };
    const x = linear(most, frame.left, frame.width - frame.right, durationTick, size === 'wide' ? 8 : 4);
    const lanes = failovers.map((failover, i) =>
      lane(failover, i, untilNext(failover, failovers, most), frame, x.place, hasFreshReads(all)),
    );
    return {
      height: frame.height,
      parts: [columns(frame, x, 'after the leader was struck, or last seen well'), lanes],
    };
  });
  const shown = all.length > failovers.length ? `; the first ${failovers.length} of ${count(all.length)}` : '';
  return html`<figure><figcaption><b>Each failover from its start</b> <span>all on one scale${shown}</span></figcaption>
${legend([
  { label: 'no leader', type: 'phase no-leader', mark: 'box' },
  { label: 'a leader, and no write answered', type: 'phase no-write', mark: 'box' },
  ...(hasFreshReads(all)
    ? [{ label: 'no fresh read from a follower', type: 'phase no-read', mark: 'box' } as const]
    : []),
])}${picture}</figure>`;
}

function lane(
  failover: FailoverRecord,
  i: number,
  untilNs: number,
  { size, left, width, right }: Frame,
  place: (ns: number) => number,
  showsReads: boolean,
): Markup {
  const { electedNs, firstWriteNs, firstFreshFollowerReadNs, start, from, to } = failover;
  const y = 6 + i * LANE;
  const end = Math.min(width - right, place(untilNs));
  // What never came has no end: a point, and the word.
  const span = (
    type: string,
    a: number | undefined,
    b: number | undefined,
    top: number,
    height: number,
  ): Markup | false => {
    const x = round(place(a ?? 0));
    if (b !== undefined) {
      const until = round(place(b));
      return (
        until > x &&
        html`<rect class="phase ${type}" x="${x}" y="${top}" width="${round(until - x)}" height="${height}"/>`
      );
    }
    const until = round(Math.max(end, x + OPEN_MIN));
    const from = Math.min(x, until - OPEN_MIN);
    const shape = html`<path class="phase ${type}" d="M${from} ${top}H${until - height / 2}l${height / 2} ${height / 2}l${-height / 2} ${height / 2}H${from}z"/>`;
    if (height < 8) return shape;
    const fits = until + NEVER < width - right;
    return html`${shape}<text class="tick ${fits ? 'start' : 'end'} strong" x="${fits ? until + 4 : until - 10}" y="${top + height - 1}">never</text>`;
  };
  const who =
    size === 'wide'
      ? `${i + 1}.  ${(start / SECOND).toFixed(2)} s  ${from ?? '?'} → ${to}`
      : `${i + 1}. ${from ?? '?'} → ${to}`;
  return html`<text class="tick end" x="${left - 8}" y="${y + 13}">${cut(who, 40)}</text>${span('no-leader', 0, electedNs, y + 2, 10)}${electedNs !== undefined && span('no-write', electedNs, firstWriteNs, y + 2, 10)}${showsReads && span('no-read', 0, firstFreshFollowerReadNs, y + 13, 4)}`;
}

/** What never came is drawn up to the next failover of the group, or to the edge. */
function untilNext({ group, start }: FailoverRecord, all: readonly FailoverRecord[], most: number): number {
  const next = all.filter((other) => other.group === group && other.start > start).map((other) => other.start - start);
  return Math.min(...next, most);
}

function failoverTable(failovers: readonly FailoverRecord[]): Markup {
  const after = (ns: number | undefined): Markup =>
    html`<td class="n">${ns === undefined ? 'never' : `+${duration(ns)}`}</td>`;
  const rows = failovers.slice(0, TABLE_MAX).map(
    (
      one,
      i,
    ) => html`<tr id="failover-${i + 1}"><td class="n">${i + 1}</td><td class="n">${(one.start / SECOND).toFixed(2)} s</td><td>${one.cause === '' || one.cause === 'none' ? 'no fault in force' : name(one.cause, 80)}</td>
<td class="nowrap">${name(one.from ?? '?', 20)} → ${name(one.to, 20)}</td><td class="n">${one.fromTerm} → ${one.toTerm}</td>${after(one.electedNs)}${after(one.firstWriteNs)}<td class="n">${freshReadText(one, failovers)}</td>
<td class="${lost(one) === '0' ? '' : 'bad'}">${lost(one)}</td></tr>`,
  );
  const more =
    failovers.length > rows.length && html`<p class="soft">… and ${count(failovers.length - rows.length)} more.</p>`;
  return html`<div class="scroll"><table class="figures"><thead><tr><th class="n">no.</th><th class="n">at</th><th>cause</th><th>leader</th><th class="n">term</th><th class="n">elected</th><th class="n">first write</th><th class="n">fresh follower read</th><th>acknowledged writes lost</th></tr></thead><tbody>${rows}</tbody></table></div>
${more}<p class="soft">Times count from “at”. A follower is fresh once it answers from a state of the new term or with a write of it; –: no answer of the run tells that.</p>`;
}

/** `49 quorum-ack, 40 leader-ack`; `0` where none was. */
export function lost({ lostWrites }: FailoverRecord): string {
  const paths = Object.entries(lostWrites).filter(([, n]) => n > 0);
  return paths.length === 0 ? '0' : paths.map(([path, n]) => `${count(n)} ${path}`).join(', ');
}

/** Of those that lasted longest: the cluster before, while there was no leader, and after. */
function pictures({ failovers }: RunRecord, cluster: Cluster): Markup {
  const chosen = failovers
    .map((failover, i) => ({ failover, number: i + 1 }))
    .filter(({ failover }) => cluster.groups.includes(failover.group))
    .sort((a, b) => finite(outageNs(b.failover, failovers)) - finite(outageNs(a.failover, failovers)))
    .slice(0, PICTURES_MAX)
    .sort((a, b) => a.number - b.number);
  const strips = chosen.map(({ failover, number }) => {
    const { start, group, from, to, cause } = failover;
    const elected = electedAt(failover);
    // It may have been struck less than a millisecond after it was elected, or as it was.
    const [maker] = failovers.filter((one) => leadsTo(one, failover));
    const made = maker !== undefined && electedAt(maker) > start - 1e6 ? maker : undefined;
    const before = made === undefined ? Math.max(0, start - 1e6) : electedAt(made);
    const shot = (title: string, when: number, change: FailoverRecord | undefined): Markup => {
      const state = cluster.at(when, change).groups[cluster.groups.indexOf(group)];
      return html`<div>${groupPicture(cluster, state, group, 0.68)}<p>${title}<br><span class="soft">${(when / SECOND).toFixed(2)} s</span></p></div>`;
    };
    return html`<div class="strip"><h4>Failover ${number}: ${name(from ?? '?', 20)} → ${name(to, 20)} <span class="soft">${name(cause, 80)}</span></h4><div class="shots">${shot('before', before, made)}${Number.isFinite(elected) && html`${shot('halfway to the election', (start + elected) / 2, failover)}${shot('elected', elected, failover)}`}</div></div>`;
  });
  const which = failovers.length > chosen.length ? 'The longest, drawn' : 'Drawn';
  return html`<h3>${which}: before, halfway, and after the election</h3><div class="strips">${strips}</div>`;
}

/** The first made the leader that the second lost. */
function leadsTo(one: FailoverRecord, next: FailoverRecord): boolean {
  return one.group === next.group && one.toTerm === next.fromTerm && electedAt(one) <= next.start;
}

const finite = (ns: number): number => (Number.isFinite(ns) ? ns : Number.MAX_VALUE);
