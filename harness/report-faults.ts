/** What the report of a run says of its faults: what each did, which did nothing, which could not be done, and how a replay went. */
import { hadEffect, REFUSED } from '../nemesis/fault.ts';
import { NOBODY, type Struck } from '../nemesis/nemesis.ts';
import { deedText, MIX, type Schedule, type Stream, streamName, whenText } from '../nemesis/phases.ts';
import type { RunRecord } from '../results/record.ts';
import type { Unsupported } from './fault-choice.ts';
import type { Paint } from './matrix.ts';
import type { Replayed } from './replay.ts';
import { count, table } from './table.ts';
import { timeText } from './times.ts';

const SKIPPED = 'skipped ';

/** What came of one kind of fault. */
export interface FaultRow {
  readonly fault: string;
  readonly times: number;
  /** `403 messages dropped`; empty where nothing was counted. */
  readonly effect: string;
  /** What a reader must not overlook: it did nothing, nothing came of it, or its lever failed, or its cure. */
  readonly warnings: readonly string[];
}

/** A row a fault, those that were planned and never struck included. */
export function faultRows(record: RunRecord): readonly FaultRow[] {
  const { counts, plan } = record;
  const skipped = (kind: string): number => counts[SKIPPED + kind] ?? 0;
  const never = Object.keys(counts)
    .filter((name) => name.startsWith(SKIPPED))
    .map((name) => name.slice(SKIPPED.length));
  const planned = Array.isArray(plan.faults) ? plan.faults.map(String) : [];
  const kinds = [...new Set([...record.faults.map((fault) => fault.fault), ...never, ...planned])].sort();
  return kinds.map((kind) => {
    const some = record.faults.filter((fault) => fault.fault === kind);
    const told = effectOf(some).map(([name, n]) => effectText(name, n));
    const idle = some.filter(({ effect }) => !hadEffect(effect)).length;
    const failed = strikesOf(record).filter((struck) => struck.fault === kind && hasFailed(struck));
    const warnings = [
      ...(idle > 0 ? [idle === some.length ? 'NO EFFECT' : `${idle} of ${some.length} without effect`] : []),
      ...(skipped(kind) > 0 ? [`${skipped(kind)} had no effect: nobody to strike`] : []),
      ...failures(failed, some.length + skipped(kind)),
      ...unhealed(strikesOf(record).filter((struck) => struck.fault === kind)),
      ...(some.length + skipped(kind) + failed.length === 0 ? [whyNever(record, kind)] : []),
    ];
    return { fault: kind, times: some.length, effect: told.join(', '), warnings };
  });
}

/** What effects and systems count. */
const COUNTED =
  'node|sync|message|packet|timer|reading|wait|write|read|bit|file|request|time|entrie|change|member|switchover|truncation|token|snapshot|lease|repeat|promotion|deed|server|standby|replica|primarie|commit|answer|silence|line|end';
const PLURAL = new RegExp(`\\b(${COUNTED})s\\b(?: and (${COUNTED})s\\b)?`);

/** `403 messages dropped`, `1 node killed`: what is counted goes by names in the plural. */
export function effectText(name: string, n: number): string {
  if (n !== 1 || name.startsWith(REFUSED)) return `${count(n)} ${name}`;
  const one = name
    .replace(PLURAL, (_, first: string, second?: string) => (second === undefined ? first : `${first} or ${second}`))
    .replace(/(entr|primar)ie\b/, '$1y')
    .replace('that are', 'that is')
    .replace('of their own', 'of its own')
    .replace('what they had', 'what it had');
  return `1 ${one}`;
}

function strikesOf({ plan }: RunRecord): readonly Struck[] {
  return (plan['strikes'] as readonly Struck[] | undefined) ?? []; // put there by record-run.ts
}

/** Whether its lever was pulled in vain: it is among no run's faults, for it was never in force. */
function hasFailed({ skipped }: Struck): boolean {
  return skipped !== undefined && skipped !== NOBODY;
}

/** `FAILED: why`, each reason once; `others`: strikes of the same fault that did not fail. */
function failures(failed: readonly Struck[], others: number): readonly string[] {
  const all = failed.length + others;
  return [...new Set(failed.map(({ skipped }) => skipped))].map((why) => {
    const times = failed.filter(({ skipped }) => skipped === why).length;
    return all === 1 ? `FAILED: ${why}` : `${times} of ${all} FAILED: ${why}`;
  });
}

/** `NOT HEALED: why`, each reason once: it struck, and what its cure was to say of its effect is not known. */
function unhealed(strikes: readonly Struck[]): readonly string[] {
  const struck = strikes.filter(({ skipped }) => skipped === undefined);
  const whys = struck.flatMap(({ unhealed: why }) => (why === undefined ? [] : [why]));
  return [...new Set(whys)].map((why) => {
    const times = whys.filter((one) => one === why).length;
    return struck.length === 1 ? `NOT HEALED: ${why}` : `${times} of ${struck.length} NOT HEALED: ${why}`;
  });
}

/** More reasons than this are not told one by one where they leave nothing: who has no faults needs no list of them. */
const REASONS_MAX = 3;

/** `unsupported, so not tried: …`, a line for each reason; where nothing can be done at all, and for many reasons, one line. */
export function unsupportedLines({ plan }: RunRecord): readonly string[] {
  const unsupported = (plan['unsupported'] as readonly Unsupported[] | undefined) ?? []; // put there by record-run.ts
  const whys = [...new Set(unsupported.map(({ why }) => why))];
  if (whys.length > REASONS_MAX && Array.isArray(plan.faults) && plan.faults.length === 0) {
    const remedy =
      whys.find((why) => why.includes('--fault-commands')) === undefined ? '' : ' without --fault-commands';
    return [`unsupported, so not tried: all ${unsupported.length} faults of the mix: none can be done here${remedy}`];
  }
  return whys.map((why) => {
    const names = unsupported.filter((one) => one.why === why).map(({ fault }) => fault);
    return `unsupported, so not tried: ${names.join(', ')}: ${why}`;
  });
}

