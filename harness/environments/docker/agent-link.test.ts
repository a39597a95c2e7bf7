import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import { realClock } from '../../../history/clock.ts';
import { AgentLink } from './agent-link.ts';

test('what an agent that is silent, or gone, was asked is said in words of everybody', async () => {
  const quiet = (): void => undefined;
  const stream = new PassThrough();
  const link = new AgentLink({
    clock: realClock(),
    node: 'n1',
    stream,
    demux: quiet,
    log: quiet,
    told: quiet,
    broken: quiet,
  });
  await expect(link.ask({ do: 'stand' }, 1)).rejects.toThrow('n1 did not say how it stands within 0 ms');
  await expect(link.ask({ do: 'resume', life: 1 }, 1)).rejects.toThrow('n1 did not resume within 0 ms');
  link.close();
  await expect(link.ask({ do: 'disk', number: 1 })).rejects.toThrow('n1 is gone: it cannot change what its disk does');
});
