import { randomUUID } from 'node:crypto';
import { afterEach, describe, expect, it } from '@jest/globals';
import { Injectable, type OnApplicationShutdown, type OnModuleDestroy } from '@nestjs/common';
import { TenantConnectionService } from '../../../src/index.js';
import { Follower } from '../../support/admin/admin-client.js';
import { ADAPTERS, HostApplication } from '../../support/host/host-application.js';
import { soon } from '../../support/load/soon.js';
import { asSuperuser } from '../../support/postgres/postgres.js';

let app: HostApplication;
const ended: string[] = [];

/** Work of the application's own that needs its tenants until the end. */
@Injectable()
class LastWork implements OnModuleDestroy, OnApplicationShutdown {
  constructor(private readonly tenants: TenantConnectionService) {}

  onModuleDestroy(): Promise<void> {
    return this.work('onModuleDestroy');
  }

  onApplicationShutdown(): Promise<void> {
    return this.work('onApplicationShutdown');
  }

  private async work(hook: string): Promise<void> {
    await this.tenants.run('acme', () => this.tenants.transaction((manager) => manager.query('SELECT id FROM notes')));
    ended.push(hook);
  }
}

afterEach(() => app.dispose());

describe.each(ADAPTERS)('the shutdown of an application on %s', (adapter) => {
  it('ends followers, serves its own hooks until the end, and leaves no connection open', async () => {
    ended.length = 0;
    app = await HostApplication.start({ adapter, providers: [LastWork] });
    await app.provision('acme', 'schema');
    const id = randomUUID();
    await app.database.admin(
      `INSERT INTO operations (id, kind, subject, steps, created_by) VALUES ($1, 'foreign', 'x', '{one}', 'test')`,
      [id],
    );
    const follower = await Follower.of(`${app.url}/admin/v1/operations/${id}/events`);
    await soon(async () => expect(follower.events).toHaveLength(1));
    const left = follower.ended().then(() => ended.push('follower'));
    await app.nest.close();
    await left;
    expect(ended).toEqual(['onModuleDestroy', 'follower', 'onApplicationShutdown']);
    const connections = await asSuperuser(
      'postgres',
      "SELECT FROM pg_stat_activity WHERE starts_with(datname, $1) AND application_name LIKE 'tenantry%'",
      [app.database.name],
    );
    expect(connections).toEqual([]);
  });
});
