import { databaseHasCitus } from '../../database/citus/citus.js';
import { tablesNotServedTo } from '../../database/citus/citus-obstacles.js';
import { inactiveNodes } from '../../database/citus/inactive-nodes.js';
import { workerProblems } from '../../database/isolation/worker-problems.js';
import { reasonOf } from '../../platform/errors/reason-of.js';
import { mapConcurrently } from '../../platform/map-concurrently.js';
import type { CatalogContext, Check, TargetOfServer } from '../diagnosis/check.js';
import { fail, type Finding, ok } from '../diagnosis/finding.js';
import { queryServer } from '../diagnosis/query-server.js';
import { isReachable, nameOfTarget } from './login-roles.js';

const NAME = 'distribution';

/** Checks databases with Citus: that their nodes take part, that stamps are known on the workers, and that nothing there shows rows of others. */
export const distribution: Check<CatalogContext> = {
  name: NAME,
  run: async (context) => {
    const reachable = context.targets.filter(({ serverId }) => isReachable(context, serverId));
    return (await mapConcurrently(reachable, (target) => checkDatabase(target, context))).flat();
  },
};

async function checkDatabase(target: TargetOfServer, { owner, options }: CatalogContext): Promise<Finding[]> {
  const name = nameOfTarget(target);
  try {
    return await queryServer(owner.of(target.server, target.database), options, async (client) => {
      if (!(await databaseHasCitus(client))) return [];
      const findings = [
        ...(await inactiveNodes(client)).map((node) =>
          fail(NAME, `the node ${node} takes no part`, 'citus_activate_node, or remove the node', name),
        ),
        ...(await tablesNotServedTo(client, target.role)).map((reason) =>
          fail(NAME, `its login role ${reason}`, 'see docs/citus.md; the target is not served until then', name),
        ),
        ...(await workerProblems(client, target.role)).map(({ worker, problem }) =>
          fail(NAME, `the worker ${worker} ${problem}`, 'run `tenantry migrate`; see docs/citus.md', name),
        ),
      ];
      return findings.length > 0 ? findings : [ok(NAME, 'the workers of Citus know its stamps', name)];
    });
  } catch (error) {
    return [fail(NAME, `cannot be checked: ${reasonOf(error)}`, 'fix the cause; see the other checks', name)];
  }
}
