import { describe, expect, test } from 'vitest';
import type { Cell, RunRecord } from '../../results/record.ts';
import { hostileRecord, hostileTexts } from '../../test-support/hostile-record.ts';
import { sampleRecord } from '../../test-support/sample-record.ts';
import { closingLines, renderReport } from '../report-text.ts';
import { campaignOf, renderedCampaign } from './campaign.ts';
import { FORMATS, rendered } from './formats.ts';

describe('every format', () => {
  test.each(FORMATS)('%s says the verdict, what broke, the failovers and the command', (format) => {
    const record = sampleRecord();
    const text = rendered(record, format).replaceAll('&#39;', "'").replaceAll('\\', '');
    expect(text).toContain('roken');
    expect(text).toContain('linearizable');
    expect(text).toContain('1 of 1,204 reads');
    expect(text).toContain("npx tidemark run --seed 7 --set note='a  b'");
    if (format !== 'junit') expect(text).toContain('650 ms');
  });

  test('markdown sets apart what is said of several broken promises; sentences follow one another', () => {
    const [cell] = sampleRecord().cells;
    const cells = (['linearizable', 'durable', 'convergent'] as const).map((guarantee) => ({ ...cell, guarantee }));
    const text = rendered(sampleRecord({ cells }), 'markdown');
    const lines = text.split('\n');
    const at = lines.findIndex((line) => line.includes('What exactly broke?'));
    expect(lines.slice(at, at + 3)).toEqual([
      expect.stringMatching(/^- \*\*What exactly broke\?\*\* linearizable .*1 of 1,204 reads$/),
      expect.stringMatching(/^ {2}- durable .*1 of 1,204 reads$/),
      expect.stringMatching(/^ {2}- convergent .*1 of 1,204 reads$/),
    ]);
    expect(text).toMatch(/^- \*\*What does a follower read save and cost\?\*\* .*\. .*\.$/m);
  });

  test.each(['text', 'html', 'markdown'] as const)('%s claims nothing of fresh reads where none is known', (format) => {
    const [known] = sampleRecord().failovers;
    const { firstFreshFollowerReadNs: _, ...unknown } = known;
    const of = (one: RunRecord['failovers'][number]): string => {
      const record = sampleRecord({ failovers: [one] });
      return format === 'text' ? renderReport(record, { color: false }) : rendered(record, format);
    };
    const row = /\+650 ms\s*(?:<\/td><td class="n">|\|)?\s*(\S+?)(?:<|\s)/;
    expect(row.exec(of(known))?.[1]).toBe('+700');
    expect(row.exec(of(unknown))?.[1]).toBe('–');
    expect(of(unknown)).not.toContain('class="phase no-read"');
  });

  test('html tells each node’s reads apart, as leader and as follower, where more than one answered', () => {
    const record = sampleRecord();
    const [one] = record.nodeLatencies ?? [];
    expect(rendered(record, 'html')).not.toContain('Node by node');
    const slow = { ...one, node: 'n10', role: 'leader', phase: 'faults', count: 451 };
    const html = rendered({ ...record, nodeLatencies: [slow, one] }, 'html');
    const rows = html.slice(html.indexOf('Node by node')).split('<tr>').slice(3, 5);
    const cells = rows.map((row) => row.replaceAll(/<[^>]*>/g, ' ').split(/\s{2,}/));
    const own = /^n2 – – – 450 \S+ \S+ \S+ \S+ – – – – – – 0.0 % –/;
    expect(cells[0].join(' ').trim().replaceAll(' ', ' ')).toMatch(own);
    expect(cells[1].join(' ').trim()).toMatch(/^n10 – – – – – – 451 .* – – – – –/);
  });

  test.each(FORMATS)('%s says what every fault did, that one did nothing, and what could not be done', (format) => {
    const { plan, counts } = sampleRecord();
    const injury = { targets: ['n1'], from: 1e9, until: 2e9 };
    const why = 'n1 did not resume within 15000 ms';
    const record = sampleRecord({
      plan: {
        ...plan,
        faults: ['kill-leader', 'isolate', 'pause', 'rejoin', 'corrupt'],
        unsupported: [{ fault: 'clock-shift', why: 'it asks the kernel itself' }],
        strikes: [{ nth: 1, fault: 'pause', at: 1e9, durationNs: 1e9, targets: ['n1'], unhealed: why }],
      },
      counts: { ...counts, 'skipped rejoin': 2 },
      faults: [
        { id: 1, fault: 'kill-leader', ...injury, effect: { 'nodes killed': 1 } },
        { id: 2, fault: 'isolate', ...injury, effect: { 'packets dropped': 0 } },
        { id: 3, fault: 'pause', ...injury, effect: { 'nodes stopped': 1 } },
      ],
    });
    const text = rendered(record, format).replaceAll('\\', '').replaceAll('&#58;', ':');
    const told =
      format === 'json'
        ? [
            '"nodes killed":1',
            '"packets dropped":0',
            '"skipped rejoin":2',
            '"faults":["kill-leader"',
            '"clock-shift"',
            why,
          ]
        : [
            '1 node killed',
            'NO EFFECT',
            '2 had no effect: nobody to strike',
            'NOT TRIED: the run had no room for it',
            'unsupported, so not tried: clock-shift: it asks the kernel itself',
            `NOT HEALED: ${why}`,
          ];
    for (const words of told) expect(text).toContain(words);
  });

  test('markdown folds a long list of faults away, and shows a short one', () => {
    const [fault] = sampleRecord().faults;
    const many = Array.from({ length: 9 }, (_, i) => ({ ...fault, fault: `f${i}` }));
    const of = (faults: RunRecord['faults']): string =>
      rendered(sampleRecord({ plan: {}, faults }), 'markdown')
        .split('\n')
        .find((line) => /Faults/.test(line)) ?? '';
    expect(of(many.slice(1))).toBe('### Faults');
    expect(of([...many, { ...fault, fault: 'idle', effect: {} }])).toBe(
      '<details><summary>Faults: 10; 1 with a warning</summary>',
    );
    expect(of([])).toBe('');
  });

  test('html is the same sentence as the closing lines', () => {
    const [verdict] = closingLines(sampleRecord(), '');
    const sentence = /^verdict {2}BROKEN: (.*)$/.exec(verdict)?.[1] ?? 'none';
    expect(rendered(sampleRecord(), 'html')).toContain(`<h1>BROKEN</h1><p>${sentence}.</p>`);
  });

  test('a run without faults, failovers or latencies has a report as well', () => {
    const bare = sampleRecord({
      faults: [],
      failovers: [],
      latencies: [],
      staleness: [],
      cells: [],
      verdict: 'undecided',
      exitCode: 2,
      counts: {},
    });
    for (const format of FORMATS) expect(rendered(bare, format).length).toBeGreaterThan(300);
    expect(rendered(bare, 'html')).toContain(
      'No leader was replaced, but n1, which led, was killed at 1.00 s, for 2.00 s.',
    );
  });
});

