import { type AddressInfo, createServer } from 'node:net';
import { expect, test } from 'vitest';
import { Refused } from '../../history/store.ts';
import { NotSent } from '../stores/client.ts';
import { open, refusalIn, until } from './line.ts';

test.each([
  ['14 UNAVAILABLE: No connection established. Last error: Error: connect ECONNREFUSED 127.0.0.1:1', 'NOT_SENT'],
  ['etcdserver: too many requests', 'TOO_MANY_REQUESTS'],
])("'%s' is a definite refusal: %s", (message, code) => {
  const refusal = refusalIn(new Error(message));
  expect(refusal).toBeInstanceOf(Refused);
  expect((refusal as Refused).code).toBe(code);
});

// The write that exceeds the quota is applied all the same; a connection may end by any of these once a request was sent over it.
test.each([
  '8 RESOURCE_EXHAUSTED: etcdserver: mvcc: database space exceeded',
  'etcdserver: leader changed',
  'etcdserver: request timed out',
  '14 UNAVAILABLE: Connection dropped',
  '14 UNAVAILABLE: read ECONNREFUSED',
  '14 UNAVAILABLE: read EHOSTUNREACH',
  '14 UNAVAILABLE: write ENETUNREACH',
])("'%s' leaves it open", (message) => {
  const error = new Error(message);
  expect(refusalIn(error)).toBe(error);
});

test('what nobody listens for was not sent', async () => {
  const server = createServer();
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  const etcd = await open({ host: '127.0.0.1', port });
  const asked = await etcd.kv.put({ key: Buffer.from('k'), value: Buffer.from('v') }, until(10_000)).then(
    () => 'ok',
    (error: unknown) => refusalIn(error),
  );
  expect(asked).toBeInstanceOf(NotSent);
  etcd.close();
});
