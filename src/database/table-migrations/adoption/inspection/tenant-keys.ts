import { escapeIdentifier, escapeLiteral } from 'pg';

/**
 * How a tenant's id follows from the key by which the existing application knows it. A uuid is the id itself. Of any other key
 * it is the first 128 bits of a hash, as a UUID of version 8 (RFC 9562): the same for each row of that tenant, at any time, so
 * that no statement of the application has to look it up, and a tenant that the application adds meanwhile has one, too.
 */
export type TenantKeys =
  | { readonly kind: 'uuid' }
  /** @property namespace differs between databases, in which the same key is another tenant's */
  | { readonly kind: 'hashed'; readonly namespace: string };

/** Types of columns whose values can be tenants' keys. */
const KEY_TYPE =
  /^(?:uuid|smallint|integer|bigint|numeric(?:\(\d+(?:,0)?\))?|text|citext|character varying(?:\(\d+\))?|character(?:\(\d+\))?)$/;

export function isKeyType(type: string): boolean {
  return KEY_TYPE.test(type);
}

/** The SQL expression of a tenant's id. @param value an SQL expression of any type of key */
export function tenantIdSql(keys: TenantKeys, value: string): string {
  if (keys.kind === 'uuid') return `(${value})::pg_catalog.uuid`;
  const text = `pg_catalog.convert_to(${escapeLiteral(`${keys.namespace}:`)} || (${value})::pg_catalog.text, 'UTF8')`;
  const hash = `pg_catalog.encode(pg_catalog.substr(pg_catalog.sha256(${text}), 1, 16), 'hex')`;
  const versioned = `pg_catalog.overlay(${hash}, '8', 13, 1)`;
  return `pg_catalog.overlay(${versioned}, '8', 17, 1)::pg_catalog.uuid`;
}

/** Where the tenant of a table's rows comes from. */
export type TenantOrigin =
  /** A column with the tenant's key. */
  | { readonly column: string }
  /** The row that a foreign key leads to. */
  | { readonly foreignKey: readonly string[]; readonly parent: string; readonly references: readonly string[] }
  /** The schema, or the database, is one tenant's. */
  | { readonly place: true };

/** `"schema"."table"` */
export function qualified(schema: string, name: string): string {
  return `${escapeIdentifier(schema)}.${escapeIdentifier(name)}`;
}
