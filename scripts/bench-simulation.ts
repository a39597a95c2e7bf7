/**
 * How fast the simulator is: `node dist/scripts/bench-simulation.js [operations] [clients]`. Three nodes, closed-loop
 * clients in all regions, half writes at quorum-ack, half reads, nothing recorded or judged.
 */
import reference from '../harness/systems/reference.ts';
import simulation from '../harness/environments/simulation/index.ts';
import { realClock, SECOND } from '../history/clock.ts';
import { Random } from '../history/random.ts';

const operations = Number(process.argv[2] ?? 300_000);
const clients = Number(process.argv[3] ?? 500);
const KEYS = 64;

const nodes = ['n1', 'n2', 'n3'];
const settings = new Map<string, string>();
const real = realClock();

for (const readPath of ['leader', 'follower'] as const) {
  const specs = new Map(nodes.map((node) => [node, reference.node(node, nodes, settings)]));
  const sim = await simulation.deploy(specs, { seed: 1, settings, observe: () => undefined });
  const random = new Random('bench');
  let issued = 0;
  let completed = 0;

  const client = async (number: number): Promise<void> => {
    const home = sim.regions[number % sim.regions.length];
    const draws = random.fork(number);
    const device = 'd0';
    const options = { session: `s${number}`, device, home, readPath, writePath: 'quorum-ack', attempt: 0 };
    const store = await reference.connect(sim, options, settings);
    while (issued < operations) {
      const deadline = sim.clock.now() + 5 * SECOND;
      const key = `k${draws.below(KEYS)}`;
      const operation =
        issued++ % 2 === 0 ? store.write?.({ key, value: issued }, deadline) : store.read?.({ key }, deadline);
      try {
        await operation;
        completed++;
      } catch {
        // Refused or lost: it does not count.
      }
    }
  };

  const start = real.now();
  await sim.run(async () => {
    await Promise.all(Array.from({ length: clients }, (_, number) => client(number)));
  });
  const seconds = (real.now() - start) / SECOND;
  const counts = sim.statistics();
  const rate = (n: number): string => Math.round(n / seconds).toLocaleString('en');
  process.stdout.write(
    `reads at ${readPath}: ${completed} operations in ${seconds.toFixed(2)} s of wall time and ` +
      `${(sim.clock.now() / SECOND).toFixed(1)} s of virtual time: ${rate(completed)} operations/s, ${rate(counts['events'])} events/s\n`,
  );
  for (const [name, n] of Object.entries(counts)) {
    if (n > 0)
      process.stdout.write(
        `  ${name.padEnd(40)} ${String(n).padStart(10)}  ${(n / completed).toFixed(3)} an operation\n`,
      );
  }
}
