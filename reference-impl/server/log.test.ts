import { expect, test } from 'vitest';
import { Log } from './log.ts';

test('lines are text or JSON', () => {
  const lines: string[] = [];
  new Log('n1', 'text', (line) => lines.push(line)).say('warning', 'a sentence');
  new Log('n1', 'json', (line) => lines.push(line)).say('error', 'a "sentence"\nof two lines');
  expect(lines[0]).toMatch(/^\S+Z warning: a sentence\n$/);
  expect(JSON.parse(lines[1])).toMatchObject({ level: 'error', node: 'n1', message: 'a "sentence"\nof two lines' });
  expect(lines[1].split('\n')).toHaveLength(2);
});

test('what others can cause as often as they like is logged a few times', () => {
  const lines: string[] = [];
  const log = new Log('n1', 'text', (line) => lines.push(line));
  for (let i = 0; i < 10_000; i++) log.limited('flood', 'warning', `number ${i}`);
  log.limited('other', 'info', 'is not held up by it');
  expect(lines.length).toBeLessThan(30);
  expect(lines.at(-1)).toContain('is not held up by it');
  for (let i = 0; i < 10_000; i++) log.limited(`kind ${i}`, 'info', 'x');
  expect(lines.length).toBeLessThan(11_000);
});

test('a text line cannot be made to look like two', () => {
  const lines: string[] = [];
  new Log('n1', 'text', (line) => lines.push(line)).say('info', 'harmless\n2026-01-01 forged');
  expect(lines[0].trimEnd()).not.toContain('\n');
});
