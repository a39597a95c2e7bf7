import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from '@commander-js/extra-typings';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createRunFolder, writeRunFiles } from '../../results/files.ts';
import { sampleRecord } from '../../test-support/sample-record.ts';
import type { Io } from '../command.ts';
import command from '../commands/report.ts';
import { rendered, wantedReports } from './formats.ts';

describe('tidemark report', () => {
  let cwd: string;
  beforeEach(() => {
    cwd = mkdtempSync(join(tmpdir(), 'tm-report-'));
    for (const id of ['20261121-070340-512-k3f9q2', '20261121-070340-512-k3f9q3']) {
      const record = sampleRecord({ id });
      writeRunFiles(createRunFolder(join(cwd, '.tidemark'), id), record, 'text\n');
    }
  });
  afterEach(() => rmSync(cwd, { recursive: true, force: true }));

  async function run(line: string): Promise<{ readonly out: string; readonly codes: readonly number[] }> {
    let out = '';
    const codes: number[] = [];
    const io: Io = {
      out: (text) => void (out += text),
      err: (text) => void (out += `! ${text}`),
      drained: () => Promise.resolve(),
      stdin: process.stdin,
      env: {},
      cwd,
      terminal: { out: false, err: false },
      colour: { out: false, err: false },
      argv: line.split(' '),
      exit: (code) => void codes.push(code),
    };
    const program = new Command();
    command.register(program, io);
    await program.parseAsync(line.split(' '), { from: 'user' });
    return { out, codes };
  }

  test('writes the page into the run’s folder and says where; the others go to standard output', async () => {
    const page = join('.tidemark', 'runs', '20261121-070340-512-k3f9q2', 'report.html');
    expect(await run('report 20261121-070340-512-k3f9q2')).toEqual({ out: `${page}\n`, codes: [0] });
    expect(readFileSync(join(cwd, page), 'utf8')).toBe(rendered(sampleRecord(), 'html'));
    expect((await run('report last --format markdown')).out).toMatch(/^## ❌ BROKEN/);
    expect(JSON.parse((await run('report last --json')).out)).toMatchObject({
      schema: 1,
      type: 'report',
      run: { id: '20261121-070340-512-k3f9q3' },
    });
    expect((await run('report last --format html --output -')).out).toMatch(/^<!doctype html>/);
  });

  test('writes to a file, and the summary of several runs', async () => {
    expect((await run('report last --format junit --output out.xml')).out).toBe('out.xml\n');
    expect(readFileSync(join(cwd, 'out.xml'), 'utf8')).toMatch(/^<\?xml/);
    expect((await run('report 20261121-070340-512-k3f9q2 last --format markdown')).out).toContain('2 runs');
    await expect(run('report 20261121-070340-512-k3f9q2 last')).rejects.toThrow('--output FILE says where it goes');
  });

  test('refuses what cannot be, in a sentence', async () => {
    await expect(run('report last --format pdf')).rejects.toThrow(
      "There is no report format 'pdf'. Valid: html, markdown, json, junit.",
    );
    await expect(run('report last --output nowhere/r.html')).rejects.toThrow(
      /^--output nowhere\/r\.html: there is no folder .*nowhere\.$/,
    );
    await expect(run('report last 20261121-070340-512-k3f9q3 --format markdown')).rejects.toThrow(
      "'last' and '20261121-070340-512-k3f9q3' both mean run 20261121-070340-512-k3f9q3: name each run once",
    );
    await expect(run('report nobody')).rejects.toThrow("There is no run 'nobody'");
    await expect(run('report last --format html --json')).rejects.toThrow('one format at a time');
  });

  test('run --report: formats and files', () => {
    mkdirSync(join(cwd, 'build'));
    writeFileSync(join(cwd, 'file'), '');
    expect(wantedReports(['html', 'junit=build/t.xml'], cwd)).toEqual([
      { format: 'html' },
      { format: 'junit', file: 'build/t.xml' },
    ]);
    expect(() => wantedReports(['jnit=x'], cwd)).toThrow("There is no report format 'jnit'. Did you mean 'junit'?");
    expect(() => wantedReports(['junit='], cwd)).toThrow('--report junit=: the name of a file is needed behind the =.');
    expect(() => wantedReports(['junit=build'], cwd)).toThrow('is a folder, and a file is needed');
    expect(() => wantedReports(['junit=file/x.xml'], cwd)).toThrow('there is no folder');
  });
});
