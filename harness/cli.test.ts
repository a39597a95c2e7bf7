import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { buildFirst, tidemark } from '../test-support/tidemark.ts';
import { coloured } from './cli.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'tidemark-cli-'));
  buildFirst();
});
afterAll(() => rmSync(folder, { recursive: true }));

/** A fault that misbehaves in the given way while the catalog looks at it. */
function plugin(name: string, misbehaviour: string): string {
  const file = join(folder, `${name}.mjs`);
  const text = `export default {
    name: '${name}', about: 'x', inject: async () => undefined,
    looked: 0,
    get levers() { if (this.looked++ > 0) { ${misbehaviour} } return []; },
  };`;
  writeFileSync(file, text);
  return file;
}

describe('arguments that will not do: 254, and one sentence', () => {
  test.each([
    [['catalgo'], /^tidemark: There is no command 'catalgo'\. Did you mean 'catalog'\? Valid: .*\bcatalog\b.*\.\n$/],
    [['catalog', '--jsn'], /^tidemark: There is no option '--jsn'\. Did you mean '--json'\? Valid: .*--json.*\.\n$/],
    [
      ['--verison'],
      /^tidemark: There is no option '--verison'\. Did you mean '--version'\? Valid: --version, --help\.\n$/,
    ],
    [
      ['catalog', 'fault'],
      /^tidemark: There is no section of the catalog 'fault'\. Did you mean 'faults'\? Valid: systems,/,
    ],
    [
      ['catalog', 'faults', 'models'],
      /^tidemark: Too many arguments for 'catalog'\. Expected 1 argument but got 2\.\n$/,
    ],
    [['catalgo', '--help'], /^tidemark: There is no command 'catalgo'\. Did you mean 'catalog'\?/],
    [['help', 'catalgo'], /^tidemark: There is no command 'catalgo'\. Did you mean 'catalog'\?/],
    [['run', '--fault', 'isolate-leader,none'], /^tidemark: The fault 'none' stands alone: it goes with no other\.\n$/],
    [['run', '--fault', 'mix', '--fault', 'slow-disk'], /^tidemark: The fault 'mix' stands alone/],
    [['run', '--fault', ''], /^tidemark: --fault '': a name is needed, or several with commas between\.\n$/],
    [['run', '--workload', ' , '], /^tidemark: --workload ' , ': a name is needed/],
    [['run', '--read-path', ''], /^tidemark: --read-path '': a name is needed/],
    [['run', '--write-path', ''], /^tidemark: --write-path '': a name is needed/],
    [['run', '--guarantee', ''], /^tidemark: --guarantee '': a name is needed/],
    [['check', 'x', '--guarantee', ''], /^tidemark: --guarantee '': a name is needed/],
    [
      ['check', 'x', '--thread', 'user'],
      /^tidemark: There is no thread of a session 'user'\. Valid: session, device\.\n$/,
    ],
    [['run', '--set', '__proto__=1'], /^tidemark: There is no setting '__proto__'\. Valid: keys,/],
    [['list', '--system', 'xx'], /^tidemark: There is no system 'xx'\. Valid: .*\breference\b/],
    [['run', '--plan', 'absent.yaml'], /^tidemark: The plan absent\.yaml cannot be read: there is no such file\.\n$/],
    [
      ['run', '--replay', 'last', '--seed', '2'],
      /^tidemark: --seed does not go with --replay: the run goes as it went; --env, --set, --skip-unsupported may differ\.\n$/,
    ],
    [['run', '--replay', 'last', '--plan', 'x.yaml'], /^tidemark: --plan does not go with --replay: /],
    [['catalog', '--plugin'], /^tidemark: Option '--plugin <file>' argument missing\.\n$/],
    [['catalog', '--plugin', 'absent.mjs'], /absent\.mjs: there is no such plug-in\.\n$/],
  ])('%j', async (args, says) => {
    const ended = await tidemark(args);
    expect(ended).toMatchObject({ code: 254, stdout: '' });
    expect(ended.stderr).toMatch(says);
  });

  test('none at all prints the help on stderr', async () => {
    const ended = await tidemark([]);
    expect(ended).toMatchObject({ code: 254, stdout: '' });
    expect(ended.stderr).toContain('Usage: tidemark');
  });
});

