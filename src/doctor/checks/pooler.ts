import { DEFAULT_SERVER } from '../../catalog/catalog-target.js';
import { targetOfUrl } from '../../database/connection/database-url.js';
import { probePooler } from '../../database/statements/pooler-probe.js';
import { PoolerLeakError } from '../../database/statements/pooler-probe.js';
import type { Check, Diagnosis } from '../diagnosis/diagnosis.js';
import { fail, ok, reasonOf, warn } from '../diagnosis/finding.js';

const NAME = 'pooler';

/** What one tenant sends through a pooler's connection is gone when the next one gets it. */
export const pooler: Check<Diagnosis> = {
  name: NAME,
  look: async ({ access: { config }, options }) => {
    const { url, directUrl, pooler: mode } = config.database;
    if (mode === undefined || url === undefined || directUrl === undefined)
      return [ok(NAME, 'none (DB_POOLER is not set)')];
    const target = targetOfUrl(url, DEFAULT_SERVER);
    const { host, port, tls } = targetOfUrl(directUrl, DEFAULT_SERVER).server;
    try {
      const around = { ...target, server: { ...target.server, aroundPooler: { host, port, tls } } };
      if (await probePooler(around, options)) return [ok(NAME, 'keeps stamps apart')];
      return [warn(NAME, 'never used one connection for two clients', 'set its pool_mode to transaction')];
    } catch (error) {
      const remedy =
        error instanceof PoolerLeakError ? 'set its pool_mode to transaction' : 'start it, or correct DATABASE_URL';
      return [fail(NAME, reasonOf(error), remedy)];
    }
  },
};
