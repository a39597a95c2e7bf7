/** Every system that Tidemark ships for other people's stores passes the suite that drivers pass, in containers. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { MILLISECOND } from '../../history/clock.ts';
import { need } from '../../test-support/need.ts';
import docker from '../environments/docker/index.ts';
import { isOtherStore } from '../environments/environment.ts';
import { loadSystems } from '../plugins.ts';
import type { System } from '../system.ts';
import { acceptance } from './suite.ts';

const systems = [...(await loadSystems()).values()].filter(
  (system) => system.environments?.includes('docker') === true,
);
const nodes = ['n1', 'n2', 'n3'];
const folder = mkdtempSync(join(tmpdir(), 'tidemark-systems-'));
const settings = new Map<string, string>();

describe('the acceptance suite', { timeout: 300_000 }, () => {
  need('docker');
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test.each(systems.map((system) => [system.name, system] as const))('passes %s', async (name, system) => {
    const spec = system.node('n1', nodes, settings);
    if (!isOtherStore(spec)) throw new Error(`${name} is not somebody else's`);
    await docker.prepare({ settings, levers: ['kill', 'cut'], nodes: 3, image: spec.image }, () => undefined);
    const cluster = await docker.deploy(new Map(nodes.map((node) => [node, system.node(node, nodes, settings)])), {
      seed: 1,
      settings,
      observe: () => undefined,
      run: { id: `acceptance-${process.pid}-${name}`, logs: join(folder, name) },
    });
    const supervisor = system.supervise?.(cluster, settings, () => undefined);
    try {
      await started(system, cluster);
      const tried = await acceptance({ system, cluster, settings });
      const said = tried.map(
        ({ check, result }) => `${check.name}: ${result.type}${'why' in result ? ` (${result.why})` : ''}`,
      );
      expect(
        tried.filter(({ result }) => result.type === 'failed').map(({ check, result }) => [check.name, result]),
      ).toEqual([]);
      // Their keys are seen on the wire, and of clients that ask at once each learns what became of it.
      expect(said).toEqual(expect.arrayContaining(['one-cas-wins: passed', 'paths-go-where-they-say: passed']));
      expect(said.filter((one) => one.endsWith(': passed')).length, said.join('\n')).toBeGreaterThan(8);
    } finally {
      await supervisor?.stop();
      await cluster.destroy();
    }
  });
});

async function started(system: System, cluster: Awaited<ReturnType<typeof docker.deploy>>): Promise<void> {
  const { clock } = cluster;
  const deadline = clock.now() + (system.start?.withinNs ?? 0);
  for (;;) {
    const lacks = (await system.start?.lacks(cluster)) ?? [];
    if (lacks.length === 0) return;
    if (clock.now() > deadline) throw new Error(`${system.name} did not start: ${lacks.join('; ')}`);
    await clock.sleepUntil(clock.now() + 200 * MILLISECOND);
  }
}
