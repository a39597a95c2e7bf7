/** All that decided the run, what it ran on, and the command that runs it again. */
import type { RunRecord } from '../../results/record.ts';
import { commandElsewhere } from '../replay.ts';
import { timeText } from '../times.ts';
import { ELSEWHERE } from './answers.ts';
import { cut, html, lines, type Markup, name, type Piece } from './markup.ts';

const JSON_MAX = 16_000;
/** Shown elsewhere, or longer than anybody reads. */
const LEFT_OUT = new Set(['strikes', 'fired', 'replay', 'asked', 'guide']);

export function planSection(record: RunRecord): Markup {
  const { plan, machine, git, versions } = record;
  const elsewhere = commandElsewhere(record);
  const list = (of: unknown): string => (Array.isArray(of) ? of.map(String).join(', ') : String(of ?? ''));
  const settings = Object.entries((plan['settings'] ?? {}) as Readonly<Record<string, unknown>>);
  const duration = plan['durationNs'];
  const rows: readonly (readonly [string, Piece])[] = [
    ['system', name(record.system, 60)],
    ['environment', name(record.environment, 60)],
    ['seed', String(record.seed)],
    ['nodes', list(plan['nodes'])],
    [
      'load',
      `${list(plan['load'])}${plan['load'] === 'open' ? `, ${list(plan['rate'])} arrivals a second` : ''}${typeof duration === 'number' ? `, for ${timeText(duration)}` : ''}`,
    ],
    ['workloads', name(list(plan['workloads']), 400)],
    ['read paths', name(list(plan['readPaths']), 600)],
    ['write paths', name(list(plan['writePaths']), 600)],
    ['faults', name(list(plan['faults']), 1200)],
    [
      'settings',
      settings.length === 0 ? 'none' : name(settings.map(([key, of]) => `${key}=${String(of)}`).join(' '), 1200),
    ],
    ...(git === undefined
      ? []
      : [
          [
            'revision',
            `${git.revision}${git.dirty ? ', with changes that are not committed' : ''}${git.branch === undefined ? '' : ` on ${git.branch}`}`,
          ] as const,
        ]),
    ...Object.entries({ ...versions, ...machineText(machine) }).map(([key, of]): readonly [string, Piece] => [
      key,
      name(of, 200),
    ]),
    ['journal, SHA-256', html`<code>${record.journalSha256}</code>`],
  ];
  const rest = Object.fromEntries(Object.entries(plan).filter(([key]) => !LEFT_OUT.has(key)));
  return html`<p>Run it again:</p><code class="command">${cut(record.command, 4000)}</code>${elsewhere !== undefined && html`<p>${ELSEWHERE}</p><code class="command">${cut(elsewhere, 4000)}</code>`}
<p>Judge its history again, with the journal beside this page:</p><code class="command">npx tidemark check .tidemark/runs/${record.id}/journal.jsonl</code>
<dl class="plan">${rows.map(([key, of]) => html`<dt>${key}</dt><dd>${of}</dd>`)}</dl>
<details><summary>the plan as JSON</summary><pre>${lines(JSON.stringify(rest, undefined, 1))}</pre></details>
<details><summary>all that was counted</summary><pre>${cut(
    Object.entries(record.counts)
      .map(([key, n]) => `${key}: ${n}`)
      .join(' · '),
    JSON_MAX,
  )}</pre></details>`;
}

/** In words and units. */
function machineText(machine: RunRecord['machine']): Readonly<Record<string, string>> {
  if (machine === undefined) return {};
  const { processor, processors, memoryBytes, kernel, operatingSystem, architecture } = machine;
  return {
    processor: `${processors} × ${processor}`,
    memory: `${(memoryBytes / 2 ** 30).toFixed(1)} GiB`,
    kernel: `${operatingSystem} ${kernel} ${architecture}`,
  };
}
