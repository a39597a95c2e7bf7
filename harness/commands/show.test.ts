import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from '@commander-js/extra-typings';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createRunFolder, writeRunFiles } from '../../results/files.ts';
import type { RunRecord } from '../../results/record.ts';
import { sampleRecord } from '../../test-support/sample-record.ts';
import type { Io } from '../command.ts';
import { closingLines, renderReport } from '../report-text.ts';
import list from './list.ts';
import show from './show.ts';

let cwd: string;

beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), 'tm-show-'));
});

afterEach(() => rmSync(cwd, { recursive: true, force: true }));

function store(changes: Partial<RunRecord>): RunRecord {
  const record = sampleRecord(changes);
  writeRunFiles(createRunFolder(join(cwd, '.tidemark'), record.id), record, renderReport(record, { color: false }));
  return record;
}

/** Runs one command line and collects what it says. Rejects as the command does. */
async function run(
  line: string,
  env: Io['env'] = {},
): Promise<{ readonly out: string; readonly err: string; readonly codes: readonly number[] }> {
  const said = { out: '', err: '' };
  const codes: number[] = [];
  const io: Io = {
    out: (text) => void (said.out += text),
    err: (text) => void (said.err += text),
    drained: () => Promise.resolve(),
    stdin: process.stdin,
    env,
    cwd,
    terminal: { out: false, err: false },
    colour: { out: false, err: false },
    argv: line.split(' '),
    exit: (code) => void codes.push(code),
  };
  const program = new Command();
  list.register(program, io);
  show.register(program, io);
  await program.parseAsync(line.split(' '), { from: 'user' });
  return { ...said, codes };
}

const older = { id: '20261120-000000-000-aaaaaa', createdAt: '2026-11-20T00:00:00.000Z', labels: { kind: 'nightly' } };
const newer = { id: '20261121-000000-000-aaaaaa', createdAt: '2026-11-21T00:00:00.000Z', system: 'other', labels: {} };

describe('list', () => {
  test('prints a table, newest first', async () => {
    store(older);
    store({ ...newer, plan: { workloads: ['register'], faults: ['a', 'b', 'c', 'd'] } });
    const { out, err, codes } = await run('list');
    expect(err).toBe('');
    expect(codes).toEqual([0]);
    expect(out.split('\n')).toEqual([
      'id                          when (UTC)           system     workload         faults        seed  verdict  operations  labels',
      '20261121-000000-000-aaaaaa  2026-11-21 00:00:00  other      register         a and 3 more     7  broken       20,012',
      '20261120-000000-000-aaaaaa  2026-11-20 00:00:00  reference  register,ledger  kill-leader      7  broken       20,012  kind=nightly',
      '',
    ]);
  });

  test('prints JSON, one run a line, and only what was asked for', async () => {
    store(older);
    store(newer);
    const { out } = await run('list --json --label nightly');
    expect(
      out
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line)),
    ).toMatchObject([{ schema: 1, id: older.id, operations: 20_012 }]);
    expect((await run('list --json --limit 1')).out).toContain(newer.id);
    expect((await run('list --json --limit 1')).out).not.toContain(older.id);
  });

  test('of nothing is empty, and bad options are refused', async () => {
    expect(await run('list --json')).toEqual({ out: '', err: '', codes: [0] });
    await expect(run('list --limit 0')).rejects.toThrow('--limit 0: a whole number from 1 on is needed.');
    await expect(run('list --verdict brokn')).rejects.toThrow("There is no verdict 'brokn'. Did you mean 'broken'?");
  });
});

/** Moves the cursor, turns the direction of the text, begins a line, ends what C knows of it. */
const HOSTILE = '\u001b[2J\u202e\u009b\r\n\0';
// biome-ignore lint/suspicious/noControlCharactersInRegex: those are what must not reach a terminal
const OBEYED = /[\0-\u0009\u000b-\u001f\u007f-\u009f\u202e]/;

