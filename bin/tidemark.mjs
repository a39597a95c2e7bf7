#!/usr/bin/env node
// Starts dist/harness/cli.js. In a checkout it first sees to it that dist/ is what the sources say; an installed package
// has neither sources nor compiler, and simply starts.
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

process.exitCode = 255; // whatever ends without a verdict has failed
const root = fileURLToPath(new URL('..', import.meta.url));
const builder = new URL('../scripts/build.mjs', import.meta.url);
const program = new URL('../dist/harness/cli.js', import.meta.url);

if (existsSync(builder)) await rebuildIfStale(await import(builder.href));
if (existsSync(program)) {
  const { main } = await import(program.href);
  void main(process.argv.slice(2));
} else {
  process.stderr.write(`tidemark is not built: run 'npm ci --include=dev && npm run build' in ${root}\n`);
  process.exitCode = 254;
}

async function rebuildIfStale({ digestOfSources, lastBuild, findCompiler, build }) {
  const digest = digestOfSources(root);
  const last = lastBuild(root);
  if (digest === undefined || last?.digest === digest) return;
  const compiler = findCompiler(root);
  if (compiler === undefined) {
    if (last !== undefined)
      process.stderr.write('tidemark: dist/ is older than the sources, and TypeScript is not installed\n');
    return;
  }
  process.stderr.write(`tidemark: ${last === undefined ? 'not built yet' : 'sources have changed'}, building first\n`);
  try {
    build(root, compiler, digest);
  } catch (error) {
    process.stderr.write(`tidemark: could not build: ${error.message}\n`);
  }
}
