import { expect, test } from 'vitest';
import type { OtherStore } from '../environment.ts';
import { ASIDE } from './container.ts';
import { asidePort, otherProgram, portsInside } from './other.ts';

const addresses = new Map([
  ['n1', '198.19.0.2'],
  ['n2', '198.19.0.3'],
]);
const spec: OtherStore = {
  image: 'x',
  command: ['run', '{data}', '--peer={n1}', '{nobody}'],
  files: { '/etc/x': 'I am {node} at {self}, and {n2} is {n2}' },
  env: { WHO: '{node}' },
  ports: [1000, 2000],
};

test('what stands for addresses and folders becomes what it is on this node, and nothing else is touched', () => {
  const program = otherProgram(spec, 'n2', addresses, '/data/store');
  expect(program.command).toEqual(['run', '/data/store', '--peer=198.19.0.2', '{nobody}']);
  expect(program.other?.files).toEqual({ '/etc/x': 'I am n2 at 198.19.0.3, and 198.19.0.3 is 198.19.0.3' });
  expect(program.other?.env).toEqual({ WHO: 'n2' });
  expect(program.other?.stopSignal).toBe('SIGTERM');
});

test('each port has a way past what cuts clients off', () => {
  expect(asidePort(spec.ports, 2000)).toBe(ASIDE + 1);
  expect(portsInside(spec)).toEqual([1000, 2000, ASIDE, ASIDE + 1]);
  expect(() => asidePort(spec.ports, 3000)).toThrow('3000 is not among the ports of the store: 1000, 2000');
});
