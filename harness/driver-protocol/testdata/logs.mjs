// A driver for logs.test.ts: passes what it is asked to the server at n1, one line each, and its answers back.
//
//   node logs.mjs METHOD,METHOD… GUARANTEE
import { connect } from 'node:net';
import { createInterface } from 'node:readline';

const [methods, guarantee] = process.argv.slice(2);
const hello = {
  type: 'hello',
  protocol: 1,
  name: 'logs',
  methods: methods.split(','),
  readPaths: ['only'],
  writePaths: ['only'],
  promises: [{ guarantees: [guarantee] }],
};
const say = (id, answer) => process.stdout.write(`${JSON.stringify({ ...answer, id })}\n`);
/** What waits for an answer of the server, in order. */
const asked = [];
let server;

function open(id, nodes) {
  const [host, port] = nodes.n1.split(':');
  server = connect(Number(port), host, () => say(id, { type: 'ok' }));
  server.on('error', (error) => {
    if (asked.length === 0) say(id, { type: 'fail', error: error.message });
    for (const waiting of asked.splice(0)) say(waiting, { type: 'info', error: error.message });
  });
  createInterface(server).on('line', (line) => say(asked.shift(), { type: 'ok', ...JSON.parse(line) }));
}

createInterface(process.stdin).on('line', (line) => {
  const { id, type, nodes, f, key, value } = JSON.parse(line);
  if (type === 'hello') say(id, hello);
  else if (type === 'open') open(id, nodes);
  else if (type === 'close') process.exit(0);
  else {
    asked.push(id);
    server.write(`${JSON.stringify({ f, key, value })}\n`);
  }
});
