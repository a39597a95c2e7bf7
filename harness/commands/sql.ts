import type { CommandModule } from '../command.ts';

const examples = `
Examples:
  tidemark sql                                             psql, where it is installed
  tidemark sql 'select * from leader_versus_follower where phase = $$calm$$ order by created_at desc limit 5'
  tidemark sql --json 'select * from promises where broken > 0'
  tidemark sql < query.sql

Tables and views are in docs/schema.md. Without --write, transactions are read-only, and in the embedded database a query
runs as a role that may read and no more. At TIDEMARK_DATABASE_URL it runs as the user that stands there: what a read-only
transaction does not stop (a superuser's COPY … TO PROGRAM), only a user without these rights does.`;

export default {
  name: 'sql',
  about: 'Ask the results database: open psql, or run a query.',
  register(program, io) {
    program
      .command('sql')
      .addHelpText('after', examples)
      .argument('[query]', 'one statement (default: what stands on standard input, or psql on a terminal)')
      .option('--write', 'let it change something')
      .option('--timeout <time>', 'end a query after this: 30s, 5m', '5m')
      .option('--json', 'one JSON object a row')
      .action(async (query, options) => {
        const { sql } = await import('../stored/sql.ts');
        await sql(query, options, io);
      });
  },
} satisfies CommandModule;