describe('surroundings that will not do: 254, and one sentence', () => {
  const inFolder = async (name: string, files: Readonly<Record<string, string>>, ...args: string[]) => {
    const cwd = join(folder, name);
    for (const [file, text] of Object.entries(files)) {
      mkdirSync(dirname(join(cwd, file)), { recursive: true });
      if (!file.endsWith('/')) writeFileSync(join(cwd, file), text);
      else mkdirSync(join(cwd, file), { recursive: true });
    }
    const ended = await tidemark(args, { cwd });
    expect(ended).toMatchObject({ code: 254, stdout: '' });
    return ended.stderr;
  };

  test('a bad value of the configuration is reported with its place', async () => {
    const fault = { 'tidemark.config.yaml': 'run:\n  fault: oops\n' };
    expect(await inFolder('c1', fault, 'run')).toMatch(
      /^tidemark: tidemark\.config\.yaml:2: There is no fault 'oops'\./,
    );
    const seed = { 'tidemark.config.yaml': 'nodes: 3\nseed: x\n' };
    expect(await inFolder('c2', seed, 'run')).toMatch(/^tidemark: tidemark\.config\.yaml:2: --seed x: a whole number/);
    expect(await inFolder('c2', seed, 'run', '--seed', 'y')).toMatch(/^tidemark: --seed y: a whole number/);
  });

  test('a configuration that is a directory', async () => {
    expect(await inFolder('d', { 'tidemark.config.yaml/': '' }, 'catalog')).toBe(
      'tidemark: tidemark.config.yaml cannot be used: it is a directory.\n',
    );
  });

  test.each([
    ['.tidemark', ['run', '--duration', '1s'], 'it, or what it would lie in, is a file and no directory'],
    ['.tidemark', ['run', '--duration', '1s', '--runs', '2'], 'is a file and no directory'],
    ['.tidemark/runs', ['run', '--duration', '1s'], 'it is a file and no directory'],
    ['.tidemark/runs', ['list'], 'it, or what it would lie in, is a file and no directory'],
  ])('%s is a file: %j', async (file, args, why) => {
    const says = await inFolder(`e${file.length}${args.join('')}`, { [file]: '' }, ...args);
    expect(says).toMatch(/^tidemark: .*\.tidemark\S* cannot be used: .*\.\n$/);
    expect(says).toContain(why);
  });
});

describe('a harness that fails: 255, and one line', () => {
  test.each([
    ['thrown', "throw new Error('boom');", 'boom'],
    ['uncaught', "process.nextTick(() => { throw new Error('boom'); });", 'boom'],
    ['rejected', "Promise.reject(new Error('boom'));", 'boom'],
    ['no-error', "Promise.reject('boom');", 'boom'],
  ])('%s', async (name, misbehaviour, says) => {
    const ended = await tidemark(['catalog', '--plugin', plugin(name, misbehaviour)]);
    expect(ended).toMatchObject({
      code: 255,
      stderr: `tidemark: failed itself: ${says} (TIDEMARK_DEBUG=1 shows where)\n`,
    });
  });

  test('with TIDEMARK_DEBUG also says where', async () => {
    const file = plugin('debugged', "throw new Error('boom');");
    const ended = await tidemark(['catalog', '--plugin', file], { env: { TIDEMARK_DEBUG: '1' } });
    expect(ended.code).toBe(255);
    expect(ended.stderr).toMatch(/Error: boom\n\s+at .*debugged\.mjs/);
  });

  test('an event loop that drains without a verdict', async () => {
    const file = join(folder, 'waits.mjs');
    writeFileSync(file, 'await new Promise(() => {});\nexport default {};');
    const ended = await tidemark(['catalog', '--plugin', file]);
    expect(ended).toMatchObject({
      code: 255,
      stderr: 'tidemark: nothing is left to wait for, and there is no verdict\n',
    });
  });

  test('an empty command line option of Node does not hide it', async () => {
    const file = plugin('exits', 'process.exit();');
    expect(await tidemark(['catalog', '--plugin', file])).toMatchObject({ code: 255 });
  });
});

