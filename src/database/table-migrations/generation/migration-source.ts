import type { MigrationStep } from './migration-step.js';

const WIDTH = 100;

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

/** A value as an expression, on one line where it fits. */
function literal(value: unknown, indentation: string): string {
  if (typeof value === 'string') return text(value);
  const inner = `${indentation}  `;
  const isList = Array.isArray(value);
  const parts = isList
    ? value.map((element) => literal(element, inner))
    : Object.entries(value as object).map(([name, element]) => `${key(name)}: ${literal(element, inner)}`);
  const [open, close, gap] = isList ? ['[', ']', ''] : ['{', '}', ' '];
  const line = `${open}${gap}${parts.join(', ')}${gap}${close}`;
  if (line.length <= WIDTH - indentation.length && !line.includes('\n')) return line;
  return `${open}\n${parts.map((part) => `${inner}${part},\n`).join('')}${indentation}${close}`;
}

function key(name: string): string {
  return /^[A-Za-z_]\w*$/.test(name) ? name : text(name);
}

/** With the quotes that need no escape, where there are such. */
function text(value: string): string {
  if (/[\n\\]/.test(value) || (value.includes("'") && value.includes('"'))) {
    return `\`${value.replaceAll('\\', '\\\\').replaceAll('`', '\\`').replaceAll('${', '\\${')}\``;
  }
  return value.includes("'") ? `"${value}"` : `'${value}'`;
}
