import { NestFactory } from '@nestjs/core';
import { TenantConnectionService } from 'tenantry';
import { DataSource, type EntityTarget } from 'typeorm';
import { AppModule } from './app.module';
import { Project } from './projects/project.entity';
import { Task } from './projects/task.entity';

const CHUNK = 1000;
const SELECTS = new Map<EntityTarget<object>, string>([
  [Project, 'SELECT id, name FROM projects'],
  [Task, `SELECT id, title, done, jsonb_build_object('id', project_id) AS project FROM tasks`],
]);

/** `node dist/copy-rows acme`: copies the rows of the tables without tenants to one tenant. May be repeated. */
async function copyRows(company: string) {
  const app = await NestFactory.createApplicationContext(AppModule, { logger: ['error'] });
  const source = app.get(DataSource);
  const tenants = app.get(TenantConnectionService);
  const copy = () =>
    tenants.transaction(async (manager) => {
      for (const [entity, select] of SELECTS) {
        const rows: object[] = await source.query(select);
        for (let start = 0; start < rows.length; start += CHUNK) {
          const values = rows.slice(start, start + CHUNK);
          await manager.createQueryBuilder().insert().into(entity).values(values).orIgnore().execute();
        }
        console.log(`${select.split(' ').at(-1)}: ${rows.length} rows copied to ${company}`);
      }
    });
  await tenants.run(company, copy).finally(() => app.close());
}
void copyRows(process.argv[2]);