test('nothing that was stored reaches the terminal as anything but text', async () => {
  const hostile = (text: string): string => `${text}${HOSTILE}`;
  const sample = sampleRecord();
  const [cell, ...cells] = sample.cells;
  const operations = cell.anomalies[0].operations.map((one) => ({
    ...one,
    value: hostile('value'),
    session: hostile('session'),
    node: hostile('node'),
    role: hostile('role') as 'leader',
  }));
  store({
    ...sample,
    system: hostile('system'),
    labels: { [hostile('name')]: hostile('x').repeat(200) },
    command: hostile('command'),
    plan: { ...sample.plan, failures: [`${hostile('failed')}\nand where`] },
    counts: { ...sample.counts, [hostile('calm reads asked ')]: 3 },
    cells: [
      {
        ...cell,
        writePath: hostile('path'),
        note: hostile('note'),
        anomalies: [{ kind: hostile('kind'), sentence: hostile('sentence'), operations }],
      },
      ...cells,
    ],
  });
  const listed = await run('list');
  expect(listed.out).not.toMatch(OBEYED);
  expect(listed.out.split('\n')).toHaveLength(3);
  expect(listed.out).toContain('name\\u{1b}[2J');
  expect(listed.out.split('\n')[1].length).toBeLessThan(300);
  const shown = await run('show');
  expect(shown.out).not.toMatch(OBEYED);
  const seen = [
    'session',
    'node',
    'role',
    'system',
    'command',
    'path',
    'note',
    'kind',
    'sentence',
    'answered: ',
    'failed',
  ];
  for (const word of seen) expect(shown.out, word).toContain(`${word}\\u{1b}[2J`);
  expect(shown.out).toContain('write x = "value\\u001b[2J');
});

describe('show', () => {
  test('prints the report as the run printed it', async () => {
    store(older);
    const record = store(newer);
    const report = join('.tidemark', 'runs', record.id, 'report.txt');
    const expected = `${renderReport(record, { color: false })}\n${closingLines(record, report).join('\n')}\n`;
    for (const word of ['', ' last', ' 20261121', ` ${record.id}`]) {
      expect(await run(`show${word}`)).toEqual({ out: expected, err: '', codes: [0] });
    }
    expect((await run('show nightly')).out).toContain(older.id);
  });

  test('prints the whole record as JSON', async () => {
    const record = store(older);
    expect(JSON.parse((await run('show last --json')).out)).toEqual({ schema: 1, type: 'run', ...record });
  });

  test('says what there is when nothing, or too much, is meant', async () => {
    await expect(run('show last')).rejects.toThrow('There are no stored runs here; tidemark run makes one.');
    store(older);
    store(newer);
    await expect(run('show nobody')).rejects.toThrow(
      `There is no run 'nobody': no id begins so, and no label is called so. The newest: ${newer.id}, ${older.id}.`,
    );
    await expect(run('show 2026')).rejects.toThrow(`'2026' begins the ids of several runs: ${newer.id}, ${older.id}.`);
    createRunFolder(join(cwd, '.tidemark'), '20270101-000000-000-killed');
    await expect(run('show 2027')).rejects.toThrow(
      'Run 20270101-000000-000-killed has not ended, or was killed; its journal can be judged: ' +
        'tidemark check .tidemark/runs/20270101-000000-000-killed/journal.jsonl.',
    );
  });

  test('goes by the files when there is no database, and says so in one line', async () => {
    store(older);
    const { out, err } = await run('show last', { TIDEMARK_DATABASE_URL: 'postgres://127.0.0.1:1/x' });
    expect(out).toContain(older.id);
    expect(err).toMatch(/^tidemark: Only the runs in .* are seen: [^\n]*\n$/);
  });

  test('names a run whose file is damaged', async () => {
    const record = store(older);
    writeFileSync(join(cwd, '.tidemark', 'runs', record.id, 'verdicts.json'), '{');
    const { out, err } = await run('list');
    expect(out).toBe('');
    expect(err).toMatch(/verdicts\.json is damaged: /);
  });
});