describe('a bench', () => {
  const series = [
    {
      method: 'read',
      path: 'leader',
      count: 500,
      throughput: 50,
      p50Ns: 2e6,
      p90Ns: 3e6,
      p99Ns: 4e6,
      p999Ns: 5e6,
      maxNs: 6e6,
    },
    {
      method: 'read',
      path: 'follower',
      count: 500,
      throughput: 50,
      p50Ns: 1e6,
      p90Ns: 2e6,
      p99Ns: 3e6,
      p999Ns: 4e6,
      maxNs: 5e6,
    },
  ].map((one) => ({ ...one, sentP50Ns: 1e6, sentP99Ns: 2e6 }));
  const counts = { arrivals: 1000, answered: 1000, refused: 0, unknown: 0, shed: 0, sampled: 100 };
  const step = { repeat: 1, seconds: 10, ...counts, throughput: 100, lateP99Ns: 1e5, series };
  const bench = {
    mix: 'b',
    distribution: 'zipfian',
    records: 1000,
    valueBytes: 100,
    targets: ['leader', 'follower'],
    writePath: 'quorum-ack',
    warmUpNs: 1e9,
    durationNs: 1e10,
    repeats: 1,
    sessions: 128,
    checkedKeys: 32,
    checked: { operations: 100, of: 1000 },
    virtualTime: false,
    steps: [
      { ...step, rate: 100 },
      { ...step, rate: 200 },
    ],
  };
  const rung = { failed: 1_050, why: 'p99 of reads was 30.0 ms' };
  const again = { p50Ns: 1e6, p99Ns: 30e6, throughput: 1_000 };
  const rungs = [
    { ...rung, target: 'leader', held: 1_000, confirmed: [again] },
    { ...rung, target: 'follower', held: undefined, confirmed: [] },
  ];
  const ofRates = sampleRecord({ plan: { bench }, verdict: 'kept', cells: [] });
  const ofLadder = sampleRecord({
    plan: { bench: { ...bench, ladder: { limitNs: 20e6, from: 100, most: 5000, rungs } } },
  });

  test.each(['html', 'markdown'] as const)('has its measurements in %s', (format) => {
    const rates = rendered(ofRates, format);
    expect(rates).toMatch(/200\/s[^]*2\.00 ms[^]*4\.00 ms/);
    expect(rates).toContain('At 100/s median leader 2.00 ms, p99 4.00 ms; follower 1.00 ms, p99 3.00 ms.');
    const found = rendered(ofLadder, format);
    expect(found).toContain('within 20.0 ms: leader 1,000/s, not in 1 of 1 more, follower none.');
    expect(found).toContain('p99 of reads was 30.0 ms');
  });

  test('whose sample broke a promise has no figures', () => {
    const withheld = sampleRecord({ plan: { bench, withheld: true } });
    for (const format of FORMATS) expect(rendered(withheld, format)).not.toContain('At 100/s');
  });
});

