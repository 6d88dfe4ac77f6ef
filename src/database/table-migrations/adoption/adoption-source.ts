import { literal, text } from '../generation/source-text.js';
import type { DescribedAdoption } from './describe-table.js';

/** The TypeScript of the migration that adopts tables, in the order in which new ones can be created. @param before statements in front of them */
export function adoptionSource(
  className: string,
  tables: readonly DescribedAdoption[],
  before: readonly string[],
): string {
  return [
    "import { adoptTenantTable } from 'tenantry';",
    "import type { MigrationInterface, QueryRunner } from 'typeorm';",
    '',
    '/** The tables of the existing application. Where they exist they are checked, in new schemas they are created. */',
    `export class ${className} implements MigrationInterface {`,
    '  async up(runner: QueryRunner): Promise<void> {',
    ...before.map((sql) => `    await runner.query(${text(sql)});`),
    ...tables.flatMap(tableLines),
    '  }',
    '',
    '  async down(): Promise<void> {',
    "    throw new Error('the rows are those of the existing application: `tenantry adopt undo` takes its adoption back');",
    '  }',
    '}',
    '',
  ].join('\n');
}

function tableLines({ name, table, from, statements, comments }: DescribedAdoption): string[] {
  const call = `await adoptTenantTable(runner, ${text(name)}, ${literal({ from, ...table }, '    ')})`;
  const notes = comments.map((comment) => `    // ${comment.replaceAll(/\s+/g, ' ')}`);
  if (statements.length === 0) return [...notes, `    ${call};`];
  return [
    ...notes,
    `    if ((${call}) === 'created') {`,
    ...statements.map((sql) => `      await runner.query(${text(sql)});`),
    '    }',
  ];
}
