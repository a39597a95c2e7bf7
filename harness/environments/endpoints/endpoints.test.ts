/** Faults to a cluster of somebody else's, by commands of the user's. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { resolvePlan, defaultPlan } from '../../plan.ts';
import { asset } from '../../entry.ts';
import type { NodeEvent } from '../environment.ts';
import { leversOf, readFaultCommands } from './fault-commands.ts';
import { GivenCluster } from './endpoints.ts';
import endpoints from './index.ts';

let folder = '';
const seen: NodeEvent[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tidemark-endpoints-'));
  seen.length = 0;
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const said = (): string[] => readFileSync(join(folder, 'said'), 'utf8').trim().split('\n');

async function given(yaml: string): Promise<GivenCluster> {
  const file = join(folder, 'faults.yaml');
  writeFileSync(file, yaml);
  const at = new Map([
    ['n1', 'a:1'],
    ['n2', 'b:2'],
  ]);
  const commands = await readFaultCommands(file);
  return new GivenCluster(at, (told) => leversOf(commands, at, told), { observe: (event) => seen.push(event) });
}

describe('a fault by commands', () => {
  test('strikes each node, is told, and is undone once', async () => {
    const out = join(folder, 'said');
    const cluster = await given(`
kill:
  inject: echo "kill $NODE $ADDRESS" >> ${out}
  heal: echo "start $NODE" >> ${out}
cut: { inject: 'echo "cut $FROM $TO $FROM_ADDRESS $TO_ADDRESS" >> ${out}', heal: 'echo mend >> ${out}' }
`);
    expect(Object.keys(cluster.levers)).toEqual(['kill', 'cut']);
    const killed = await cluster.levers.kill?.(['n2', 'n1', 'n2']);
    expect(cluster.isUp('n2')).toBe(false);
    expect(killed?.effect()).toEqual({ 'nodes killed': 2 });
    await killed?.heal();
    await killed?.heal();
    expect(cluster.isUp('n2')).toBe(true);
    const cut = await cluster.levers.cut?.([{ from: 'n1', to: 'n2' }]);
    await cut?.heal();
    expect(said()).toEqual(['kill n2 b:2', 'kill n1 a:1', 'start n2', 'start n1', 'cut n1 n2 a:1 b:2', 'mend']);
    expect(seen.map(({ type, node }) => `${type} ${node}`)).toEqual([
      'up n1',
      'up n2',
      'down n2',
      'down n1',
      'up n2',
      'up n1',
    ]);
  });

  test('that fails part of the way is undone, and says why', async () => {
    const out = join(folder, 'said');
    const cluster = await given(`
pause:
  inject: test $NODE = n1 && echo stopped >> ${out} || { echo no such process >&2; exit 3; }
  heal: echo continued >> ${out}
`);
    await expect(cluster.levers.pause?.(['n1', 'n2'])).rejects.toThrow(
      'the command for n2 b:2 ended with code 3: no such process',
    );
    expect(said()).toEqual(['stopped', 'continued']);
  });

  test('that cannot be undone says so', async () => {
    const cluster = await given(`stop: { inject: 'true', heal: 'echo gone for good >&2; false' }`);
    const stopped = await cluster.levers.stop?.(['n1']);
    await expect(stopped?.heal()).rejects.toThrow('the command for n1 a:1 ended with code 1: gone for good');
    expect(cluster.isUp('n1')).toBe(false);
  });

  test.each([
    ['kil: { inject: a, heal: b }', "There is no lever 'kil'. Did you mean 'kill'? Valid: kill, stop, pause, cut."],
    ['kill: { inject: a }', 'kill needs two commands, inject and heal.'],
    ['kill: { inject: a, heal: b, cure: c }', "kill: There is no field 'cure'."],
    ['- kill', 'a map of kill, stop, pause, cut is needed.'],
    ['kill: {', 'at line'],
  ])('a file that says %j is refused', async (yaml, sentence) => {
    await expect(given(yaml)).rejects.toThrow(sentence);
  });
});

describe('a run over endpoints', () => {
  const driver = `'${process.execPath}' '${asset('harness/driver-protocol/testdata/driver.mjs')}' none 0`;
  const settings = { driver, endpoints: 'n1=a:1,n2=b:2' };
  const plan = { ...defaultPlan, system: 'driver', environment: 'endpoints', nodes: 2, settings };

  test('has no faults without commands, and none that strike a leader where none is told', async () => {
    const lacking = await endpoints.prepare({
      settings: new Map(Object.entries(settings)),
      levers: ['kill'],
      nodes: 2,
    });
    expect(lacking.get('kill')).toBe('there is no --fault-commands');
    // The driver of the test has neither cas nor readMany: registers are read and written all the same.
    const { use } = await resolvePlan({ ...plan, faults: ['none'] });
    expect(use.workloads.map(({ name }) => name)).toEqual(['register']);
    expect(use.workloadOptions.methods).toEqual(['read', 'write']);
    await expect(resolvePlan({ ...plan, workloads: ['sessions'] })).rejects.toThrow(
      "The workload 'sessions' needs readMany, which the system 'driver' has not.",
    );
  });

  test('needs as many nodes as there are endpoints', async () => {
    const asked = { settings: new Map(Object.entries(settings)), levers: [], nodes: 3 };
    await expect(endpoints.prepare(asked)).rejects.toThrow('--nodes 3: 2 endpoints are given.');
  });

  test('starts no nodes for a system that wants them started', async () => {
    const options = { seed: 1, settings: new Map(Object.entries(settings)), observe: () => undefined };
    await expect(
      endpoints.deploy(new Map([['n1', { program: 'tidemark-store', options: {} }]]), options),
    ).rejects.toThrow("--env endpoints starts no nodes, and this system needs 'tidemark-store' started");
  });
});
