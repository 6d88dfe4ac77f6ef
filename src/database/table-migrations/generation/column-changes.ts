import { TENANT_COLUMN } from '../comparison/actual-tables.js';
import { quote } from '../tenant-table.js';
import type { StatementStep } from './migration-step.js';
import type { ComparedTable, TableShape } from './table-shapes.js';

type Column = TableShape['columns'][number];
type Refuse = (reason: string) => void;

/** Types to which every value of another one can be converted. */
const WIDER: Readonly<Record<string, readonly string[]>> = {
  smallint: ['integer', 'bigint'],
  integer: ['bigint'],
  real: ['double precision'],
  date: ['timestamp without time zone'],
};
/** Types whose values are the same to an application. */
const JSON_TYPES: readonly string[] = ['json', 'jsonb'];

/** Columns that entities map: those that are missing, and those that differ. */
export function columnSteps({ described, wanted, actual }: ComparedTable, refuse: Refuse): StatementStep[] {
  const present = new Map(actual.columns.map((column) => [column.name, column]));
  return wanted.columns
    .filter(({ name }) => name !== TENANT_COLUMN)
    .flatMap((column) => {
      const former = present.get(column.name);
      if (former) return changedColumn(described.name, column, former, refuse);
      return addedColumn(described.name, column, described.columns[column.name] ?? '', refuse);
    });
}

/** Columns that no entity maps any more, and without which inserts fail. They keep their values. */
export function unmappedColumnSteps({ described, actual }: ComparedTable, refuse: Refuse): StatementStep[] {
  if (described.isReference) return []; // tenants insert no rows
  const isRequired = ({ name, isNotNull, default: value, isIdentity }: Column): boolean =>
    isNotNull && value === null && !isIdentity && name !== TENANT_COLUMN && !(name in described.columns);
  const isKey = (name: string): boolean =>
    actual.constraints.some(({ kind, columns }) => kind === 'p' && columns.includes(name));
  return actual.columns.filter(isRequired).flatMap(({ name }) => {
    if (isKey(name)) {
      refuse(`column ${described.name}.${name} is part of the primary key, and no entity maps it`);
      return [];
    }
    const comment = `no entity maps ${name}: drop it in a later release, when no instance writes it any more`;
    return [{ ...alter(described.name, name, 'DROP NOT NULL', 'SET NOT NULL'), comment }];
  });
}

function addedColumn(table: string, column: Column, definition: string, refuse: Refuse): StatementStep[] {
  const { name, isNotNull, default: value, isIdentity, isGenerated } = column;
  if (isNotNull && value === null && !isIdentity && !isGenerated) {
    refuse(`column ${table}.${name} is new and NOT NULL without a default, which rows that exist cannot have`);
    return [];
  }
  return [
    {
      up: `ALTER TABLE ${quote(table)} ADD COLUMN ${quote(name)} ${definition}`,
      down: `ALTER TABLE ${quote(table)} DROP COLUMN ${quote(name)}`,
    },
  ];
}

function changedColumn(table: string, wanted: Column, actual: Column, refuse: Refuse): StatementStep[] {
  if (wanted.isGenerated || actual.isGenerated) {
    if (wanted.default !== actual.default || wanted.isGenerated !== actual.isGenerated)
      refuse(`the expression of the generated column ${table}.${wanted.name} differs`);
    return [];
  }
  return [
    ...typeSteps(table, wanted, actual, refuse),
    ...defaultSteps(table, wanted, actual, refuse),
    ...nullSteps(table, wanted, actual),
  ];
}

function nullSteps(table: string, { name, isNotNull }: Column, actual: Column): StatementStep[] {
  if (isNotNull === actual.isNotNull) return [];
  const [up, down] = isNotNull ? ['SET NOT NULL', 'DROP NOT NULL'] : ['DROP NOT NULL', 'SET NOT NULL'];
  return [alter(table, name, up ?? '', down ?? '')];
}

/** A value that the database makes does as well as another one; a default that entities do not map is left. */
function defaultSteps(table: string, wanted: Column, actual: Column, refuse: Refuse): StatementStep[] {
  const { name, default: value } = wanted;
  const hasDefault = actual.default !== null || actual.isIdentity;
  if (wanted.isIdentity && !hasDefault) refuse(`column ${table}.${name} is to be generated, and has values already`);
  const isLiteral = value !== null && /^(?:'|-?\d|true|false)/.test(value);
  const isSame = value === null || (isLiteral ? withoutCast(value) === withoutCast(actual.default) : hasDefault);
  if (isSame) return [];
  const former = actual.default === null ? 'DROP DEFAULT' : `SET DEFAULT ${actual.default}`;
  return [alter(table, name, `SET DEFAULT ${isLiteral ? withoutCast(value) : value}`, former)];
}

function typeSteps(table: string, wanted: Column, actual: Column, refuse: Refuse): StatementStep[] {
  const { name, type } = wanted;
  if (actual.isEnum) return labelSteps(table, wanted, actual, refuse);
  if (holds(actual, wanted)) return [];
  const isWider = WIDER[actual.type]?.includes(type) === true;
  const isText = wanted.isText && lengthOf(type) >= textLength(actual);
  if (!isWider && !isText) {
    refuse(`column ${table}.${name} is ${actual.type}, entities map it as ${type}: not every value can be converted`);
    return [];
  }
  return [alter(table, name, `TYPE ${type}`, `TYPE ${actual.type} USING ${quote(name)}::${actual.type}`)];
}

function labelSteps(table: string, wanted: Column, actual: Column, refuse: Refuse): StatementStep[] {
  if (wanted.isText) return [];
  refuse(`column ${table}.${wanted.name} is the enum ${actual.type}, entities map it as ${wanted.type}`);
  return [];
}

/** Whether a column takes every value of what entities map. */
function holds(actual: Column, wanted: Column): boolean {
  if (actual.type === wanted.type) return true;
  if (actual.isText && wanted.isText) return lengthOf(actual.type) >= lengthOf(wanted.type);
  if (JSON_TYPES.includes(actual.type) && JSON_TYPES.includes(wanted.type)) return true;
  const [from, to] = [baseOf(wanted.type), baseOf(actual.type)];
  return (
    from === to ||
    (from === 'smallint' && to === 'integer') ||
    (wanted.isText && ['json', 'jsonb', 'uuid'].includes(to))
  );
}

function textLength(column: Column): number {
  return column.isText ? lengthOf(column.type) : Infinity;
}

function lengthOf(type: string): number {
  return Number(/\((\d+)\)/.exec(type)?.[1] ?? Infinity);
}

/** `numeric` of `numeric(10,2)`. */
function baseOf(type: string): string {
  return type.replace(/\([^)]*\)/, '');
}

/** `'draft'` of `'draft'::text`. */
function withoutCast(expression: string | null): string | null {
  return expression?.replace(/::[\w\s"().[\]]+$/, '') ?? null;
}

function alter(table: string, column: string, up: string, down: string): StatementStep {
  const statement = (action: string): string => `ALTER TABLE ${quote(table)} ALTER COLUMN ${quote(column)} ${action}`;
  return { up: statement(up), down: statement(down) };
}
