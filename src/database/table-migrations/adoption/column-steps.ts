import { escapeIdentifier, escapeLiteral } from 'pg';
import { truncatedIdentifier, fitsIdentifier, shortHash } from '../../../platform/postgres/identifiers.js';
import { STAMPED_TENANT } from '../tenant-table.js';
import { ADOPTION_SCHEMA, type AdoptionStep } from './adoption-step.js';
import type { InspectedTable } from './inspection/inspected-tables.js';
import { qualified, type TenantKeys, type TenantOrigin, tenantIdSql } from './inspection/tenant-keys.js';

const NOT_NULL = 'tenantry_tenant_id_not_null';
/** Triggers run in the order of their names: this one comes behind those of the application. */
const TRIGGER = 'zz_tenantry_adoption';

/** The schema, and how its tenants are known. */
export interface AdoptedPlace {
  readonly schema: string;
  /** Of a schema with the rows of many tenants. */
  readonly keys: TenantKeys;
  /** Of a schema of one tenant: its id. */
  readonly tenantId?: string | undefined;
}

/** Gives each row its tenant: those that exist and those that the existing application inserts meanwhile. */
export function columnSteps(table: InspectedTable, origin: TenantOrigin, place: AdoptedPlace): AdoptionStep[] {
  if ('place' in origin) return [constantColumn(table, place)];
  const name = qualified(place.schema, table.name);
  const step = { table: table.name, finish: [], finishOrder: 0, locks: 1 as const };
  return [
    {
      ...step,
      name: 'column',
      run: [`ALTER TABLE ${name} ADD COLUMN tenant_id uuid`],
      undo: [`ALTER TABLE ${name} DROP COLUMN IF EXISTS tenant_id`],
    },
    triggerStep(table, origin, place),
    { ...step, name: 'fill', run: [], undo: [], fill: fillOf(table, origin, place), locks: 0 },
    {
      ...step,
      name: 'check',
      run: [`ALTER TABLE ${name} ADD CONSTRAINT ${NOT_NULL} CHECK (tenant_id IS NOT NULL) NOT VALID`],
      undo: [`ALTER TABLE ${name} DROP CONSTRAINT IF EXISTS ${NOT_NULL}`],
    },
    { ...step, name: 'validate', run: [`ALTER TABLE ${name} VALIDATE CONSTRAINT ${NOT_NULL}`], undo: [] },
    {
      ...step,
      name: 'not-null',
      // The valid check spares PostgreSQL the scan, under its strongest lock.
      run: [
        `ALTER TABLE ${name} ALTER COLUMN tenant_id SET NOT NULL`,
        `ALTER TABLE ${name} DROP CONSTRAINT ${NOT_NULL}`,
      ],
      undo: [`ALTER TABLE ${name} ALTER COLUMN tenant_id DROP NOT NULL`],
    },
  ];
}

/** PostgreSQL keeps a constant default of a new column in its catalog: no row is written. */
function constantColumn(table: InspectedTable, { schema, tenantId }: AdoptedPlace): AdoptionStep {
  const name = qualified(schema, table.name);
  const constant = `${escapeLiteral(tenantId ?? '')}::uuid`;
  return {
    table: table.name,
    name: 'column',
    run: [
      `ALTER TABLE ${name} ADD COLUMN tenant_id uuid NOT NULL DEFAULT ${constant}`,
      `ALTER TABLE ${name} ALTER COLUMN tenant_id SET DEFAULT coalesce(${STAMPED_TENANT}, ${constant})`,
    ],
    undo: [`ALTER TABLE ${name} DROP COLUMN IF EXISTS tenant_id`],
    finish: [`ALTER TABLE ${name} ALTER COLUMN tenant_id SET DEFAULT ${STAMPED_TENANT}`],
    finishOrder: 3,
    locks: 1,
  };
}

function triggerStep(table: InspectedTable, origin: TenantOrigin, place: AdoptedPlace): AdoptionStep {
  const name = qualified(place.schema, table.name);
  const routine = qualified(ADOPTION_SCHEMA, functionName(place.schema, table.name));
  const drop = [`DROP TRIGGER IF EXISTS ${TRIGGER} ON ${name}`, `DROP FUNCTION IF EXISTS ${routine}()`];
  return {
    table: table.name,
    name: 'trigger',
    run: [
      `CREATE FUNCTION ${routine}() RETURNS trigger LANGUAGE plpgsql AS ${escapeLiteral(triggerBody(origin, place))}`,
      `CREATE TRIGGER ${TRIGGER} BEFORE INSERT OR UPDATE ON ${name} FOR EACH ROW EXECUTE FUNCTION ${routine}()`,
    ],
    undo: drop,
    finish: drop,
    finishOrder: 3,
    locks: 1,
  };
}

/**
 * The existing column decides, not the stamp: a row that a tenant gives another tenant's key gets that tenant's id, and the policy
 * refuses it. A stamp counts where the existing application says nothing. Runs with the rights of the caller: a tenant finds
 * no other's parent.
 */
function triggerBody(origin: TenantOrigin, { schema, keys }: AdoptedPlace): string {
  if ('column' in origin) {
    const column = `NEW.${escapeIdentifier(origin.column)}`;
    return `BEGIN
  IF ${column} IS NOT NULL THEN
    NEW.tenant_id := ${tenantIdSql(keys, column)};
  END IF;
  RETURN NEW;
END`;
  }
  if (!('foreignKey' in origin)) return '';
  const { foreignKey, parent, references } = origin;
  const changed = foreignKey.map(escapeIdentifier).map((column) => `NEW.${column} IS DISTINCT FROM OLD.${column}`);
  const on = foreignKey.map(
    (column, n) => `p.${escapeIdentifier(references[n] ?? '')} = NEW.${escapeIdentifier(column)}`,
  );
  return `DECLARE
  parent_tenant uuid;
BEGIN
  IF TG_OP = 'UPDATE' THEN
    IF NEW.tenant_id IS NOT NULL AND NOT (${changed.join(' OR ')}) THEN
      RETURN NEW;
    END IF;
  END IF;
  SELECT p.tenant_id INTO parent_tenant FROM ${qualified(schema, parent)} p WHERE ${on.join(' AND ')};
  IF parent_tenant IS NOT NULL THEN
    NEW.tenant_id := parent_tenant;
  END IF;
  RETURN NEW;
END`;
}

function fillOf(
  table: InspectedTable,
  origin: TenantOrigin,
  { schema, keys }: AdoptedPlace,
): NonNullable<AdoptionStep['fill']> {
  const hasTriggers = table.triggers.some(({ isOfUpdates }) => isOfUpdates);
  const name = qualified(schema, table.name);
  if (!('foreignKey' in origin)) {
    const column = 'column' in origin ? escapeIdentifier(origin.column) : 'NULL';
    return { table: name, value: tenantIdSql(keys, `t.${column}`), hasTriggers };
  }
  const on = origin.foreignKey.map(
    (column, n) => `p.${escapeIdentifier(origin.references[n] ?? '')} = t.${escapeIdentifier(column)}`,
  );
  return {
    table: name,
    value: 'p.tenant_id',
    from: { source: `${qualified(schema, origin.parent)} p`, on: on.join(' AND ') },
    hasTriggers,
  };
}

function functionName(schema: string, table: string): string {
  const name = `${schema}_${table}`;
  return fitsIdentifier(name) ? name : truncatedIdentifier(name, `_${shortHash(name, 8)}`);
}
