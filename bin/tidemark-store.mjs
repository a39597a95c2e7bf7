#!/usr/bin/env node
// Starts dist/reference-impl/server/main.js, which an installed package has; in a checkout, `npm run build` makes it.
import { existsSync } from 'node:fs';

const program = new URL('../dist/reference-impl/server/main.js', import.meta.url);
process.exitCode = 255; // whatever ends without saying how has failed
if (existsSync(program)) {
  const { main } = await import(program.href);
  void main(process.argv.slice(2));
} else {
  process.stderr.write("tidemark-store is not built: run 'npm run build'\n");
  process.exitCode = 254;
}
