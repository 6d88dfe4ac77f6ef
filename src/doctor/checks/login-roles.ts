import { UnsafeRoleError } from '../../database/connection/connection.errors.js';
import { assertRoleIsSubjectToPolicies } from '../../database/connection/role-check.js';
import { DecryptionError } from '../../platform/encryption/key-ring.js';
import { ANSWER_TIMEOUT_MS, queryServer } from '../diagnosis/query-server.js';
import { type Check, type Diagnosis, loginOf, type TargetOfServer } from '../diagnosis/diagnosis.js';
import { fail, type Finding, ok, reasonOf } from '../diagnosis/finding.js';
import { mapConcurrently } from '../../platform/map-concurrently.js';

const NAME = 'login-role';

/** Each connection target lets its login role in, and that is held by row-level security. */
export const loginRoles: Check<Diagnosis> = {
  name: NAME,
  look: async (examination) => {
    const answering = examination.targets.filter(({ serverId }) => answers(examination, serverId));
    const found = await mapConcurrently(answering, (target) => lookAt(target, examination));
    const problems = found.filter((finding) => finding !== undefined);
    const sound = answering.length - problems.length;
    return [...problems, ...(sound > 0 ? [ok(NAME, `${sound} log in, and are held by row-level security`)] : [])];
  },
};

/** A server that does not is told of once, not once for each of its databases. */
export function answers({ servers }: Diagnosis, serverId: string): boolean {
  return servers.some(({ server, facts }) => server.id === serverId && facts !== undefined);
}

export function nameOf({ role, database, server }: TargetOfServer): string {
  return `${role}@${server.name}/${database}`;
}

async function lookAt(target: TargetOfServer, examination: Diagnosis): Promise<Finding | undefined> {
  try {
    const login = loginOf(target, examination);
    await queryServer(login, examination.options, (client) =>
      assertRoleIsSubjectToPolicies(client, login, ANSWER_TIMEOUT_MS),
    );
    return undefined;
  } catch (error) {
    return problemOf(error, target);
  }
}

function problemOf(error: unknown, target: TargetOfServer): Finding {
  const name = nameOf(target);
  if (error instanceof UnsafeRoleError) {
    return fail(NAME, error.reason, 'take that from the role: its pool is refused until then', name);
  }
  if (error instanceof DecryptionError) {
    return fail(NAME, 'its password does not open', 'put the key it was sealed with back into ENCRYPTION_KEYS', name);
  }
  return fail(NAME, `cannot log in: ${reasonOf(error)}`, 'give the role its LOGIN, password and CONNECT back', name);
}
