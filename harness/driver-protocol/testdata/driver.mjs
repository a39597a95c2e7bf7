// oxlint-disable no-restricted-globals -- a program of a user, who has no clock of ours
// A driver that keeps its store in a file, so that all its processes share it, and misbehaves as its first argument says,
// once it has been asked so many times as its second says. For tests.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';

const [misdeed = 'none', after = '0', file = '/dev/null'] = process.argv.slice(2);
const hello = {
  type: 'hello',
  protocol: 1,
  name: 'file',
  methods: ['read', 'write'],
  readPaths: [misdeed.endsWith('-role') ? { name: 'only', asks: 'follower' } : 'only'],
  writePaths: ['only'],
  promises: [{ guarantees: ['linearizable'] }],
};
const say = (answer) => process.stdout.write(`${JSON.stringify(answer)}\n`);
const store = () => (existsSync(file) ? JSON.parse(readFileSync(file, 'utf8') || '{}') : {});
let asked = 0;
if (misdeed === 'tells') process.stderr.write(`started with ${process.env.STORE_PASSWORD}\n`);

function misbehave(id) {
  switch (misdeed) {
    case 'nonsense':
      return process.stdout.write('Segmentation fault\n');
    case 'twice':
      return void process.stdout.write(
        [null, 5].map((value) => `${JSON.stringify({ id, type: 'ok', value })}\n`).join(''),
      );
    case 'twice-later':
      say({ id, type: 'ok', value: null });
      return void setTimeout(() => say({ id, type: 'ok', value: 5 }), 30);
    case 'late':
      return void setTimeout(() => say({ id, type: 'ok', value: null }), 450);
    case 'silence':
      return;
    case 'flood':
      return void setInterval(() => process.stdout.write('{"id":-1,"type":"ok"}\n'.repeat(10_000)), 1);
    case 'exit':
      process.stderr.write('fatal: the store is on fire\n');
      return process.exit(3);
    case 'throw': // Node says where first, then why, and its own version last
      throw new Error('the store is on fire');
    case 'long-line':
      return void process.stdout.write(`{"id":${id},"type":"ok","value":"${'x'.repeat(100_000_000)}"}\n`);
    case 'no-value':
      return say({ id, type: 'ok' });
    case 'large-value':
      return say({ id, type: 'ok', value: 'x'.repeat(70_000) });
    case 'no-role': // which is allowed
      return say({ id, type: 'ok', value: null, node: 'n1' });
    case 'has-role':
      return say({ id, type: 'ok', value: null, node: 'n1', role: 'leader' });
    case 'tells': // what it should not, in pieces
      process.stderr.write('went on with hun');
      return void setTimeout(() => {
        process.stderr.write('ter22, and to redis://me:hunter22@somewhere');
        say({ id, type: 'ok', value: null });
      }, 100);
    case 'not-utf-8':
      process.stdout.write(`{"id":${id},"type":"ok","value":"`);
      process.stdout.write(Buffer.from([0xff, 0xfe]));
      return process.stdout.write('"}\n');
    case 'no-error':
      return say({ id, type: 'fail' });
    case 'stranger':
      return say({ id, type: 'ok', value: null, node: 'n7' });
    case 'no-id':
      return say({ type: 'ok', value: null });
    case 'deaf': // reads no more, and does not go when its input ends
      process.stdin.pause();
      return void setInterval(() => undefined, 1000);
  }
}

createInterface({ input: process.stdin }).on('line', (line) => {
  const { id, type, f, key, value } = JSON.parse(line);
  if (type === 'hello') {
    if (misdeed === 'no-hello') return;
    if (misdeed === 'wrong-hello') return say({ id, ...hello, protocol: 2 });
    if (misdeed === 'other-hello' && existsSync(file)) return say({ id, ...hello, name: 'another' });
    if (misdeed === 'other-hello') writeFileSync(file, '{}');
    return say({ id, ...hello });
  }
  if (type === 'open')
    return say(
      misdeed === 'refuses'
        ? { id, type: 'fail', error: `wrong password: ${process.env.STORE_PASSWORD}` }
        : { id, type: 'ok' },
    );
  if (type === 'close') return;
  if (asked++ >= Number(after) && misdeed !== 'none') return misbehave(id);
  const all = store();
  if (f === 'read') return say({ id, type: 'ok', value: all[key] ?? null });
  writeFileSync(file, JSON.stringify({ ...all, [key]: value }));
  say({ id, type: 'ok' });
});
process.stdin.on('end', () => misdeed !== 'deaf' && misdeed !== 'late' && process.exit(0));
