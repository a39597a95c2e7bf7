/** The rules of the house that a compiler does not know. Each takes a source and returns one sentence per breach. */
import ts from 'typescript';

export interface Source {
  /** From the package's folder, with `/`. */
  readonly path: string;
  readonly text: string;
}

type Rule = (source: Source, tree: ts.SourceFile) => readonly string[];

/** Every breach of every rule in one source, as `path: sentence`. */
export function breaches(source: Source): readonly string[] {
  const tree = ts.createSourceFile(source.path, source.text, ts.ScriptTarget.ES2022, true);
  return rules.flatMap((rule) => rule(source, tree).map((sentence) => `${source.path}: ${sentence}`));
}

/** Folders that hold nothing but plug-ins and their tests. */
export const pluginFolders = [
  'workloads/kinds',
  'nemesis/faults',
  'checkers/guarantees',
  'checkers/models',
  'harness/systems',
  'harness/commands',
] as const;

const LINES_MAX = 400;
const LINES_OF_HEAD = 12;

/** What each folder may import of ours besides its own files. The first folder that fits a path decides. */
const layers: readonly {
  readonly folder: string;
  readonly mayImport: readonly string[];
  readonly packages: boolean;
}[] = [
  { folder: 'history/', mayImport: [], packages: true },
  { folder: 'reference-impl/core/', mayImport: [], packages: false },
  {
    folder: 'reference-impl/wire/',
    mayImport: ['reference-impl/core/', 'reference-impl/server/clock.ts'],
    packages: true,
  },
  {
    folder: 'reference-impl/server/',
    mayImport: ['reference-impl/core/', 'reference-impl/wire/', 'reference-impl/client/tcp.ts'],
    packages: true,
  },
  {
    folder: 'reference-impl/client/',
    mayImport: ['reference-impl/core/', 'reference-impl/wire/', 'reference-impl/server/clock.ts'],
    packages: true,
  },
  { folder: 'workloads/', mayImport: ['history/'], packages: true },
  { folder: 'nemesis/', mayImport: ['history/'], packages: true },
  { folder: 'checkers/', mayImport: ['history/'], packages: true },
  { folder: 'results/', mayImport: ['history/'], packages: true },
  {
    folder: 'harness/systems/reference.ts',
    mayImport: ['reference-impl/', 'harness/', 'history/', 'workloads/', 'nemesis/', 'checkers/', 'results/'],
    packages: true,
  },
  {
    folder: 'harness/reference/',
    mayImport: ['reference-impl/', 'harness/', 'history/', 'workloads/', 'nemesis/', 'checkers/', 'results/'],
    packages: true,
  },
  {
    folder: 'harness/environments/simulation/',
    mayImport: ['reference-impl/', 'harness/', 'history/', 'workloads/', 'nemesis/', 'checkers/', 'results/'],
    packages: true,
  },
  {
    folder: 'harness/environments/docker/agent/',
    mayImport: ['harness/environments/real/', 'history/'],
    packages: true,
  },
  {
    folder: 'harness/environments/docker/',
    mayImport: ['reference-impl/', 'harness/', 'history/', 'workloads/', 'nemesis/', 'checkers/', 'results/'],
    packages: true,
  },
  {
    folder: 'harness/environments/ssh/',
    mayImport: ['reference-impl/', 'harness/', 'history/', 'workloads/', 'nemesis/', 'checkers/', 'results/'],
    packages: true,
  },
  {
    folder: 'harness/environments/real/',
    mayImport: ['reference-impl/', 'harness/', 'history/', 'workloads/', 'nemesis/', 'checkers/', 'results/'],
    packages: true,
  },
  {
    folder: 'harness/environments/processes/',
    mayImport: ['reference-impl/', 'harness/', 'history/', 'workloads/', 'nemesis/', 'checkers/', 'results/'],
    packages: true,
  },
  {
    // A cluster by hand is the store itself and its own client: nothing is under test.
    folder: 'harness/cluster/',
    mayImport: ['reference-impl/', 'harness/', 'history/', 'results/'],
    packages: true,
  },
  { folder: 'harness/', mayImport: ['history/', 'workloads/', 'nemesis/', 'checkers/', 'results/'], packages: true },
];

