/**
 * Compiles the sources into dist/: `npm run build`, `prepare`, `pretest`.
 *
 * Does nothing, without starting the compiler, when dist/ was built from the very sources that lie here. Compiles into a
 * folder of its own and renames it into place, so that two builds at once, or a build under a running program, never show
 * a half-written dist/. Plain JavaScript, because it must run before anything is compiled.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const packageRoot = fileURLToPath(new URL('..', import.meta.url));
const compilerInputs = ['package.json', 'tsconfig.json', 'tsconfig.build.json', 'scripts/build.mjs'];

/**
 * A digest of everything the build depends on, or undefined where there are no sources (an installed package).
 * @param {string} root
 * @returns {string | undefined}
 */
export function digestOfSources(root) {
  if (!existsSync(join(root, 'tsconfig.build.json'))) return undefined;
  const folders = JSON.parse(readFileSync(join(root, 'tsconfig.build.json'), 'utf8')).include;
  const files = folders.flatMap((folder) => sourcesBelow(root, folder));
  const hash = createHash('sha1');
  for (const file of [...compilerInputs, ...files]) {
    const text = readFileSync(join(root, file));
    hash.update(`${file} ${text.length}\n`).update(text);
  }
  return hash.digest('hex');
}

/**
 * What dist/ was built from, and whether that build passed the type checker; undefined when there is no dist/.
 * @param {string} root
 * @returns {{ digest: string, clean: boolean } | undefined}
 */
export function lastBuild(root) {
  try {
    return JSON.parse(readFileSync(join(root, 'dist/.build.json'), 'utf8'));
  } catch {
    return undefined;
  }
}

/**
 * Path of the TypeScript compiler, or undefined when it is not installed.
 * @param {string} root
 * @returns {string | undefined}
 */
export function findCompiler(root) {
  try {
    return createRequire(join(root, 'package.json')).resolve('typescript/bin/tsc');
  } catch {
    return undefined;
  }
}

/**
 * Compiles and swaps dist/. A type error does not keep the output back, but it makes the result false.
 * @param {string} root
 * @param {string} compiler
 * @param {string} digest of the sources, taken before they are compiled: an edit meanwhile makes the next build run
 * @returns {boolean} whether the type checker was content
 */
export function build(root, compiler, digest) {
  const fresh = mkdtempSync(join(root, 'dist.tmp-build-'));
  chmodSync(fresh, 0o777 & ~process.umask()); // mkdtemp makes it private, and other users may run what root has built
  removeAbandoned(root, fresh);
  try {
    let clean = true;
    try {
      const options = ['-p', join(root, 'tsconfig.build.json'), '--outDir', fresh];
      execFileSync(process.execPath, [compiler, ...options], { cwd: root, stdio: ['ignore', 2, 2] });
    } catch {
      clean = false; // it has said why on stderr
    }
    if (readdirSync(fresh).length === 0) return false;
    rewriteDynamicImports(fresh);
    writeFileSync(join(fresh, '.build.json'), JSON.stringify({ digest, clean }));
    swap(root, fresh);
    return clean;
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
}

/** A build that was killed leaves its folder behind; none takes ten minutes. */
function removeAbandoned(root, fresh) {
  const now = statSync(fresh).mtimeMs;
  for (const name of readdirSync(root)) {
    const path = join(root, name);
    const age = name.startsWith('dist.tmp-build-')
      ? now - (statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? now)
      : 0;
    if (age > 600_000) rmSync(path, { recursive: true, force: true });
  }
}

/**
 * TypeScript 5.9 rewrites `import('./x.ts')` to `./x.js` everywhere but inside `export default { … }`, which is where our
 * commands import lazily.
 */
function rewriteDynamicImports(folder) {
  for (const name of readdirSync(folder, { recursive: true })) {
    if (!name.endsWith('.js')) continue;
    const text = readFileSync(join(folder, name), 'utf8');
    const rewritten = text.replace(/\bimport\((['"])(\.{1,2}\/[^'"]+)\.ts\1\)/g, 'import($1$2.js$1)');
    if (rewritten !== text) writeFileSync(join(folder, name), rewritten);
  }
}

/** Puts `fresh` in the place of dist/. Whoever else does the same at this moment wins or loses; both are complete. */
function swap(root, fresh) {
  const dist = join(root, 'dist');
  const old = `${fresh}-old`;
  for (let attempt = 0; attempt < 20; attempt++) {
    try {
      renameSync(fresh, dist);
      break;
    } catch (error) {
      if (!['ENOTEMPTY', 'EEXIST', 'EPERM'].includes(error.code)) throw error;
    }
    try {
      renameSync(dist, old);
    } catch (error) {
      if (error.code !== 'ENOENT') throw error; // somebody else has just moved it away
    }
    try {
      renameSync(fresh, dist);
      break;
    } catch (error) {
      if (!['ENOTEMPTY', 'EEXIST', 'EPERM'].includes(error.code)) throw error;
      rmSync(old, { recursive: true, force: true });
    }
  }
  rmSync(old, { recursive: true, force: true });
}

/** Sources in a folder and below, sorted, tests left out. */
function sourcesBelow(root, folder) {
  if (!existsSync(join(root, folder))) return [];
  const names = readdirSync(join(root, folder), { recursive: true });
  const sources = names.filter((name) => /(?<!\.test)\.ts$/.test(name) && !name.includes('testdata'));
  return sources.map((name) => `${folder}/${name}`).sort();
}

/**
 * `--lenient` (prepare, pretest): type errors are shown and do no harm. They are `npm run check`'s business, and a prepare
 * that fails within npx leaves npx's own cache broken.
 */
function main() {
  const failed = process.argv.includes('--lenient') ? 0 : 1;
  const last = lastBuild(packageRoot);
  const digest = digestOfSources(packageRoot);
  if (digest === undefined || (last?.digest === digest && last.clean)) return 0;
  if (last?.digest === digest) {
    process.stderr.write('dist/ is built, but these sources have type errors: npm run check:types shows them\n');
    return failed;
  }
  const compiler = findCompiler(packageRoot);
  if (compiler === undefined) {
    if (last !== undefined) return 0;
    process.stderr.write('tidemark cannot be built: TypeScript is not installed. Run: npm ci --include=dev\n');
    return 1;
  }
  if (build(packageRoot, compiler, digest)) return 0;
  return existsSync(join(packageRoot, 'dist')) ? failed : 1;
}

if (realpathSync(process.argv[1] ?? '.') === fileURLToPath(import.meta.url)) process.exitCode = main();
