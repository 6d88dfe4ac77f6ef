import { escapeIdentifier } from 'pg';
import { createPoliciesSql, TENANT_POLICIES } from '../../isolation/tenant-policies.js';
import { STAMPED_TENANT } from '../tenant-table.js';
import { ADOPTION_POLICY, type AdoptionStep } from './adoption-step.js';
import type { InspectedTable } from './inspection/inspected-tables.js';
import { qualified, type TenantOrigin } from './inspection/tenant-keys.js';

/**
 * The last step of a table: policies, and the default from the stamp. The owner is subject to no policy; other roles that the
 * existing application connects as are admitted by a policy of their own until the adoption is finished.
 */
export function policyStep(table: InspectedTable, origin: TenantOrigin, schema: string): AdoptionStep {
  const name = qualified(schema, table.name);
  const roles = table.grantees.filter((role) => role !== '').map(escapeIdentifier);
  const admitted = [
    `CREATE POLICY ${ADOPTION_POLICY} ON ${name} TO ${roles.join(', ')} USING (true) WITH CHECK (true)`,
  ];
  const dropAdmission = `DROP POLICY IF EXISTS ${ADOPTION_POLICY} ON ${name}`;
  const hasOwnDefault = 'place' in origin;
  return {
    table: table.name,
    name: 'policies',
    run: [
      ...(hasOwnDefault ? [] : [`ALTER TABLE ${name} ALTER COLUMN tenant_id SET DEFAULT ${STAMPED_TENANT}`]),
      ...createPoliciesSql(name),
      ...(roles.length > 0 ? admitted : []),
      `ALTER TABLE ${name} ENABLE ROW LEVEL SECURITY`,
    ],
    undo: [
      `ALTER TABLE ${name} DISABLE ROW LEVEL SECURITY`,
      dropAdmission,
      ...TENANT_POLICIES.map((policy) => `DROP POLICY IF EXISTS ${policy.name} ON ${name}`),
      ...(hasOwnDefault ? [] : [`ALTER TABLE ${name} ALTER COLUMN tenant_id DROP DEFAULT`]),
    ],
    finish: [dropAdmission],
    finishOrder: 3,
    locks: 1,
  };
}
