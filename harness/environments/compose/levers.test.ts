import { describe, expect, test } from 'vitest';
import { EngineError } from '../docker/engine.ts';
import { type Asked, composeLevers, type Member } from './levers.ts';

/** Answers as Docker 20.10 and later do. */
class Container {
  running = true;
  paused = false;
  lives = 1;
  readonly did: string[] = [];
  /** Done before the engine answers the next question of that name. */
  readonly before = new Map<string, () => void>();

  async inspect() {
    const Status = this.paused ? 'paused' : this.running ? 'running' : 'exited';
    return await Promise.resolve({ State: { Running: this.running, Paused: this.paused, Status } });
  }

  kill = (): Promise<void> =>
    this.#answer('kill', () => {
      if (!this.running) refuse(409, 'Cannot kill container: c: Container c is not running');
      this.running = this.paused = false;
    });

  stop = (): Promise<void> =>
    this.#answer('stop', () => {
      if (!this.running) refuse(304, 'not modified');
      this.running = this.paused = false;
    });

  start = (): Promise<void> =>
    this.#answer('start', () => {
      if (this.paused) refuse(409, 'cannot start a paused container, try unpause instead');
      if (this.running) refuse(304, 'not modified');
      this.running = true;
      this.lives++;
    });

  pause = (): Promise<void> =>
    this.#answer('pause', () => {
      if (!this.running) refuse(409, 'Container c is not running');
      if (this.paused) refuse(409, 'Container c is already paused');
      this.paused = true;
    });

  unpause = (): Promise<void> =>
    this.#answer('unpause', () => {
      if (!this.paused) refuse(500, 'Container c is not paused');
      this.paused = false;
    });

  async #answer(what: string, act: () => void): Promise<void> {
    await Promise.resolve();
    this.before.get(what)?.();
    this.before.delete(what);
    act();
    this.did.push(what);
  }
}

function refuse(statusCode: number, message: string): never {
  throw Object.assign(new Error(message), { statusCode, json: { message } });
}

const engine: Asked = {
  async ask(what, work) {
    try {
      return await work(new AbortController().signal);
    } catch (error) {
      throw new EngineError(what, error);
    }
  },
};

function cluster() {
  const containers = new Map(['n1', 'n2'].map((id) => [id, new Container()]));
  const members = [...containers].map(([id, container]) => ({ id, container, port: 1, address: 'here:1' }));
  const told: string[] = [];
  const awaited: string[] = [];
  const levers = composeLevers(
    engine,
    members as unknown as Member[], // the parts of a container that levers use
    { down: (node) => told.push(`${node} down`), up: (node) => told.push(`${node} up`) },
    {
      addressIn: () => 'here:1',
      ready: async ({ id }) => void (await Promise.resolve(awaited.push(id))),
    },
  );
  return { ...levers, n1: containers.get('n1') as Container, n2: containers.get('n2') as Container, told, awaited };
}

describe('kill and pause of containers that meet', () => {
  test('a kill of a paused node ends its pause, whichever is healed first', async () => {
    for (const first of ['pause', 'kill'] as const) {
      const { kill, pause, n1, told } = cluster();
      const faults = { pause: await pause(['n1']), kill: await kill(['n1']) };
      expect(n1).toMatchObject({ running: false, paused: false });
      await faults[first].heal();
      await faults[first === 'pause' ? 'kill' : 'pause'].heal();
      expect(n1).toMatchObject({ running: true, paused: false, lives: 2 });
      expect(told).toEqual(['n1 down', 'n1 up']);
      expect(faults.pause.effect()).toEqual({ 'nodes paused': 1, 'ended while paused': 1 });
      expect(faults.kill.effect()).toEqual({ 'nodes killed': 1 });
    }
  });

  test('a pause of a node that does not run pauses nobody, and its healing leaves the next life alone', async () => {
    const { kill, pause, n1 } = cluster();
    const killed = await kill(['n1']);
    const nobody = await pause(['n1']);
    await killed.heal();
    const paused = await pause(['n1']);
    await nobody.heal();
    expect(nobody.effect()).toEqual({ 'nodes paused': 0 });
    expect(n1.paused).toBe(true);
    await paused.heal();
    expect(n1).toMatchObject({ running: true, paused: false, did: ['kill', 'start', 'pause', 'unpause'] });
  });

  test('a pause of an earlier life does not end one of this life', async () => {
    const { kill, pause, n1 } = cluster();
    const before = await pause(['n1']);
    await (await kill(['n1'])).heal();
    const now = await pause(['n1']);
    await before.heal();
    expect(n1.paused).toBe(true);
    await now.heal();
    expect(n1.paused).toBe(false);
  });

  test('two pauses of one node hold it until both are healed', async () => {
    const { pause, n1 } = cluster();
    const [one, other] = [await pause(['n1']), await pause(['n1', 'n2'])];
    expect(other.effect()).toEqual({ 'nodes paused': 2 });
    await one.heal();
    expect(n1.paused).toBe(true);
    await other.heal();
    expect(n1).toMatchObject({ paused: false, did: ['pause', 'unpause'] });
  });

  test('who is down already is not killed again, and comes back when the one that killed it is healed', async () => {
    const { kill, stop, n1, told } = cluster();
    const killed = await kill(['n1']);
    const again = await stop(['n1']);
    await again.heal();
    expect(again.effect()).toEqual({ 'nodes stopped': 0 });
    expect(n1.running).toBe(false);
    await killed.heal();
    expect(n1).toMatchObject({ running: true, lives: 2 });
    expect(told).toEqual(['n1 down', 'n1 up']);
  });

  test('what happens between looking and acting is no failure where it comes to the same', async () => {
    const { kill, pause, n1, n2 } = cluster();
    n1.before.set('kill', () => (n1.running = false));
    n2.before.set('pause', () => (n2.running = false));
    const [killed, nobody] = [await kill(['n1']), await pause(['n2'])];
    expect(nobody.effect()).toEqual({ 'nodes paused': 0 });
    await killed.heal();
    expect(n1.running).toBe(true);
    const paused = await pause(['n1']);
    n1.before.set('unpause', () => (n1.paused = false));
    await paused.heal();
    expect(n1).toMatchObject({ running: true, paused: false });
  });

  test('what the engine refuses is told, and the others are healed first', async () => {
    const { pause, n1, n2 } = cluster();
    n2.before.set('pause', () => refuse(500, 'no freezer'));
    await expect(pause(['n1', 'n2'])).rejects.toThrow('failed at pausing n2: no freezer');
    expect(n1.paused).toBe(false);
  });

  test('who is started is waited for once nobody is struck any more: it may need the others', async () => {
    const { kill, pause, awaited } = cluster();
    const [paused, killed] = [await pause(['n2']), await kill(['n1'])];
    await killed.heal();
    expect(awaited).toEqual([]);
    await paused.heal();
    expect(awaited).toEqual(['n1']);
  });
});
