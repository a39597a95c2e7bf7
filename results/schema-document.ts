/** docs/schema.md, out of the database's own catalog: what is there, and what the comments of the migrations say it is. */
import type { Sql } from './database.ts';

interface Relation {
  readonly name: string;
  readonly kind: 'r' | 'v';
  readonly about: string | null;
  readonly columns: readonly {
    readonly name: string;
    readonly type: string;
    readonly required: boolean;
    readonly about: string | null;
  }[];
  /** `primary key (run, place)` and the like, as PostgreSQL writes them. */
  readonly constraints: readonly string[];
  readonly indexes: readonly string[];
}

/** The schema of an opened database. Throws when something has no comment: a document with gaps is none. */
export async function schemaDocument(sql: Sql): Promise<string> {
  const relations = await relationsOf(sql);
  const silent = relations.flatMap(({ name, kind, about, columns }) => [
    ...(about === null ? [name] : []),
    ...columns.filter((column) => kind === 'r' && column.about === null).map((column) => `${name}.${column.name}`),
  ]);
  if (silent.length > 0) throw new Error(`no migration says what these are: ${silent.join(', ')}`);
  const [{ version }] = await sql<[{ version: number }]>`select max(version) as version from tidemark.schema_version`;
  return [head(version), ...sections(relations)].join('\n');
}

async function relationsOf(sql: Sql): Promise<readonly Relation[]> {
  const rows = await sql<{ json: string }[]>`
    select json_build_object(
      'name', c.relname,
      'kind', c.relkind,
      'about', obj_description(c.oid, 'pg_class'),
      'columns', (
        select json_agg(json_build_object(
          'name', attname, 'type', format_type(atttypid, atttypmod), 'required', attnotnull,
          'about', col_description(attrelid, attnum)) order by attnum)
        from pg_attribute where attrelid = c.oid and attnum > 0 and not attisdropped),
      'constraints', (
        select coalesce(json_agg(pg_get_constraintdef(oid) order by contype desc, conname), '[]')
        from pg_constraint where conrelid = c.oid and contype in ('p', 'f', 'c')),
      'indexes', (
        select coalesce(json_agg(regexp_replace(pg_get_indexdef(indexrelid), '^.* USING btree ', '') order by i.relname), '[]')
        from pg_index join pg_class i on i.oid = indexrelid where indrelid = c.oid and not indisprimary)
    )::text as json
    from pg_class c
    where c.relnamespace = 'tidemark'::regnamespace and c.relkind in ('r', 'v')
    order by c.relkind, c.oid`;
  return rows.map(({ json }) => JSON.parse(json) as Relation);
}

function head(version: number): string {
  return `# The results database

<!-- Made by \`npm run schema\` out of the migrations in results/schema/; a test compares. Change the comments there. -->

Everything that runs produced, in the schema \`tidemark\` of PostgreSQL: an embedded server in \`.tidemark/postgres\`, or the one that
\`TIDEMARK_DATABASE_URL\` names. This is version ${version}. A program brings an older database up to its own version, forward only, and
leaves a newer one alone.

\`npx tidemark sql\` opens psql on it, \`npx tidemark sql 'select …'\` prints a table, and with \`--json\` an object a row. Whatever
ends in \`_ns\` is in nanoseconds, \`_ms\` in milliseconds, \`_s\` in seconds; moments are counted from the beginning of the run by the
cluster's clock. Documents are \`json\`, not \`jsonb\`, so that a stored run prints as it did when it ended. Text may hold what PostgreSQL
refuses (NUL, lone surrogates): it is stored as ESC and four hexadecimal digits, and \`tidemark sql\` shows it as it was.

Without \`--write\`, \`tidemark sql\` asks in read-only transactions. In the embedded database it does so as the role \`tidemark_reader\`,
which may read all data and has no other right: no files, no programs, no large objects, no temporary tables, nobody else's
sessions. It is made when it is first needed. At \`TIDEMARK_DATABASE_URL\` the rights are those of the user that the address names, and
a read-only transaction does not stop all that a superuser may do (\`copy … to program\`, \`pg_read_file\`, \`pg_terminate_backend\`): name a
user there that is none. In psql, what you type is yours: \`\\!\` runs programs, \`\\c\` logs in as another, and \`set\` ends read-only.

A run is saved by one statement, \`select tidemark.save_run(document)\`, so all of it or nothing is there, whoever else is
saving, and whoever is killed meanwhile. \`tidemark.load_run(id)\` gives it back. A journal is there only where it was asked for
(\`run --store-journal\`, \`results import --journal\`), and comes back by \`tidemark results journal RUN\`.

With 10,000 runs stored (2.1 GB, 121 ms a save), on 2 cores that were busy with other work (load 20), the median of five times was: the newest
20 listed in 5 ms, of a branch 6, of a label 17, found by words 16, page 400 in 86, both records of a comparison loaded in 48 ms.
\`npm run bench:results\` measures it; \`npm run kill:saves\` kills saves 20 times, and looks whether anything half is there.
`;
}

function sections(relations: readonly Relation[]): readonly string[] {
  const views = relations.filter(({ kind }) => kind === 'v');
  const tables = relations.filter(({ kind }) => kind === 'r');
  return ['## Views: what people ask', '', ...views.flatMap(viewLines), '## Tables', '', ...tables.flatMap(tableLines)];
}

function viewLines({ name, about, columns }: Relation): readonly string[] {
  const listed = columns.map((column) => `\`${column.name}\``).join(', ');
  return [`### ${name}`, '', about ?? '', '', `Columns: ${listed}.`, ''];
}

function tableLines({ name, about, columns, constraints, indexes }: Relation): readonly string[] {
  const rows = columns.map(
    ({ name: column, type, required, about: meaning }) =>
      `| \`${column}\` | ${type}${required ? '' : ', may be null'} | ${(meaning ?? '').replaceAll('|', '\\|')} |`,
  );
  const rules = constraints.map((rule) => `\`${rule.replaceAll('tidemark.', '')}\``).join('; ');
  const found = indexes.map((index) => `\`${index}\``).join('; ');
  return [
    `### ${name}`,
    '',
    about ?? '',
    '',
    '| column | type | what it is |',
    '|---|---|---|',
    ...rows,
    '',
    ...(rules === '' ? [] : [rules, '']),
    ...(found === '' ? [] : [`Indexes: ${found}.`, '']),
  ];
}
