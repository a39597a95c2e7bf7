import { describe, expect, it } from 'vitest';
import type { Finding } from '../../results/look.ts';
import type { Cell } from '../../results/record.ts';
import { sampleRecord } from '../../test-support/sample-record.ts';
import { annotations, gateJson, gateJunit, gateMarkdown, gateText, summary, type Told } from './text.ts';

describe('what a gate says', () => {
  const cell = {
    ...sampleRecord().cells[0],
    state: 'broken',
    note: '<b>1</b> | of % 2',
    anomalies: [{ kind: 'x', sentence: 'line\nbreak <script> \u0000', operations: [] }],
  } as unknown as Cell;
  const told: Told = {
    outcome: 'failed',
    unkept: [],
    verdicts: { a: { kept: 1 }, b: { broken: 1 } },
    breaches: [{ run: 'r', cell, alsoInBaseline: false, runs: { broken: 1, of: 1 } }],
    findings: [],
    suspected: [],
    confirmed: [],
    unmatched: [],
    added: [],
    overruled: [],
    blocks: [],
    live: true,
    baseline: 'main',
    candidate: '<HEAD>',
    notes: [],
    seconds: 1,
  };

  it('holds no markup that comes from a history', () => {
    expect(gateMarkdown(told)).not.toMatch(/<b>|<script>|<HEAD/);
    expect(gateJunit(told)).toContain('&lt;b&gt;1&lt;/b&gt;');
    expect(gateJunit(told)).not.toContain('\u0000');
    expect(annotations(told).join('')).not.toContain('\n');
    expect(annotations(told)[0]).toContain('%25 2');
  });

  it('holds nothing that a terminal, a page or a CI would obey', () => {
    const hostile = 'x \u001b[2J \u202e \u0000 \ufffe \ud800 @everyone &lt; ##[stop-commands]s ##vso[task.complete] ok';
    const measure = { type: 'rate', method: 'read', path: hostile, phase: 'calm' } as const;
    const change = { estimate: -0.5, low: -0.6, high: -0.4 };
    const finding = {
      measure,
      a: 9,
      b: 4,
      change,
      drawn: change,
      limit: { type: 'rate', worseBy: 0.1, andBy: 0 },
      verdict: 'worse',
      why: hostile,
    } as unknown as Finding;
    const obeyed: Told = {
      ...told,
      breaches: [
        {
          run: hostile,
          cell: { ...cell, note: hostile, anomalies: [{ kind: hostile, sentence: hostile, operations: [] }] },
          alsoInBaseline: false,
          runs: { broken: 1, of: 1 },
        },
      ],
      findings: [finding],
      unmatched: [hostile],
      baseline: hostile,
      candidate: '::stop-commands::x',
      notes: [hostile],
    };
    const texts = [gateText(obeyed), annotations(obeyed), [gateMarkdown(obeyed), gateJunit(obeyed), gateJson(obeyed)]];
    for (const text of texts.flat()) expect(text).not.toMatch(/##[a-z]*\[/i);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: none of them is in it
    for (const text of texts.flat().slice(0, -1))
      expect(text).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u202e\ufffe\ud800]/);
    expect(gateText(obeyed).join('\n')).toContain('x \\u{1b}[2J \\u{202e} \\u{0} \\u{fffe} \\u{d800} @everyone');
    expect(gateText(obeyed).join('\n')).toContain('##\\u{5b}stop-commands]s ##vso\\u{5b}task.complete] ok');
    expect(annotations(obeyed)[0]).toContain('\\u{1b}[2J');
    expect(gateMarkdown(obeyed)).not.toMatch(/@|&lt;/);
    expect(JSON.parse(gateJson(obeyed))).toMatchObject({ baseline: hostile, notes: [hostile] });
  });

  it('names what a limit is about and nobody measured, wherever it is read', () => {
    const unmet: Told = {
      ...told,
      outcome: 'cannot tell',
      breaches: [],
      unmatched: ['latency of read through nowhere'],
    };
    expect(gateJunit(unmet)).toContain('tests="1" failures="0" skipped="1"');
    expect(gateJunit(unmet)).toContain(
      '<skipped message="cannot tell: no run of either side has latency of read through nowhere"/>',
    );
    expect(annotations(unmet)).toEqual([
      '::warning title=Cannot tell%3A latency of read through nowhere::a limit names it, and no run of either side has it',
    ]);
  });

  it('names a limit that decides nothing, wherever it is read', () => {
    const dead: Told = { ...told, outcome: 'passed', breaches: [], overruled: ['p99 (worse-by 10%)'] };
    const why = 'wherever it would hold there is a limit that names more, or a stricter one that names as much';
    expect(gateJunit(dead)).toContain('tests="1" failures="0" skipped="1"');
    expect(gateJunit(dead)).toContain(`name="p99 (worse-by 10%)"><skipped message="decides nothing: ${why}"/>`);
    expect(annotations(dead)[0]).toBe(`::warning title=Decides nothing%3A p99 (worse-by 10%25)::${why}`);
    const all: Told = { ...dead, findings: [{ verdict: 'not worse' } as Finding] };
    expect(summary(all)).toBe('1 measure no worse than allowed');
    expect(JSON.parse(gateJson(all))).toMatchObject({ overruled: ['p99 (worse-by 10%)'] });
  });

  it('names a promise that is not kept any more, wherever it is read', () => {
    const unkept = Array.from({ length: 12 }, (_, i) => ({
      promise: `linearizable · ack · p${i}|`,
      kept: 7,
      of: { a: 8, b: 6 },
      instead: { undecided: 4, 'not judged': 2 },
    }));
    const gone: Told = { ...told, outcome: 'cannot tell', breaches: [], unkept };
    const said =
      'linearizable · ack · p0|: kept in 7 of 8 runs of the baseline, and in none of 6 of the candidate (undecided in 4, not judged in 2)';
    expect(summary(gone)).toMatch(/^not kept any more: linearizable · ack · p0\|, .* and 7 more; no measure/);
    const text = gateText(gone);
    expect(text.slice(text.indexOf('Not kept any more:'))).toHaveLength(13);
    expect(text).toContain(`  ${said}`);
    const markdown = gateMarkdown(gone);
    expect(markdown).toContain(`- **cannot tell** ${said.replace('|', '\\|')}`);
    expect(markdown).toContain('- and 2 more that are not kept any more');
    expect(gateJunit(gone)).toContain('tests="12" failures="0" skipped="12"');
    expect(gateJunit(gone)).toContain(
      `name="promise linearizable · ack · p0|"><skipped message="cannot tell: ${said}"/>`,
    );
    const [first, ...others] = annotations(gone);
    expect(first).toBe(`::warning title=Not kept any more%3A linearizable · ack · p0|::${said}`);
    expect(others.at(-1)).toContain('and 3 more cannot be told');
    expect(JSON.parse(gateJson(gone))).toMatchObject({ unkept, verdicts: { a: { kept: 1 } } });
  });

  it('is cut to what anybody reads: ten annotations of a kind, what cannot be told folded away', () => {
    const findings = Array.from({ length: 200 }, (_, i): Finding => {
      const measure = {
        type: 'latency',
        method: 'read',
        path: `p${i}`,
        phase: 'calm',
        since: 'intended',
        percentile: 99,
      } as const;
      const change = { estimate: 0.2, low: -0.1, high: 0.5 };
      const limit = { type: 'latency', percentiles: [99], worseBy: 0.1, andBy: 0 } as const;
      const figures = {
        a: 1e6,
        b: 1.2e6,
        runs: { a: 8, b: 8 },
        pMore: 0.1,
        pLess: 0.9,
        change,
        drawn: change,
      } as const;
      return { measure, ...figures, basis: 'runs', limit, verdict: 'cannot tell', why: 'noise' };
    });
    const breaches = Array.from({ length: 38 }, (_, i) => ({
      ...told.breaches[0],
      cell: { ...cell, readPath: `p${i}` } as Cell,
    }));
    const many: Told = { ...told, breaches, findings };
    const lines = annotations(many);
    expect(lines.filter((line) => line.startsWith('::error'))).toHaveLength(10);
    expect(lines[9]).toContain('and 29 more');
    expect(lines.filter((line) => line.startsWith('::warning'))).toHaveLength(10);
    expect(lines.at(-1)).toContain('and 191 more');
    const markdown = gateMarkdown(many);
    expect(markdown).toContain('and 28 more broken promises');
    expect(markdown).toMatch(/<details><summary>200 measures that cannot be told<\/summary>\n\n\| measure/);
    expect(markdown.match(/\| read p/g)).toHaveLength(50);
    expect(markdown.length).toBeLessThan(12_000);
    const text = gateText(many);
    expect(text.at(-1)).toBe(
      '  200 measures cannot be told: read p0 p99, read p1 p99, read p2 p99, read p3 p99, read p4 p99 and 195 more (--report json=FILE has all of them)',
    );
    expect(text.filter((line) => line.includes('read p'))).toHaveLength(1);
    const worse: Finding = { ...findings[7], verdict: 'worse' };
    const told8 = gateText({ ...many, findings: findings.with(7, worse), confirmed: ['read p7 p99'] });
    expect(told8.at(-1)).toMatch(/^ {2}199 measures cannot be told/);
    expect(told8.at(-2)).toMatch(/^ {2}read p7 p99 .* worse, and again when run again/);
    expect(gateText({ ...many, findings: findings.slice(0, 10) }).at(-1)).toMatch(
      /^ {2}read p9 p99 .*cannot tell: noise$/,
    );
    const open = {
      ...many,
      breaches: [],
      findings: findings.slice(0, 1).map((one) => ({ ...one, runsNeeded: 10_000 })),
    };
    expect(summary({ ...open, outcome: 'cannot tell' })).toMatch(/; 10,000 or more runs a side would be needed$/);
    expect(gateText(open).at(-1)).toMatch(/cannot tell: noise; 10,000 or more runs a side could tell$/);
    // A few are shown as they are.
    expect(gateMarkdown({ ...many, findings: findings.slice(0, 10) })).not.toContain('<details>');
  });

  it('counts promises, each with in how many runs it was broken, wherever it is read', () => {
    const runs = { broken: 2, of: 4 };
    const both = ['r1', 'r2'].map((run) => ({ ...told.breaches[0], run, runs }));
    const other = { run: 'r2', cell: { ...cell, readPath: 'other' } as Cell, alsoInBaseline: true };
    const three: Told = { ...told, breaches: [...both, { ...other, runs: { broken: 1, of: 4 } }] };
    const said = '2 broken promises, 1 of them broken in the baseline too';
    expect(gateText(three)[0]).toBe(`gate: FAILED (${said})`);
    const lines = gateText(three).filter((line) => line.includes('·'));
    expect(lines.map((line) => line.slice(line.lastIndexOf('(')))).toEqual([
      '(in 2 of 4 runs, such as r1)',
      '(in 1 of 4 runs: r2; the baseline broke it too)',
    ]);
    const json = JSON.parse(gateJson(three)) as { summary: string; breaches: object[] };
    expect(json.summary).toBe(said);
    expect(json.breaches).toMatchObject([{ run: 'r1', runs }, { run: 'r2', runs }, { runs: { broken: 1, of: 4 } }]);
    expect(gateJunit(three)).toContain('tests="2" failures="2" skipped="0"');
    expect(gateMarkdown(three).match(/\*\*broken\*\*/g)).toHaveLength(2);
    expect(annotations(three)).toHaveLength(2);
    expect(annotations(three)[0]).toContain('(in 2 of 4 runs, such as r1)');
  });
});
