import { describe, expect, test } from 'vitest';
import { type DriverFlags, withDriver } from './driver-flags.ts';

const plain: DriverFlags = { system: 'reference', env: 'simulation', nodes: '3', set: [] };
const asked = (flags: Partial<DriverFlags>): Promise<DriverFlags> => withDriver({ ...plain, ...flags });

describe('a driver and its endpoints', () => {
  test('are a system, an environment and their settings: what a plan holds, and a replay repeats', async () => {
    const driver = 'python3 mine.py';
    expect(
      await asked({ driver, endpoint: ['n1=a:1', '[::1]:2'], faultCommands: 'f.yaml', set: ['keys=4'] }),
    ).toMatchObject({
      system: 'driver',
      env: 'endpoints',
      nodes: '2',
      set: ['keys=4', 'driver=python3 mine.py', 'endpoints=n1=a:1,n2=[::1]:2', 'fault-commands=f.yaml'],
    });
  });

  test('say how many nodes there are: whoever asks for another number is told', async () => {
    const two: DriverFlags = { ...plain, driver: 'x', endpoint: ['a:1', 'a:2'] };
    expect(await withDriver({ ...two, nodes: '2' }, '2')).toMatchObject({ nodes: '2' });
    await expect(withDriver({ ...two, nodes: '3' }, '3')).rejects.toThrow(
      '--nodes 3: --endpoint names 2 nodes, and the cluster is those: leave out --nodes.',
    );
    await expect(withDriver({ ...two, endpoint: ['a:1'], nodes: '9' }, '9')).rejects.toThrow(
      '--nodes 9: --endpoint names 1 node, and the cluster is that one: leave out --nodes.',
    );
  });

  test('are not there where nobody asks for them', async () => {
    expect(await asked({})).toEqual(plain);
  });

  test.each<[Partial<DriverFlags>, string]>([
    [{ driver: 'x' }, "--driver needs the store's nodes: --endpoint n1=host:port, once for each, or --compose FILE."],
    [
      { driver: 'x', endpoint: ['a:1'], compose: 'c.yaml' },
      '--compose starts nodes and --endpoint says where others run already: leave out one.',
    ],
    [
      { driver: 'x', compose: 'c.yaml', env: 'docker' },
      "--compose goes with --env compose, or with none: 'docker' would start other nodes.",
    ],
    [{ driver: 'x', compose: '/nowhere/c.yaml' }, '--compose /nowhere/c.yaml: There is no such file.'],
    [{ driver: 'x', compose: 'c.yaml', faultCommands: 'f.yaml' }, 'There is no such file.'],
    [
      { driver: 'x', system: 'redis' },
      "--driver goes with --system driver, or with none: it stands for a system, and so does 'redis'.",
    ],
    [
      { driver: 'x', endpoint: ['a:1'], env: 'docker' },
      "--endpoint goes with --env endpoints, or with none: those nodes run already, and 'docker' would start others.",
    ],
    [{ driver: 'x', endpoint: ['a:1'], set: ['driver=y'] }, '--set driver and --driver say the same: leave out one.'],
    [{ faultCommands: 'f.yaml' }, '--fault-commands goes with --endpoint.'],
    [{ driver: 'x', endpoint: ['n1=a'] }, '--endpoint n1=a: host:port is needed, such as n1=127.0.0.1:6379.'],
    [
      { driver: 'x', endpoint: ['n1=a:99999'] },
      '--endpoint n1=a:99999: host:port is needed, such as n1=127.0.0.1:6379.',
    ],
    [
      { driver: 'x', endpoint: ['n2=a:1'] },
      '--endpoint n2=a:1: the nodes are called n1, n2, … in order; this one is n1.',
    ],
    [
      { driver: 'x', endpoint: ['n1=root:hunter2@a:1'] },
      '--endpoint n1: an address with a user or a password in it would be kept with every run; give host:port, and the rest to the driver in an environment variable.',
    ],
  ])('%j is refused in one sentence', async (flags, sentence) => {
    await expect(asked(flags)).rejects.toThrow(sentence);
  });
});