describe('a command that does its work: 0', () => {
  test.each([[['--help']], [['help']], [['help', 'catalog']], [['catalog', '--help']]])('%j', async (args) => {
    const ended = await tidemark(args);
    expect(ended).toMatchObject({ code: 0, stderr: '' });
    expect(ended.stdout).toContain('Usage: tidemark');
  });

  test('--help lists the commands, examples and exit codes', async () => {
    const { stdout } = await tidemark(['--help']);
    for (const part of ['catalog', 'run', 'Examples:', 'Exit codes:', '254']) expect(stdout).toContain(part);
  });

  test('--version', async () => {
    expect(await tidemark(['--version'])).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/),
    });
  });

  test('goes on to its verdict when the reader has gone, and says nothing', async () => {
    const file = join(folder, 'long.mjs');
    writeFileSync(
      file,
      "export default { name: 'long', about: 'x'.repeat(1e6), levers: [], inject: async () => undefined };",
    );
    const ended = await tidemark(['catalog', '--json', '--plugin', file], { firstLineOnly: true });
    expect(ended.stdout.length).toBeLessThan(500_000);
    expect(ended).toMatchObject({ code: 0, signal: null, stderr: '' });
  });

  test('takes colours when forced, and none otherwise', async () => {
    const bold = String.fromCharCode(27);
    expect(
      (await tidemark(['catalog', 'faults'], { env: { NO_COLOR: undefined, FORCE_COLOR: '1' } })).stdout,
    ).toContain(bold);
    expect((await tidemark(['catalog', 'faults'], { env: { NO_COLOR: undefined } })).stdout).not.toContain(bold);
  });
});

test.each([
  [{ NO_COLOR: '1', FORCE_COLOR: '1' }, true, false],
  [{ NO_COLOR: '' }, true, true],
  [{ FORCE_COLOR: '1' }, false, true],
  [{ FORCE_COLOR: '0' }, true, false],
  [{ TERM: 'dumb' }, true, false],
  [{}, false, false],
])('with %j on a terminal (%s) colours are %s', (env, attended, colours) => {
  expect(coloured(attended, env)).toBe(colours);
});

describe('tidemark.config.yaml', () => {
  const configure = (text: string): void => writeFileSync(join(folder, 'tidemark.config.yaml'), text);
  afterEach(() => rmSync(join(folder, 'tidemark.config.yaml'), { force: true }));

  test('gives defaults, for all commands or for one', async () => {
    for (const text of ['json: true\n', 'catalog:\n  json: true\n', 'json: false\ncatalog: { json: true }\n']) {
      configure(text);
      const { code, stdout } = await tidemark(['catalog', 'faults'], { cwd: folder });
      expect(code).toBe(0);
      expect(JSON.parse(stdout.split('\n')[0])).toMatchObject({ schema: 1, kind: 'fault' });
    }
  });

  test('loses against a flag', async () => {
    configure('plugin: [absent.mjs, other.mjs]\n');
    expect(await tidemark(['catalog', 'faults'], { cwd: folder })).toMatchObject({ code: 254 });
    const file = plugin('calm', '');
    expect(await tidemark(['catalog', 'faults', '--plugin', file], { cwd: folder })).toMatchObject({ code: 0 });
  });

  test.each([
    [
      '# ours\njson: true\njsn: true\n',
      "tidemark.config.yaml:3: There is no option 'jsn'. Did you mean 'json'? Valid: ",
    ],
    [
      'catalog:\n  jsn: true\n',
      "tidemark.config.yaml:2: There is no option 'jsn'. Did you mean 'json'? Valid: json, plugin.",
    ],
    ['\ncatalog: 3\n', "tidemark.config.yaml:2: 'catalog' must be a map of its options."],
    ['catalog:\n  json: maybe\n', "tidemark.config.yaml:2: 'json' must be true or false."],
    ['catalog:\n  plugin: true\n', "tidemark.config.yaml:2: 'plugin' needs a value, not true or false."],
    ['catalog:\n  plugin: [[a]]\n', "tidemark.config.yaml:2: 'plugin' must be a value, a list of values, or a map"],
    ['json: true\njson: true\n', 'tidemark.config.yaml:2: Map keys must be unique'],
    ['- json\n', 'tidemark.config.yaml:1: must be a map from option names to values.'],
  ])('that will not do is named with file, line and field: %j', async (text, says) => {
    configure(text);
    const ended = await tidemark(['catalog'], { cwd: folder });
    expect(ended).toMatchObject({ code: 254, stdout: '' });
    expect(ended.stderr).toContain(`tidemark: ${says}`);
  });
});
