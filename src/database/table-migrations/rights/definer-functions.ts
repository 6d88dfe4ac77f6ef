import { isTrustedSql } from '../../connection/exposing-objects.js';

/**
 * SQL: an array of the SECURITY DEFINER functions of a schema that a role, or everybody, may execute, and that are not
 * trusted. The functions of triggers are not among them: they cannot be called. Functions of another owner are left to
 * that owner.
 */
export function executableDefinerFunctionsSql(
  schemaOid: string,
  role: string | undefined,
  trustedFunctions: string,
): string {
  const grantees = role === undefined ? '0' : `0, to_regrole(quote_ident(${role}))::oid`;
  return `array(
    SELECT format('%I.%I(%s)', n.nspname, p.proname, pg_get_function_identity_arguments(p.oid))
    FROM pg_depend d JOIN pg_proc p ON p.oid = d.objid JOIN pg_namespace n ON n.oid = p.pronamespace
    WHERE d.refclassid = 'pg_namespace'::regclass AND d.refobjid = ${schemaOid} AND d.classid = 'pg_proc'::regclass
      AND p.prosecdef AND p.prorettype NOT IN ('trigger'::regtype, 'event_trigger'::regtype)
      AND EXISTS (SELECT FROM aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a WHERE a.grantee IN (${grantees}))
      AND pg_has_role(p.proowner, 'USAGE')
      AND NOT ${isTrustedSql(trustedFunctions)})`;
}

const OPEN_FUNCTIONS = `
  SELECT ${executableDefinerFunctionsSql('s.oid', undefined, '$2::text[]')} AS functions
  FROM pg_namespace s WHERE s.nspname = $1`;

/** Sends a statement and returns its rows, as a migration's query runner does. */
type Query = (text: string, values?: unknown[]) => Promise<unknown>;

/**
 * Revokes the execution of a schema's SECURITY DEFINER functions from PUBLIC, which has it by default. In the transaction
 * that creates them no login role ever may execute them.
 */
export async function closeDefinerFunctions(
  query: Query,
  schema: string,
  trustedFunctions: readonly string[],
): Promise<void> {
  const rows = (await query(OPEN_FUNCTIONS, [schema, trustedFunctions])) as { readonly functions: string[] }[];
  const functions = rows[0]?.functions ?? [];
  if (functions.length > 0) await query(revokeExecution(functions, 'PUBLIC'));
}

/** @param functions with their arguments, quoted */
export function revokeExecution(functions: readonly string[], from: string): string {
  return `REVOKE EXECUTE ON ROUTINE ${functions.join(', ')} FROM ${from}`;
}