/** What any test may import besides: helpers, the vocabulary, and where things lie. */
const forTests = ['test-support/', 'history/', 'harness/entry.ts'];

const importRule: Rule = ({ path }, tree) => {
  const layer = layers.find(({ folder }) => path.startsWith(folder));
  if (layer === undefined) return [];
  const isTest = path.endsWith('.test.ts');
  const allowed = [layer.folder, ...layer.mayImport, ...(isTest ? forTests : [])];
  return importsOf(tree).flatMap(({ specifier, typeOnly }) => {
    if (!specifier.startsWith('.')) {
      return layer.packages || isTest ? [] : [`imports '${specifier}', and ${layer.folder} imports nothing at all`];
    }
    const target = resolved(path, specifier);
    const isContract = path.startsWith('results/') && target === 'checkers/checker.ts' && typeOnly;
    if (isContract || allowed.some((folder) => target.startsWith(folder))) return [];
    return [`imports ${target}, which ${layer.folder} may not`];
  });
};

const timeAndChance = [
  'history/clock.ts',
  'harness/environments/simulation/clock.ts',
  'reference-impl/server/clock.ts',
];
const bannedGlobals = new Set(['Date', 'performance', 'setTimeout', 'setInterval', 'setImmediate']);
const bannedModules = /^(node:)?(timers|timers\/promises|perf_hooks)$/;
const bannedMembers: readonly { readonly of?: string; readonly member: RegExp }[] = [
  { of: 'Math', member: /^(random|log|log1p|pow|exp|expm1)$/ },
  { of: 'process', member: /^(hrtime|uptime)$/ },
  { of: 'AbortSignal', member: /^timeout$/ },
  { of: 'crypto', member: /^(random\w*|getRandomValues)$/ },
  { member: /^localeCompare$/ },
];

const bannedRule: Rule = ({ path }, tree) => {
  if (timeAndChance.includes(path)) return [];
  const found: string[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isIdentifier(node) && bannedGlobals.has(node.text) && !isMemberName(node)) found.push(node.text);
    if (ts.isPropertyAccessExpression(node)) {
      const owner = node.expression.getText(tree);
      const member = node.name.text;
      const banned = bannedMembers.some((one) => (one.of ?? owner) === owner && one.member.test(member));
      if (banned || (owner === 'globalThis' && bannedGlobals.has(member))) found.push(`${owner}.${member}`);
    }
    ts.forEachChild(node, visit);
  };
  visit(tree);
  for (const { specifier, names } of importsOf(tree)) {
    if (bannedModules.test(specifier)) found.push(specifier);
    if (/^(node:)?crypto$/.test(specifier)) found.push(...names.filter((name) => /^(random|getRandom)/.test(name)));
  }
  return [...new Set(found)].map((what) => `uses ${what}, which leaks real time or chance`);
};

const shapeRule: Rule = ({ path }, tree) => {
  const folder = pluginFolders.find((candidate) => path.startsWith(`${candidate}/`));
  if (folder === undefined || path.endsWith('.test.ts')) return [];
  const exported = tree.statements.flatMap((statement) => exportsOf(statement, tree));
  const sentences = exported
    .filter((name) => name !== 'default')
    .map((name) => `a plug-in exports nothing but its default, and this one '${name}'`);
  if (!exported.includes('default')) sentences.push('a plug-in needs a default export');
  if (path.slice(folder.length + 1).includes('/'))
    sentences.push(`${folder} holds nothing but plug-ins, one file each`);
  return sentences;
};

