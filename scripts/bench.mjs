/** `npm run bench [-- NAME …]`: runs dist/scripts/bench-NAME.js one after another, each in a process of its own. */
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const folder = new URL('../dist/scripts/', import.meta.url);
const all = readdirSync(folder).flatMap((file) => /^bench-(.+)\.js$/.exec(file)?.[1] ?? []);
const named = process.argv.slice(2);
const unknown = named.find((name) => !all.includes(name));
if (unknown !== undefined) {
  process.stderr.write(`There is no benchmark '${unknown}'. Valid: ${all.join(', ')}.\n`);
  process.exit(254);
}
for (const name of named.length > 0 ? named : all) {
  process.stdout.write(`\n${name}\n`);
  const { status } = spawnSync(process.execPath, [fileURLToPath(new URL(`bench-${name}.js`, folder))], {
    stdio: 'inherit',
  });
  if (status !== 0) process.exitCode = 1;
}
