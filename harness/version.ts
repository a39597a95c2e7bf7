import { readFileSync } from 'node:fs';
import { asset } from './entry.ts';

/** Our version, from package.json. */
export function version(): string {
  const manifest = JSON.parse(readFileSync(asset('package.json'), 'utf8')) as { version: string }; // our own file
  return manifest.version;
}