const lengthRule: Rule = ({ text }) => {
  const lines = text.split('\n').length - 1;
  const head = text.split('\n', LINES_OF_HEAD).join('\n');
  if (lines <= LINES_MAX || head.includes('long because: ')) return [];
  return [`has ${lines} lines; above ${LINES_MAX} its head must say 'long because: …'`];
};

/** Spelled in halves, so that this file passes its own rule. */
const words: readonly { readonly halves: readonly (readonly [string, string])[]; readonly why: string }[] = [
  {
    halves: [
      ['TO', 'DO'],
      ['FIX', 'ME'],
    ],
    why: 'carries a note of unfinished work',
  },
  { halves: [['.on', 'ly(']], why: 'runs one test and hides the others' },
  { halves: [['/wo', 'rk/']], why: 'names a folder of one machine' },
];

const wordRule: Rule = ({ text }) =>
  words.filter(({ halves }) => halves.some((pair) => text.includes(pair.join('')))).map(({ why }) => why);

const rules: readonly Rule[] = [importRule, bannedRule, shapeRule, lengthRule, wordRule];

interface Import {
  readonly specifier: string;
  readonly typeOnly: boolean;
  readonly names: readonly string[];
}

/** Imports, re-exports, dynamic imports and `import('…')` types with a literal specifier. */
function importsOf(tree: ts.SourceFile): readonly Import[] {
  const found: Import[] = [];
  const visit = (node: ts.Node): void => {
    if ((ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) && node.moduleSpecifier !== undefined) {
      const typeOnly = ts.isImportDeclaration(node) ? node.importClause?.isTypeOnly === true : node.isTypeOnly;
      found.push({ specifier: textOf(node.moduleSpecifier), typeOnly, names: namesOf(node) });
    } else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
      const [specifier] = node.arguments;
      if (specifier !== undefined && ts.isStringLiteral(specifier))
        found.push({ specifier: specifier.text, typeOnly: false, names: [] });
    } else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) {
      found.push({ specifier: textOf(node.argument.literal), typeOnly: true, names: [] });
    }
    ts.forEachChild(node, visit);
  };
  visit(tree);
  return found;
}

function textOf(node: ts.Node): string {
  return ts.isStringLiteral(node) ? node.text : '';
}

function namesOf(node: ts.ImportDeclaration | ts.ExportDeclaration): readonly string[] {
  const bindings = ts.isImportDeclaration(node) ? node.importClause?.namedBindings : undefined;
  if (bindings === undefined || !ts.isNamedImports(bindings)) return [];
  return bindings.elements.map((element) => (element.propertyName ?? element.name).text);
}

/** Whether an identifier only names a member, as in `x.Date` or `{ Date: 1 }`, and so is not the global. */
function isMemberName(node: ts.Identifier): boolean {
  const { parent } = node;
  if (ts.isPropertyAccessExpression(parent)) return parent.name === node;
  if (ts.isQualifiedName(parent)) return parent.right === node;
  const isMember =
    ts.isPropertyAssignment(parent) ||
    ts.isPropertySignature(parent) ||
    ts.isPropertyDeclaration(parent) ||
    ts.isMethodDeclaration(parent) ||
    ts.isMethodSignature(parent);
  return isMember && parent.name === node;
}

function exportsOf(statement: ts.Statement, tree: ts.SourceFile): readonly string[] {
  if (ts.isExportAssignment(statement)) return ['default'];
  if (ts.isExportDeclaration(statement)) return [statement.getText(tree)];
  const modifiers = ts.canHaveModifiers(statement) ? (ts.getModifiers(statement) ?? []) : [];
  if (!modifiers.some((modifier) => modifier.kind === ts.SyntaxKind.ExportKeyword)) return [];
  if (modifiers.some((modifier) => modifier.kind === ts.SyntaxKind.DefaultKeyword)) return ['default'];
  return [statement.getText(tree).split('\n')[0] ?? ''];
}

function resolved(from: string, specifier: string): string {
  return new URL(specifier, `file:///${from}`).pathname.slice(1);
}
