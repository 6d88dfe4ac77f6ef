import type { MigrationStep } from './migration-step.js';
import { literal, text } from './source-text.js';

/** The TypeScript of a migration. */
export function migrationSource(className: string, steps: readonly MigrationStep[]): string {
  const isMade = (isReference: boolean): boolean =>
    steps.some((step) => 'table' in step && step.isReference === isReference);
  const helpers = [
    ...(isMade(true) ? ['createReferenceTable'] : []),
    ...(isMade(false) ? ['createTenantTable'] : []),
    ...(isMade(true) ? ['dropReferenceTable'] : []),
    ...(isMade(false) ? ['dropTenantTable'] : []),
  ];
  return [
    ...(helpers.length > 0 ? [`import { ${helpers.join(', ')} } from 'tenantry';`] : []),
    "import type { MigrationInterface, QueryRunner } from 'typeorm';",
    '',
    `export class ${className} implements MigrationInterface {`,
    '  async up(runner: QueryRunner): Promise<void> {',
    ...steps.flatMap(upLines).map(indented),
    '  }',
    '',
    '  async down(runner: QueryRunner): Promise<void> {',
    ...steps.toReversed().map(downLine).map(indented),
    '  }',
    '}',
    '',
  ].join('\n');
}

function upLines(step: MigrationStep): string[] {
  return [
    ...(step.comment === undefined ? [] : [`// ${step.comment}`]),
    'table' in step
      ? `await create${kindOf(step)}Table(runner, ${text(step.table)}, ${literal(step.definition, '    ')});`
      : `await runner.query(${text(step.up)});`,
  ];
}

function downLine(step: MigrationStep): string {
  return 'table' in step
    ? `await drop${kindOf(step)}Table(runner, ${text(step.table)});`
    : `await runner.query(${text(step.down)});`;
}

function kindOf({ isReference }: { readonly isReference: boolean }): string {
  return isReference ? 'Reference' : 'Tenant';
}

function indented(line: string): string {
  return `    ${line}`;
}
