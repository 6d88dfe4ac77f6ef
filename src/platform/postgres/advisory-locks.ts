/*
 * Every advisory lock that this product takes. All of a database share one space of keys, and instances of former
 * releases take the same ones: a key never changes. One more, 'erasure of a tenant', is taken by a function of the catalog.
 */

/** Serializes the migrations of the catalog's own tables, of instances that start at the same time. */
export const CATALOG_MIGRATIONS_LOCK = 7_242_001;

/** First half of the key of every operation's lock. The second half is `hashtext` of the operation's id. */
export const OPERATIONS_LOCK = 7_242_002;

/** Serializes the migrations of the central tables, of instances that start at the same time. */
export const CENTRAL_MIGRATIONS_LOCK = 7_242_003;

/** Texts whose `hashtext` is the key. */
export const LOCK_NAMES = {
  /** Choosing servers for tenants. */
  placement: 'tenantry placement',
  /** Dividing the connections of servers between instances. */
  connectionShares: 'tenantry connection shares',
  /** Limiting the connections of login roles. */
  roleLimits: 'tenantry role limits',
  /** Installing the isolation functions of a database. */
  isolation: 'tenantry isolation',
  /** Marking functions of a database as leakproof. */
  leakproof: 'tenantry leakproof',
  /** Migrating the tables of a schema. */
  migrations: (schema: string) => `tenantry migrations ${schema}`,
  /** Changing the role, database or schemas of a connection target. */
  target: (targetId: string) => `tenantry target ${targetId}`,
  /** Requesting an operation on a tenant, or on another subject. */
  operationOf: (subject: string) => `operation of ${subject}`,
  /** Writing the rows of a reference table of a schema. */
  referenceTable: (schema: string, table: string) => `tenantry reference table ${schema} ${table}`,
  /** Passing the gate of a tenant, held by its transactions while it moves. First half of the key. */
  gate: 'tenantry gate',
  /** Moving the rows of a tenant from or to a schema. First half of the key. */
  mover: 'tenantry mover',
  /** Answering requests with one idempotency key. */
  idempotencyKey: (key: string) => `idempotency key ${key}`,
} as const;