/** A line a fault; then those that cannot be done here. */
export function faultLines(record: RunRecord, paint: Paint): readonly string[] {
  const rows = faultRows(record).map(({ fault, times, effect, warnings }) => [
    fault,
    String(times),
    [...(effect === '' ? [] : [effect]), ...warnings.map((text) => paint('yellow', text))].join('; '),
  ]);
  const heading = ['fault', 'times', 'effect'].map((text) => paint('dim', text));
  const lines = rows.length === 0 ? [] : table([heading, ...rows], ['left', 'right', 'left']);
  const beyond = unsupportedLines(record);
  return [...lines, ...(lines.length > 0 && beyond.length > 0 ? [''] : []), ...beyond];
}

function whyNever({ plan, counts }: RunRecord, kind: string): string {
  if (counts.interrupted === 1 || plan['bail'] !== undefined) return 'NOT TRIED: the run was ended before';
  const schedule = plan['schedule'] as Schedule | undefined; // as above
  const streams = schedule?.phases.flatMap((phase) => phase.streams) ?? [];
  const waits = streams.some((stream) => stream.type === 'when' && stream.deed.fault === kind);
  return waits ? 'NOT TRIED: its trigger never came' : 'NOT TRIED: the run had no room for it';
}

function effectOf(some: RunRecord['faults']): [string, number][] {
  const total = new Map<string, number>();
  for (const { effect } of some)
    for (const [name, n] of Object.entries(effect)) total.set(name, (total.get(name) ?? 0) + n);
  return [...total].filter(([, n]) => n > 0);
}

/** Each stream of a plan file, and what came of it. */
export function scheduleLines(record: RunRecord, paint: Paint): readonly string[] {
  const { plan } = record;
  const strikes = strikesOf(record);
  const schedule = plan['schedule'] as Schedule | undefined; // put there by record-run.ts
  const fired = (plan['fired'] as Readonly<Record<string, number>> | undefined) ?? {}; // likewise
  const rows = (schedule?.phases ?? []).flatMap(({ streams }, p) =>
    streams.map((stream, s) => {
      const name = streamName(p, s);
      const mine = strikes.filter((struck) => struck.stream === name);
      const struck = mine.filter(({ skipped }) => skipped === undefined);
      const failed = mine.filter(hasFailed).length;
      const nobody = mine.length - struck.length - failed;
      const sick = struck.filter((one) => one.unhealed !== undefined).length;
      const none = stream.type === 'when' && (fired[name] ?? 0) === 0 ? paint('yellow', 'NEVER CAME') : undefined;
      const came = [
        none ?? `struck ${struck.length} ${struck.length === 1 ? 'time' : 'times'}${whom(struck)}`,
        ...(nobody > 0 ? [paint('yellow', `${nobody} had no effect: nobody to strike`)] : []),
        ...(failed > 0 ? [paint('yellow', `${failed} FAILED`)] : []),
        ...(sick > 0 ? [paint('yellow', `${sick} NOT HEALED`)] : []),
      ];
      return [name, streamText(stream), came.join('; ')];
    }),
  );
  return rows.length === 0 ? [] : table([['stream', 'what', 'came'].map((text) => paint('dim', text)), ...rows]);
}

/** `: n1, n3, n1`, the first few. */
function whom(struck: readonly Struck[]): string {
  const targets = struck.slice(0, 6).map((one) => one.targets.join('+'));
  return targets.length === 0 ? '' : `: ${targets.join(', ')}${struck.length > 6 ? ', …' : ''}`;
}

function streamText(stream: Stream): string {
  if (stream.type === 'random') {
    if (stream.deeds.length === 0) return 'left out: unsupported';
    const deeds = stream.deeds.map((deed) => (deed.fault === MIX ? MIX : deedText(deed)));
    return `random: ${deeds.slice(0, 4).join(', ')}${deeds.length > 4 ? ` and ${deeds.length - 4} more` : ''}`;
  }
  const { deed, durationNs } = stream;
  const lasts = `${deedText(deed)} for ${timeText(durationNs)}`;
  if (stream.type === 'at')
    return `at ${stream.at.slice(0, 4).map(timeText).join(', ')}${stream.at.length > 4 ? ', …' : ''}: ${lasts}`;
  const after = stream.afterNs > 0 ? ` after ${timeText(stream.afterNs)}` : '';
  return `${whenText(stream.when)}: ${lasts}${after}`;
}

/** How a replay went beside the run that it replayed. */
export function replayLines({ plan }: RunRecord, paint: Paint): readonly string[] {
  const replay = plan['replay'] as Replayed | undefined; // put there by record-run.ts
  if (replay === undefined) return [];
  const { exact, sameJournal, killed, strikes, alike, elsewhere = 0, differences } = replay;
  const journal = sameJournal
    ? ['the journal is the same, byte for byte']
    : killed === true
      ? ['the run that was replayed was killed: what it did until then is compared']
      : exact
        ? [
            paint(
              'red',
              'the journal is NOT the same, though nothing was changed: another version of Tidemark, or a bug of its',
            ),
          ]
        : [];
  const where =
    elsewhere === 0
      ? 'on the same nodes'
      : `${alike} on the same nodes, ${elsewhere} on the node that led now in place of the one that led then`;
  const same = `${alike + elsewhere} of ${strikes} strikes came again: the same fault ${where}, at the same time or trigger`;
  return [...journal, same, ...differences];
}
