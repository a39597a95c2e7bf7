/** `tidemark driver check`: the acceptance suite, for a driver of a user's. */
import { acceptance, checks, type Result, type Tried } from './acceptance/suite.ts';
import type { Io } from './command.ts';
import { type DriverFlags, withDriver } from './driver-flags.ts';
import { helloOfCommand } from './driver-protocol/driver-system.ts';
import endpoints from './environments/endpoints/index.ts';
import { BadInput, BROKEN, type ExitCode, KEPT, UNDECIDED, unknownName } from './errors.ts';
import { checkSetting, systemOf } from './plan.ts';
import { keyValues } from './run-command.ts';

export interface CheckFlags {
  readonly endpoint: readonly string[];
  readonly faultCommands?: string | undefined;
  readonly set: readonly string[];
  readonly only: readonly string[];
  readonly json?: true | undefined;
}

const words: Readonly<Record<Result['type'], string>> = {
  passed: 'ok',
  failed: 'FAILED',
  'not shown': 'not shown',
  'not offered': '–',
};

export async function checkDriver(command: string, flags: CheckFlags, io: Io): Promise<ExitCode> {
  const unknown = flags.only.find((name) => !checks.some((check) => check.name === name));
  if (unknown !== undefined)
    throw unknownName(
      'check',
      unknown,
      checks.map(({ name }) => name),
    );
  if (flags.endpoint.length === 0)
    throw new BadInput('A driver is checked against a store: --endpoint n1=host:port, once for each of its nodes.');
  const asked: DriverFlags = { ...flags, system: 'driver', env: 'endpoints', nodes: '0', driver: command };
  const { set, nodes } = await withDriver(asked);
  const chosen = keyValues('--set', set);
  const system = await systemOf({ system: 'driver', settings: chosen });
  for (const [name, value] of Object.entries(chosen)) checkSetting(name, value, system, endpoints);
  const settings = new Map(Object.entries(chosen));
  const hello = await helloOfCommand(command);
  if (flags.json !== true) {
    const paths = (some: readonly { readonly name: string }[]): string => some.map(({ name }) => name).join(', ');
    io.out(`${hello.name}: ${hello.about}\n`);
    io.out(
      `  methods ${hello.methods.join(', ')}; writes ${paths(hello.writePaths)}; reads ${paths(hello.readPaths)}; ${hello.sight ? 'tells who leads' : 'does not tell who leads'}\n\n`,
    );
  }
  const specs = new Map(
    Array.from({ length: Number(nodes) }, (_, i) => `n${i + 1}`).map((node) => [node, system.node(node, [], settings)]),
  );
  const cluster = await endpoints.deploy(specs, { seed: 1, settings, observe: () => undefined });
  try {
    const width = Math.max(...checks.map(({ name }) => name.length));
    const tried = await acceptance(
      { system, cluster, settings },
      { only: flags.only, told: (one) => io.out(line(one, width, flags.json === true)) },
    );
    return conclude(tried, hello.name, io, flags.json === true);
  } finally {
    await cluster.destroy();
  }
}

function line({ check, result }: Tried, width: number, json: boolean): string {
  if (json)
    return `${JSON.stringify({ schema: 1, type: 'check', name: check.name, about: check.about, result: result.type, ...rest(result) })}\n`;
  const said = 'why' in result ? result.why : (result.note ?? '');
  return `${words[result.type].padEnd(9)}  ${check.name.padEnd(width)}  ${said}`.trimEnd() + '\n';
}

function rest(result: Result): object {
  return 'why' in result ? { why: result.why } : result.note === undefined ? {} : { note: result.note };
}

function conclude(tried: readonly Tried[], name: string, io: Io, json: boolean): ExitCode {
  const of = (type: Result['type']): readonly Tried[] => tried.filter(({ result }) => result.type === type);
  const [bad, open] = [of('failed'), of('not shown')];
  const code = bad.length > 0 ? BROKEN : open.length > 0 ? UNDECIDED : KEPT;
  if (json) {
    io.out(
      `${JSON.stringify({ schema: 1, type: 'driver', name, passed: of('passed').length, failed: bad.length, notShown: open.length, exitCode: code })}\n`,
    );
    return code;
  }
  const missing = bad.map(({ check }) => `  ${check.name}: ${check.about}\n`).join('');
  if (bad.length > 0) io.out(`\n${bad.length} of ${tried.length} checks failed. What has to hold:\n${missing}`);
  else if (open.length > 0)
    io.out(
      `\nNothing failed; ${open.length} ${open.length === 1 ? 'check' : 'checks'} could not be put to the test here.\n`,
    );
  else io.out(`\nThe driver '${name}' passes.\n`);
  return code;
}
