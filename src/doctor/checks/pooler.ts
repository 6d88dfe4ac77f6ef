import { DEFAULT_SERVER } from '../../catalog/catalog-target.js';
import { targetOfUrl } from '../../database/connection/database-url.js';
import { probePooler } from '../../database/statements/pooler-probe.js';
import { PoolerLeakError } from '../../database/statements/pooler-probe.js';
import type { Check, CatalogContext } from '../diagnosis/check.js';
import { fail, ok, reasonOf, warn } from '../diagnosis/finding.js';

const NAME = 'pooler';

/** Checks that the pooler does not carry one tenant's settings over to the next client of a connection. */
export const pooler: Check<CatalogContext> = {
  name: NAME,
  run: async ({ access: { config }, options }) => {
    const { url, directUrl, pooler: mode } = config.database;
    if (mode === undefined || url === undefined || directUrl === undefined)
      return [ok(NAME, 'none (DB_POOLER is not set)')];
    const target = targetOfUrl(url, DEFAULT_SERVER);
    const { host, port, tls } = targetOfUrl(directUrl, DEFAULT_SERVER).server;
    try {
      const probedTarget = { ...target, server: { ...target.server, aroundPooler: { host, port, tls } } };
      if (await probePooler(probedTarget, options)) return [ok(NAME, 'keeps stamps apart')];
      return [warn(NAME, 'did not share a connection between two clients', 'set its pool_mode to transaction')];
    } catch (error) {
      const remedy =
        error instanceof PoolerLeakError ? 'set its pool_mode to transaction' : 'start it, or correct DATABASE_URL';
      return [fail(NAME, reasonOf(error), remedy)];
    }
  },
};
