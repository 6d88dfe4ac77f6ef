import { UnsafeRoleError } from '../../database/connection/connection.errors.js';
import { assertRoleIsSubjectToPolicies } from '../../database/connection/role-check.js';
import { DecryptionError } from '../../platform/encryption/key-ring.js';
import { ANSWER_TIMEOUT_MS, queryServer } from '../diagnosis/query-server.js';
import { type Check, type CatalogContext, loginOf, type TargetOfServer } from '../diagnosis/check.js';
import { fail, type Finding, ok } from '../diagnosis/finding.js';
import { mapConcurrently } from '../../platform/map-concurrently.js';
import { reasonOf } from '../../platform/errors/reason-of.js';

const NAME = 'login-role';
/** A rotation needs the role and the owner, and neither the password nor a connection of the role. */
function remedyOf({ kind, server }: TargetOfServer): string {
  const options = kind === 'shared' ? `--server ${server.name}` : '--tenant <slug>';
  return `restore LOGIN and CONNECT of the role; with another password than in the catalog: rotate-credentials ${options}`;
}

/** Checks that the login role of each connection target can log in and is subject to row-level security. */
export const loginRoles: Check<CatalogContext> = {
  name: NAME,
  run: async (context) => {
    const reachable = context.targets.filter(({ serverId }) => isReachable(context, serverId));
    const findings = await mapConcurrently(reachable, (target) => checkLogin(target, context));
    const problems = findings.filter((finding) => finding !== undefined);
    const healthy = reachable.length - problems.length;
    return [
      ...problems,
      ...(healthy > 0 ? [ok(NAME, `${healthy} can log in and are subject to row-level security`)] : []),
    ];
  },
};

/** An unreachable server is reported once, by the `server` check, and not for each of its databases. */
export function isReachable({ servers }: CatalogContext, serverId: string): boolean {
  return servers.some(({ server, facts }) => server.id === serverId && facts !== undefined);
}

/** `role@server/database` */
export function nameOfTarget({ role, database, server }: TargetOfServer): string {
  return `${role}@${server.name}/${database}`;
}

async function checkLogin(target: TargetOfServer, context: CatalogContext): Promise<Finding | undefined> {
  try {
    const { trustedFunctions = [] } = context.schema;
    const login = loginOf(target, context);
    await queryServer(login, context.options, (client) =>
      assertRoleIsSubjectToPolicies(client, login, { timeoutMs: ANSWER_TIMEOUT_MS, trustedFunctions }),
    );
    return undefined;
  } catch (error) {
    return problemOf(error, target);
  }
}

function problemOf(error: unknown, target: TargetOfServer): Finding {
  const name = nameOfTarget(target);
  if (error instanceof UnsafeRoleError) {
    return fail(NAME, error.reason, 'revoke that from the role: its pool is rejected until then', name);
  }
  if (error instanceof DecryptionError) {
    return fail(
      NAME,
      'its password cannot be decrypted',
      'restore the key it was encrypted with in ENCRYPTION_KEYS',
      name,
    );
  }
  return fail(NAME, `cannot log in: ${reasonOf(error)}`, remedyOf(target), name);
}
