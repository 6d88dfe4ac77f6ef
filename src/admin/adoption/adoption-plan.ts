import { z } from 'zod';
import { serverName } from '../tenants/tenant.schemas.js';

const name = z.string().min(1).max(63);

/** The layouts that existing applications have: tenants share tables, have a schema each, or a database each. */
export const LAYOUTS = ['row', 'schema', 'database'] as const;

/**
 * What to adopt, and as which tenants: `plan.json` of the folder that `tenantry adopt` writes. Tenants are looked up again whenever
 * it is run, so that those which the application adds meanwhile are registered, too.
 */
export const adoptionPlan = z.strictObject({
  version: z.literal(1),
  layout: z.enum(LAYOUTS),
  server: serverName,
  /** Of a tenant per database: where `tenants.query` runs. */
  database: name,
  /** With the tables; of a schema per tenant it is not used. */
  schema: name,
  tenants: z.union([z.strictObject({ query: z.string().min(1) }), z.strictObject({ pattern: z.string().min(1) })]),
  /** How a tenant's id follows from its key, or its schema's or database's name. */
  keys: z.union([
    z.strictObject({ kind: z.literal('uuid') }),
    z.strictObject({ kind: z.literal('hashed'), namespace: z.string().min(8).max(100) }),
  ]),
  tenantColumn: name.optional(),
  tenantsTable: z.strictObject({ table: name, column: name }).optional(),
  columns: z.record(name, name).default({}),
  leftOut: z.array(name).default([]),
  /** The class of the migration: tenants are registered once the application has it. */
  migration: z.string().regex(/^[A-Za-z]\w*\d{13}$/),
});
export type AdoptionPlan = z.infer<typeof adoptionPlan>;
