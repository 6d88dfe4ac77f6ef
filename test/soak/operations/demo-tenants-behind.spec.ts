import { expect, it } from '@jest/globals';
import { asSuperuser, createTestDatabase } from '../../support/postgres/postgres.js';
import { dropEverything, TestApp } from '../../support/test-app.js';

it('a start migrates demo tenants whose tables are behind', async () => {
  const database = await createTestDatabase('catalog');
  const env = { ENABLE_DEMO_TENANTS: 'true' };
  const first = await TestApp.over(database, env);
  const [globex] = await database.admin<{ database: string; schema: string; version: string }>(
    `SELECT c.database, t.schema_name AS schema, t.schema_version AS version
     FROM tenants t JOIN connection_targets c ON c.id = t.target_id WHERE t.slug = 'globex'`,
  );
  await first.stop();
  const { database: name, schema, version } = globex as { database: string; schema: string; version: string };
  await asSuperuser(name, `DROP TABLE "${schema}".order_lines, "${schema}".orders`);
  await asSuperuser(name, `DELETE FROM "${schema}".schema_migrations WHERE name = $1`, [version]);
  await database.admin("UPDATE tenants SET schema_version = 'CreateCustomers1764000000000' WHERE slug = 'globex'");

  const second = await TestApp.over(database, env);
  const tenants = second.application.demo?.tenants ?? [];
  const { apiKey } = tenants.find(({ slug }) => slug === 'globex') ?? {};
  expect((await second.call('/api/v1/orders', { apiKey })).status).toBe(200);
  await second.stop();
  await dropEverything(database);
});
