// oxlint-disable no-restricted-globals -- a program of a user, who has no clock of ours
// A driver for tests: passes what it is asked to the server at n1, one line each, and its answers back.
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
let broken;

/** Each question is answered once: by the server, for want of a connection, or when its time is over. */
function answer(question, said) {
  if (question === undefined || question.answered) return;
  clearTimeout(question.timer);
  question.answered = true;
  say(question.id, said);
}

function lost(why) {
  broken = why;
  for (const waiting of asked.splice(0)) answer(waiting, { type: 'info', error: why });
}

function open(id, nodes) {
  const [host, port] = nodes.n1.split(':');
  let opened = false;
  server = connect(Number(port), host, () => {
    opened = true;
    say(id, { type: 'ok' });
  });
  server.on('error', (error) => (opened ? lost(error.message) : say(id, { type: 'fail', error: error.message })));
  server.on('close', () => lost('the connection has ended'));
  const lines = createInterface(server);
  lines.on('error', () => undefined); // the socket's own, told there
  lines.on('line', (line) => answer(asked.shift(), { type: 'ok', ...JSON.parse(line) }));
}

createInterface(process.stdin).on('line', (line) => {
  const { id, type, nodes, f, key, value, timeoutMs } = JSON.parse(line);
  if (type === 'hello') say(id, hello);
  else if (type === 'open') open(id, nodes);
  else if (type === 'close') process.exit(0);
  else if (broken !== undefined) say(id, { type: 'fail', error: broken });
  else {
    const question = { id, f, answered: false };
    question.timer = setTimeout(() => answer(question, { type: 'info', error: 'no answer in time' }), timeoutMs);
    asked.push(question);
    server.write(`${JSON.stringify({ f, key, value })}\n`);
  }
});
