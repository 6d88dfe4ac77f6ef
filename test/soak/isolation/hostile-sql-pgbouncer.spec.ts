import { afterAll, beforeAll, describe } from '@jest/globals';
import { hostileSqlSuite } from '../../support/isolation/hostile-suite.js';
import { PgBouncer } from '../../support/postgres/pgbouncer.js';

describe('behind PgBouncer in transaction mode', () => {
  let pooler: PgBouncer;

  beforeAll(async () => {
    pooler = await PgBouncer.start({ poolSize: 1 });
  });

  afterAll(() => pooler.stop());

  hostileSqlSuite({ through: (target) => pooler.through(target), isPooled: true });
});