describe('what is hostile', () => {
  test('is text: the page has the tags that we wrote, and no others', () => {
    const page = rendered(hostileRecord(), 'html');
    expect(page.length).toBeLessThan(1_000_000);
    const tags = new Set([...page.matchAll(/<([a-z][a-z0-9]*)/gi)].map(([, tag]) => tag));
    expect([...tags].filter((tag) => ['img', 'iframe', 'link', 'object', 'embed', 'base'].includes(tag))).toEqual([]);
    expect(page.match(/<script/g)).toHaveLength(2);
    expect(page.match(/<style/g)).toHaveLength(1);
    const bare = page.replace(/<(script|style)>.*?<\/\1>/gs, '').replace(/"[^"]*"/g, '""');
    expect(bare).not.toMatch(/<[a-z][^<>]*\s(on[a-z]+|style)=/i);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: none of them may be there
    expect(page).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f\u202a-\u202e\u2066-\u2069\u2028\u2029]/);
    expect(page).toContain('\\u{202e}drow a si siht');
    expect(page).toContain('more characters)');
  });

  test('is text in XML too, and in Markdown', () => {
    const xml = rendered(hostileRecord(), 'junit');
    expect(xml.length).toBeLessThan(300_000);
    expect(new Set([...xml.matchAll(/<([a-z-]+)/gi)].map(([, tag]) => tag))).toEqual(
      new Set(['testsuites', 'testsuite', 'testcase', 'failure', 'system-out']),
    );
    const markdown = rendered(hostileRecord(), 'markdown');
    expect(markdown.length).toBeLessThan(65_000);
    const outside = markdown.replace(/^(`{3,}).*?^\1$/gms, '');
    expect(outside).not.toMatch(/<script|<img|(?<!\\)\]\(|@everyone|(?<!\\)\*\*bold/);
    expect(outside).toContain('\u2068\u05e9\u05dc\u05d5\u05dd\u2069');
  });

  test('JSON keeps it whole', () => {
    const { run } = JSON.parse(rendered(hostileRecord(), 'json')) as { readonly run: RunRecord };
    expect(run.cells[10]?.anomalies[0]?.operations[1]?.value).toBe(hostileTexts[10]);
  });

  test.each(['text', 'html', 'markdown'] as const)('%s says what the reads are that staleness is of', (format) => {
    const text = format === 'text' ? renderReport(sampleRecord(), { color: false }) : rendered(sampleRecord(), format);
    expect(text).toContain('Of the load’s reads; one of several keys counts for each of them.');
    // There the ages are of stale reads alone, and the heading says so.
    if (format === 'text') expect(text).toContain('how far behind stale reads were');
    else expect(text).toContain('Ages are of all answers, at the least;');
  });

  test('html says how many more there are, those of different write paths added up', () => {
    const [one] = sampleRecord().cells;
    const of = (writePath: string, readPath: string, anomalyCount: number): Cell => ({
      ...one,
      writePath,
      readPath,
      anomalyCount,
      anomalies: one.anomalies.slice(0, 1),
    });
    const more = (...cells: readonly Cell[]): string | undefined =>
      /([^>]*) more of these in the history/.exec(rendered(sampleRecord({ cells }), 'html'))?.[1];
    expect(more(of('a', 'x', 1))).toBeUndefined();
    expect(more(of('a', 'x', 10))).toBe('9');
    expect(more(of('a', 'x', 10), of('a', 'y', 30))).toBe('At least 29');
    expect(more(of('a', 'x', 10), of('b', 'x', 5))).toBe('At least 14');
    expect(more(of('a', 'x', 10), of('b', 'x', 5), of('a + b', 'x', 12))).toBe('At least 14');
    expect(more(of('a', 'x', 10), of('b', 'x', 5), of('a + b', 'x', 100), of('c', 'x', 7))).toBe('At least 106');
  });

  test('however many anomalies there are, the page stays small', () => {
    const { cells } = hostileRecord();
    const many = Array.from({ length: 60 }, (_, i) =>
      cells.map((cell, j) => ({
        ...cell,
        guarantee: cells[0]?.guarantee ?? 'linearizable',
        writePath: `w${i}.${j}`,
        anomalies: cell.anomalies.map((one) => ({ ...one, sentence: `${i} ${one.sentence.slice(0, 2000)}` })),
      })),
    ).flat();
    expect(rendered(hostileRecord({ cells: many }), 'html').length).toBeLessThan(1_000_000);
  });
});

test('JUnit: a broken promise fails, what is kept passes, what is untried is skipped, and an undecided run is an error', () => {
  const { cells } = sampleRecord();
  const xml = rendered(sampleRecord({ cells: [...cells, { ...cells[2], state: 'not exercised' }] }), 'junit');
  expect(xml).toContain('tests="4" failures="1" errors="0" skipped="1"');
  expect(xml).toContain(
    '<failure type="broken" message="1 of 1,204 reads">stale read: A read returned null after 7 had been acknowledged.\n',
  );
  expect(rendered(sampleRecord({ verdict: 'undecided', exitCode: 2 }), 'junit')).toContain('errors="1"');
});

test('junit has the harness’s failure beside a broken promise, whose exit code it is', () => {
  const { plan, counts } = sampleRecord();
  const failed = { plan: { ...plan, failures: ['n2 was not healed'] }, counts: { ...counts, 'harness failures': 1 } };
  const of = (changes: Partial<RunRecord>): string => rendered(sampleRecord({ ...failed, ...changes }), 'junit');
  expect(of({})).toMatch(/failures="1" errors="1".*\n.*message="the harness itself failed: n2 was not healed"/);
  expect(of({ verdict: 'kept', exitCode: 255 })).toContain(
    '"the harness itself failed (exit code 255): n2 was not healed"',
  );
});

describe('many runs', () => {
  const records = [
    sampleRecord({ seed: 1 }),
    sampleRecord({
      seed: 2,
      id: '20261121-070340-512-k3f9q3',
      verdict: 'kept',
      exitCode: 0,
      cells: sampleRecord().cells.slice(2, 3),
    }),
  ];

  test.each(FORMATS)('%s tells of them together', async (format) => {
    const campaign = await campaignOf(records, 'tidemark report a b');
    const text = renderedCampaign(campaign, format).replaceAll('\\', '').replaceAll('&#58;', ':');
    expect(text).toContain(
      format === 'junit' ? 'tests="2" failures="1" errors="0"' : '2 runs: 1 kept, 1 broken, 0 undecided.',
    );
    expect(text).toContain('linearizable');
    if (format !== 'junit') expect(text).toContain('kill-leader');
  });

  test('markdown names what broke by guarantee, one run as one', async () => {
    const [cell] = sampleRecord().cells;
    const broken = { ...cell, state: 'broken' as const };
    const both = records.map((record) => ({ ...record, cells: [broken, { ...broken, readPath: 'follower' }] }));
    both[1] = { ...both[1], cells: [broken] };
    const text = renderedCampaign(await campaignOf(both, ''), 'markdown').replaceAll('\\', '');
    const [, lines] = text.split('### Broken promises\n\n');
    const [head, first, second] = lines.split('\n');
    expect(head).toMatch(/^- \*\*linearizable\*\*: e\.g\. /);
    expect(first).toBe('  - linearizable (writes quorum-ack, reads leader): in 2 runs, first by seeds 1, 2');
    expect(second).toBe('  - linearizable (writes quorum-ack, reads follower): in 1 run, by seed 1');
  });

  test('one that failed in the harness is not taken for kept, and neither are all of them', async () => {
    const kept = { verdict: 'kept', exitCode: 0, cells: records[1].cells } as const;
    const sample = sampleRecord({ seed: 3, id: 'third', ...kept, exitCode: 255 });
    const failed = { ...sample, plan: { ...sample.plan, failures: ['n2 was not healed.\nat heal'] } };
    const sentence = '2 runs: 2 kept, 0 broken, 0 undecided; 1 of them failed in the harness, and vouches for nothing.';
    const campaign = await campaignOf([records[1], failed], '');
    const html = renderedCampaign(campaign, 'html');
    expect(html).toContain(
      '<div class="verdict failed"><span class="sign" aria-hidden="true">!</span><div><h1>FAILED<',
    );
    expect(html).toContain('<b class="state failed"><i aria-hidden="true">!</i> failed (kept)</b>');
    expect(html).toContain('the harness failed: n2 was not healed<');
    expect(html).toContain(sentence);
    expect(renderedCampaign(campaign, 'markdown')).toMatch(/^## ⚠️ FAILED: 2 runs/);
    expect(renderedCampaign(campaign, 'junit')).toContain('failures="0" errors="1"');
    expect(JSON.parse(renderedCampaign(campaign, 'json'))).toMatchObject({
      verdict: 'kept',
      harnessFailures: 1,
      sentence,
    });
    // Nothing hides a broken promise.
    const broken = await campaignOf([records[0], failed], '');
    expect(renderedCampaign(broken, 'markdown')).toMatch(/^## ❌ BROKEN: 2 runs/);
    expect(renderedCampaign(await campaignOf([records[1]], ''), 'markdown')).toMatch(/^## ✅ KEPT: 1 run/);
  });

  test('must be of one system, which is known', async () => {
    await expect(campaignOf([...records, sampleRecord({ system: 'other' })], '')).rejects.toThrow(
      'Runs of reference and of other have no matrix in common',
    );
    await expect(campaignOf([sampleRecord({ system: 'nobody' })], '')).rejects.toThrow(
      "What 'nobody' promises is not known here",
    );
  });
});
