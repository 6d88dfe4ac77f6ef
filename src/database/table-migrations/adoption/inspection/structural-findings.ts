import { type AdoptionFinding, attention, note, refused } from './adoption-finding.js';
import type { InspectedExtras, InspectedTable } from './inspected-tables.js';
import { isKeyType, type TenantOrigin } from './tenant-keys.js';
import { isAlwaysSet } from './tenant-origins.js';
import { TENANT_COLUMN } from '../../comparison/actual-tables.js';
import { MIGRATIONS_TABLE } from '../../versions/recorded-migrations.js';

const LEAVE_OUT = 'or leave the table out with --leave-out';

/** What the structure of a table says about its adoption. */
export function tableFindings(table: InspectedTable, origin: TenantOrigin, owner: string): AdoptionFinding[] {
  const { name, constraints, columns } = table;
  const refuse = (what: string, advice: string): AdoptionFinding => refused(name, what, `${advice}, ${LEAVE_OUT}.`);
  return [
    ...(table.kind === 'p'
      ? [refuse('is partitioned: no index of it can be made concurrently', 'Adopt it by hand')]
      : []),
    ...(table.kind === 'f' ? [refuse('is a foreign table, which has no policies', 'Copy its rows')] : []),
    ...(table.isInherited && table.kind === 'r'
      ? [refuse('inherits or is inherited from', 'Separate the tables')]
      : []),
    ...(table.isOwned
      ? []
      : [refuse(`belongs to the role ${table.owner}`, `Give it to the owner: ALTER TABLE … OWNER TO ${owner}`)]),
    ...(columns.some((column) => column.name === TENANT_COLUMN)
      ? [refuse(`has a column ${TENANT_COLUMN} already`, 'Rename it')]
      : []),
    ...(table.hasRowSecurity || table.policies.length > 0
      ? [refuse('has row-level security already', 'Drop its policies and disable it')]
      : []),
    ...(constraints.some(({ kind }) => kind === 'p')
      ? []
      : [refuse('has no primary key, which entities need', 'Add one')]),
    ...constraints
      .filter(({ kind }) => kind === 'x')
      .map((exclusion) => refuse(`has the exclusion ${exclusion.name}, which compares rows of all tenants`, 'Drop it')),
    ...constraints
      .filter(({ kind, isDeferrable }) => (kind === 'p' || kind === 'u') && isDeferrable)
      .map((key) =>
        refuse(
          `has the deferrable key ${key.name}; the one with the tenant would be checked at once`,
          'Make it not deferrable',
        ),
      ),
    ...(table.grantees.includes('')
      ? [
          refuse(
            'is granted to PUBLIC, and so to the login role of tenants',
            "Grant it to the application's role instead",
          ),
        ]
      : []),
    ...originFindings(table, origin),
    ...keyFindings(table),
    ...triggerFindings(table),
    ...(table.isPublished
      ? [
          note(
            name,
            'is published: the batches that fill tenant_id are replicated',
            'Add the column to subscribers first.',
          ),
        ]
      : []),
  ];
}

function originFindings(table: InspectedTable, origin: TenantOrigin): AdoptionFinding[] {
  if ('place' in origin) return [];
  if ('column' in origin) {
    const column = table.columns.find(({ name }) => name === origin.column);
    if (column && !isKeyType(column.type)) {
      return [refused(table.name, `has a tenant column of type ${column.type}`, 'Use uuid, an integer or a text.')];
    }
    return column?.isNotNull
      ? []
      : [attention(table.name, `${origin.column} may be null`, 'From then on an insert without it fails.')];
  }
  if (isAlwaysSet(table, { columns: origin.foreignKey })) return [];
  const columns = origin.foreignKey.join(', ');
  return [
    attention(
      table.name,
      `its tenant comes through ${columns} from ${origin.parent}, and ${columns} may be null`,
      'From then on an insert without it fails.',
    ),
  ];
}

function keyFindings({ name, constraints, indexes }: InspectedTable): AdoptionFinding[] {
  const keys = constraints.filter(({ kind }) => kind === 'f');
  const special = indexes.filter(({ method, isUnique }) => method !== 'btree' && !isUnique);
  return [
    ...keys
      .filter(({ onUpdate }) => onUpdate !== 'a')
      .map((key) => attention(name, `${key.name} has ON UPDATE`, 'It is kept here; tables of new schemas have none.')),
    ...keys
      .filter(({ isDeferrable }) => isDeferrable)
      .map((key) => attention(name, `${key.name} is deferrable`, 'It is kept here; tables of new schemas have none.')),
    ...indexes
      .filter(({ isReplicaIdentity }) => isReplicaIdentity)
      .map((index) =>
        refused(name, `${index.name} is its replica identity`, 'Use the primary key as replica identity.'),
      ),
    ...special.map((index) =>
      note(name, `${index.name} (${index.method}) cannot have the tenant in front`, 'It stays as it is.'),
    ),
  ];
}

function triggerFindings({ name, triggers }: InspectedTable): AdoptionFinding[] {
  return triggers.map((trigger) =>
    attention(
      name,
      `the trigger ${trigger.name} runs ${trigger.function}`,
      trigger.isOfUpdates
        ? "It does not run for the batches that fill tenant_id if the owner may set session_replication_role, otherwise it does. It runs with a tenant's rights for statements of a tenant."
        : "It runs with a tenant's rights for statements of a tenant.",
    ),
  );
}

/** What a schema has besides tables, and tables that have a name of Tenantry's own. */
export function schemaFindings(
  tables: readonly InspectedTable[],
  extras: InspectedExtras,
  isMigrated: boolean,
): AdoptionFinding[] {
  const foreign = tables.some(({ name }) => name === MIGRATIONS_TABLE) && !isMigrated;
  return [
    ...(foreign
      ? [
          refused(
            MIGRATIONS_TABLE,
            'is a table of another program, and its name is that of the record of migrations',
            'Rename it.',
          ),
        ]
      : []),
    ...(extras.mayCreate
      ? []
      : [refused(undefined, 'the owner may not create indexes in the schema', 'GRANT CREATE ON SCHEMA … to it.')]),
    ...(extras.mayCreateSchemas
      ? []
      : [refused(undefined, 'the owner may not create schemas in the database', 'GRANT CREATE ON DATABASE … to it.')]),
    ...(extras.isOpenToAll
      ? [
          refused(
            undefined,
            'everybody may create objects in the schema, so that no login role is accepted',
            'REVOKE CREATE ON SCHEMA … FROM PUBLIC; grant it to the roles that need it.',
          ),
        ]
      : []),
    ...extras.views.map(({ name, isMaterialized, isInvoker }) => {
      if (isMaterialized)
        return attention(
          name,
          'is a materialized view, which has the rows of all tenants',
          'Tenants cannot use it: query the tables instead.',
        );
      if (isInvoker)
        return note(name, 'is a view with security_invoker', 'Grant it to the login role if tenants need it.');
      return attention(
        name,
        'is a view with the rights of its owner, and shows the rows of all tenants',
        'For tenants: ALTER VIEW … SET (security_invoker = true).',
      );
    }),
    ...extras.definerFunctions.map((name) =>
      refused(
        undefined,
        `everybody may execute ${name}, which runs with its owner's rights`,
        `REVOKE EXECUTE ON FUNCTION ${name} FROM PUBLIC.`,
      ),
    ),
    ...(extras.referencingTables.length > 0
      ? [
          attention(
            undefined,
            `tables of other schemas refer to this one: ${extras.referencingTables.join(', ')}`,
            'Their foreign keys are dropped by hand before `adopt finish`.',
          ),
        ]
      : []),
  ];
}
