import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { type ComposeFile, readComposeFile } from './file.ts';

const folder = mkdtempSync(join(tmpdir(), 'tidemark-compose-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const path = join(folder, 'compose.yaml');
function read(yaml: string): Promise<ComposeFile> {
  writeFileSync(path, yaml);
  return readComposeFile(path);
}

const node = (name: string, port: string | number): string =>
  `labels: { tidemark.node: ${name}, tidemark.port: ${port} }`;

describe('a compose file', () => {
  test('says by labels which services are nodes, as a map or as a list', async () => {
    const yaml = `
x-store: &store { image: redis:7 }
services:
  first: { <<: *store, ${node('n1', 6379)} }
  second:
    <<: *store
    labels: [tidemark.node=n2, "tidemark.port=6379"]
  helper: { image: alpine, labels: { note: none } }
`;
    expect(await read(yaml)).toEqual({ path, nodes: ['n1', 'n2'] });
  });

  test.each([
    ['- a', 'a compose file is needed, a map with services.'],
    ['services: {', 'Flow map'],
    ['services: {}', 'there are no services in it.'],
    [
      'services: { a: { image: b } }',
      'no service is a node: label each with tidemark.node=n1, n2, … and tidemark.port.',
    ],
    [
      'services: { a: { labels: { tidemark.node: n1 } } }',
      'a: a label tidemark.port is needed, the port that its clients connect to inside the container.',
    ],
    [`services: { a: { ${node('n1', 0)} } }`, 'a: a label tidemark.port is needed'],
    [`services: { a: { ${node('n1', 1)} }, b: { ${node('n1', 1)} } }`, 'b: a is labelled tidemark.node=n1 as well.'],
    [
      `services: { a: { ${node('n1', 1)} }, b: { ${node('n3', 1)} } }`,
      'the nodes are called n1, n2, … in order; of n1, n3 n2 is missing.',
    ],
  ])('that says %j is refused', async (yaml, sentence) => {
    await expect(read(yaml)).rejects.toThrow(sentence);
  });
});
