/**
 * What measures inside a container: a program of its own for `node -e`, so that nothing that does faults is asked what they
 * did. It answers datagrams, counts them, opens connections, writes and syncs, reads clocks, and spins, as it is told: a line
 * of JSON on stdin, a line of JSON back. It ends when its stdin does.
 *
 * A text, since it runs where there is no TypeScript and nothing of ours but the image.
 */

/** Where it listens: datagrams, connections. */
export const probePorts = { datagrams: 9998, connections: 9997 } as const;

export const PROBE_PROGRAM = `
'use strict';
const fs = require('fs'), net = require('net'), dgram = require('dgram'), { execFileSync } = require('child_process');
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const folder = process.env.PROBE_FOLDER;

// Datagrams: 'e <n>' goes back to where it came from; 'o <tag> …' is counted.
const heard = new Map();
const listener = dgram.createSocket('udp4');
listener.on('message', (bytes, who) => {
  const [kind, tag] = bytes.toString('latin1').split(' ', 2);
  if (kind === 'e') return listener.send(bytes, who.port, who.address);
  const seen = heard.get(tag) ?? { count: 0, bytes: 0, first: performance.now(), firstBytes: bytes.length, last: 0 };
  seen.count++; seen.bytes += bytes.length; seen.last = performance.now();
  heard.set(tag, seen);
});

const read = (...paths) => {
  for (const path of paths) try { return fs.readFileSync(path, 'latin1') } catch {}
  return undefined;
};
const uptimeMs = () => Number(read('/proc/uptime').split(' ')[0]) * 1000;
const attempt = (deed) => { try { deed(); return 'well' } catch (error) { return error.code ?? String(error) } };

/** Of each log file: its bytes up to the last that is not zero. */
const logs = () => new Map(fs.readdirSync(folder + '/log').filter((name) => name.endsWith('.log')).sort().map((name) => {
  const bytes = fs.readFileSync(folder + '/log/' + name);
  let end = bytes.length;
  while (end > 0 && bytes[end - 1] === 0) end--;
  return [name, bytes.subarray(0, end)];
}));
let remembered = new Map();

const deeds = {
  async echoes({ to, count, everyMs, waitMs }) {
    const socket = dgram.createSocket('udp4'), sent = [], ms = [], order = [];
    socket.on('message', (bytes) => {
      const n = Number(bytes.toString('latin1').split(' ')[1]);
      order.push(n); ms.push(performance.now() - sent[n]);
    });
    for (let n = 0; n < count; n++) {
      sent[n] = performance.now();
      socket.send('e ' + n, ${probePorts.datagrams}, to);
      if (everyMs > 0) await sleep(everyMs);
    }
    await sleep(waitMs);
    socket.close();
    return { count, ms, order };
  },
  async speak({ to, tag, count, bytes, everyMs }) {
    const socket = dgram.createSocket('udp4');
    const text = ('o ' + tag + ' ').padEnd(bytes, '.');
    for (let n = 0; n < count; n++) {
      await new Promise((resolve) => socket.send(text, ${probePorts.datagrams}, to, resolve));
      if (everyMs > 0) await sleep(everyMs);
    }
    socket.close();
    return {};
  },
  heard({ tag }) {
    const seen = heard.get(tag) ?? { count: 0, bytes: 0, first: 0, firstBytes: 0, last: 0 };
    heard.delete(tag);
    return { count: seen.count, bytes: seen.bytes - seen.firstBytes, ms: seen.last - seen.first };
  },
  connect({ to, port, waitMs }) {
    return new Promise((resolve) => {
      const from = performance.now();
      const socket = net.connect(port, to);
      const end = (how) => { clearTimeout(timer); socket.destroy(); resolve({ how, ms: performance.now() - from }) };
      const timer = setTimeout(() => end('times out'), waitMs);
      socket.on('connect', () => end('connects'));
      socket.on('error', (error) => end(error.code));
    });
  },
  syncs({ count }) {
    const file = fs.openSync(folder + '/doctor', 'w'), ms = [];
    try {
      for (let n = 0; n < count; n++) {
        fs.writeSync(file, 'x'.repeat(4096));
        const from = performance.now();
        fs.fsyncSync(file);
        ms.push(performance.now() - from);
      }
    } finally { fs.closeSync(file) }
    return { ms };
  },
  disk() {
    const path = folder + '/doctor';
    return {
      write: attempt(() => fs.writeFileSync(path, 'x'.repeat(4096))),
      read: attempt(() => fs.readFileSync(path)),
    };
  },
  /** How far this process's time of day is from the kernel's, which a new file carries. */
  offset() {
    const path = '/run/doctor-' + process.pid;
    fs.writeFileSync(path, 'x');
    const kernel = fs.statSync(path).mtimeMs, mine = Date.now();
    fs.unlinkSync(path);
    return { ms: mine - kernel };
  },
  /** How fast this process's clock runs, by the kernel's uptime. */
  async rate({ ms }) {
    const tick = async () => { const was = uptimeMs(); while (uptimeMs() === was) await sleep(1); return [uptimeMs(), performance.now()] };
    const [from, mine] = await tick();
    while (uptimeMs() - from < ms) await sleep(5);
    const [until, now] = await tick();
    return { rate: (now - mine) / (until - from) };
  },
  /** How many times the time of day went another way than the monotonic clock, by more than half of so much. */
  async leaps({ ms, leapMs }) {
    let leaps = 0, last = Date.now() - performance.now();
    const from = performance.now();
    while (performance.now() - from < ms) {
      await sleep(3);
      const now = Date.now() - performance.now();
      if (Math.abs(now - last) > leapMs / 2) leaps++;
      last = now;
    }
    return { leaps };
  },
  /** Share of a processor that it gets while it wants all of one, and how often the kernel held its container back. */
  spin({ ms }) {
    const held = () => Number(/^nr_throttled (\\d+)$/m.exec(
      read('/sys/fs/cgroup/cpu/cpu.stat', '/sys/fs/cgroup/cpu,cpuacct/cpu.stat', '/sys/fs/cgroup/cpu.stat') ?? '')?.[1] ?? 0);
    const before = held(), from = performance.now(), used = process.cpuUsage();
    while (performance.now() - from < ms);
    const { user, system } = process.cpuUsage(used);
    return { share: (user + system) / 1000 / (performance.now() - from), held: held() - before };
  },
  /** What the kernel would let this container use in all. */
  memory() {
    const most = read('/sys/fs/cgroup/memory/memory.limit_in_bytes', '/sys/fs/cgroup/memory.max');
    return { mb: most === undefined || most.trim() === 'max' ? -1 : Number(most) / 1048576 };
  },
  remember() { remembered = logs(); return { bytes: [...remembered.values()].reduce((sum, { length }) => sum + length, 0) } },
  /** What of the log that was remembered is no longer so. */
  damage() {
    const now = logs();
    let bits = 0, gone = 0;
    for (const [name, was] of remembered) {
      const is = now.get(name) ?? Buffer.alloc(0);
      gone += Math.max(0, was.length - is.length);
      for (let i = 0; i < Math.min(was.length, is.length); i++)
        for (let x = was[i] ^ is[i]; x !== 0; x &= x - 1) bits++;
    }
    return { bits, gone };
  },
  size({ name }) { return { bytes: fs.statSync(folder + '/' + name).size } },
  /** What a program says; its code where it fails. */
  run({ command }) {
    try { return { ok: true, said: execFileSync(command[0], command.slice(1), { encoding: 'utf8', stdio: 'pipe', timeout: 20000 }).trim() } }
    catch (error) { return { ok: false, said: String(error.stderr || error.message).trim() } }
  },
};

const say = (what) => process.stdout.write(JSON.stringify(what) + '\\n');
const take = async (line) => {
  const { id, what, how } = JSON.parse(line);
  try { say({ id, ok: await deeds[what](how) }) } catch (error) { say({ id, error: error.message }) }
};
let rest = '';
process.stdin.setEncoding('utf8').on('data', (text) => {
  const lines = (rest + text).split('\\n');
  rest = lines.pop();
  for (const line of lines) void take(line);
}).on('end', () => process.exit(0));
const ready = () => say({ id: 0, ok: {} });
if (process.env.PROBE_LISTENS === undefined) ready();
else listener.bind(${probePorts.datagrams}, () => net.createServer((socket) => socket.on('error', () => {}).end())
  .listen(${probePorts.connections}, ready));
`;

/** Writes what a power cut takes: synced, and then not. Run once, under the shim with its journal. */
export const UNSYNCED_PROGRAM = `
const fs = require('fs'), file = fs.openSync(process.env.PROBE_FOLDER + '/doctor-power', 'w+');
fs.writeSync(file, 's'.repeat(1000)); fs.fsyncSync(file);
for (let n = 0; n < 20; n++) fs.writeSync(file, 'u'.repeat(700));
`;
/** Of that file: bytes that were synced, and all. */
export const unsynced = { kept: 1000, whole: 15_000 } as const;
