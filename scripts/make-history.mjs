// Writes a journal of one register: node scripts/make-history.mjs FILE [operations] [clients] [keys].
// Closed loop, half writes of unique values, half reads; linearizable by construction. For scripts/bench-check.ts.
import { closeSync, openSync, writeSync } from 'node:fs';

const [file, operations = '1000000', clients = '20', keys = '1'] = process.argv.slice(2);
if (file === undefined) throw new Error('usage: node scripts/make-history.mjs FILE [operations] [clients] [keys]');
let state = 0x2545f491;
const below = (n) => {
  state ^= state << 13;
  state ^= state >>> 17;
  state ^= state << 5;
  return (state >>> 0) % n;
};

const descriptor = openSync(file, 'w');
const total = Number(operations);
const names = Array.from({ length: Number(keys) }, (_, n) => `r${n}`);
const registers = names.map(() => null);
// A client is free, has invoked (its operation has not taken effect yet), or is about to be answered.
const busy = Array.from({ length: Number(clients) }, () => undefined);
let pending = '';
let index = 0;
let time = 0;
let begun = 0;
let unique = 0;
let open = 0;
const line = (process, type, { f, key, session }, value, extra) => {
  time += 400 + below(200);
  pending += `{"index":${index++},"time":${time},"process":${process},"type":"${type}","f":"${f}","key":"${names[key]}","value":${value}${extra(session)}}\n`;
  if (pending.length < 1 << 16) return;
  writeSync(descriptor, pending);
  pending = '';
};
const invoked = (session) => `,"session":"s${session}","path":"leader"`;
const answered = () => ',"node":"n1","role":"leader"';

while (begun < total || open > 0) {
  const client = below(busy.length);
  const operation = busy[client];
  if (operation === undefined) {
    if (begun === total) continue;
    begun++;
    open++;
    const f = below(2) === 0 ? 'read' : 'write';
    busy[client] = { f, key: below(names.length), session: client, value: f === 'write' ? ++unique : null, done: false };
    line(client, 'invoke', busy[client], busy[client].value, invoked);
  } else if (!operation.done) {
    if (operation.f === 'write') registers[operation.key] = operation.value;
    else operation.value = registers[operation.key];
    operation.done = true;
  } else {
    line(client, 'ok', operation, operation.value, answered);
    busy[client] = undefined;
    open--;
  }
}
writeSync(descriptor, pending);
closeSync(descriptor);
