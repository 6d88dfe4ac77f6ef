import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import type { Command } from 'commander';
import { ReferenceData } from '../../admin/reference-data/reference-data.js';
import type { ReferenceTableView } from '../../admin/reference-data/reference-data.views.js';
import type { CommandContext, CommandRunners } from '../session/command-context.js';
import { completeOperation } from '../session/request-operation.js';
import { UsageError } from '../terminal/cli.errors.js';
import { parseCsvRows } from '../terminal/csv-rows.js';
import { printable } from '../terminal/table.js';

const EXAMPLES = `
Examples:
  $ npm run tenantry -- reference-data list
  $ npm run tenantry -- reference-data publish countries --from countries.csv
  $ npm run tenantry -- reference-data publish countries --from - < countries.json

The file has all rows: those that it lacks are deleted. JSON is an array of objects, CSV has a header with the columns; an
empty field is null. A set of tables that refuses the version keeps its former one, and the command names its tenants.`;

/** `reference-data list`, `reference-data publish` */
export function defineReferenceData(command: Command, { run }: CommandRunners): void {
  command
    .command('list')
    .description('list the published tables, their versions, and the places that lack the newest one')
    .action(() => run(list));
  command
    .command('publish <table>')
    .description('publish all rows of a reference table as its next version')
    .requiredOption('--from <file>', 'JSON or CSV (- for stdin)')
    .option('--no-wait', 'only queue the operation: a running server writes the rows')
    .addHelpText('after', EXAMPLES)
    .action((table, { from, wait }) => run((context) => publish(context, table, from, wait)));
}

const COLUMNS = [
  { title: 'TABLE', value: (table: ReferenceTableView) => table.table },
  { title: 'VERSION', value: (table: ReferenceTableView) => table.version },
  { title: 'ROWS', value: (table: ReferenceTableView) => table.rows },
  { title: 'PUBLISHED', value: (table: ReferenceTableView) => table.publishedAt },
  { title: 'BY', value: (table: ReferenceTableView) => table.publishedBy },
  { title: 'PLACES', value: (table: ReferenceTableView) => table.places },
  { title: 'BEHIND', value: (table: ReferenceTableView) => table.behind },
];

async function list({ output, session }: CommandContext): Promise<void> {
  const tables = await session.get(ReferenceData).list();
  output.print(tables, () => [
    ...output.table(tables.items, COLUMNS, 'nothing was published'),
    ...tables.items.flatMap(({ table, placesBehind }) =>
      placesBehind.map(({ server, database, schema, version, error }) =>
        printable(
          `behind: ${table} in ${server}/${database} ${schema} has version ${version}${error ? `: ${error}` : ''}`,
        ),
      ),
    ),
  ]);
}

async function publish(context: CommandContext, table: string, from: string, wait: boolean): Promise<void> {
  const rows = rowsOf(await contentOf(from));
  const { operationId } = await context.session.get(ReferenceData).publish(table, rows, context.actor);
  await completeOperation(context, operationId, wait);
}

function rowsOf(content: string): Record<string, unknown>[] {
  if (
    !content
      .replace(/^\uFEFF/, '')
      .trimStart()
      .startsWith('[')
  )
    return parseCsvRows(content);
  try {
    return JSON.parse(content.replace(/^\uFEFF/, '')) as Record<string, unknown>[];
  } catch (error) {
    throw new UsageError('the file is not valid JSON', { cause: error });
  }
}

async function contentOf(file: string): Promise<string> {
  try {
    return await (file === '-' ? text(process.stdin) : readFile(file, 'utf8'));
  } catch (error) {
    throw new UsageError(`cannot read ${file}`, { cause: error });
  }
}
