import { ReadReplicas } from '../../../src/database/replicas/read-replicas.js';
import { TestApp, type Answer, type TestTenant } from '../test-app.js';
import { privateCatalog } from '../postgres/private-catalog.js';
import { PrivatePostgres, REPLICATED, type Standby } from '../postgres/private-postgres.js';
import { CounterModule } from './counter.module.js';

/** A server with one read replica, and an application that reads from it. */
export class ReplicatedApp {
  private constructor(
    readonly primary: PrivatePostgres,
    readonly replica: Standby,
    readonly app: TestApp,
  ) {}

  /**
   * @param settings of the replica
   * @param isPooled whether the application takes each server for a pooler in front of itself
   */
  static async start(
    settings: Readonly<Record<string, string>> = {},
    env: Readonly<Record<string, string>> = {},
    isPooled = false,
  ): Promise<ReplicatedApp> {
    const primary = await PrivatePostgres.start(REPLICATED);
    const replica = await primary.replica(settings);
    const { host, port } = replica.address;
    const catalog = privateCatalog(primary);
    const pooled = isPooled && { DB_POOLER: 'transaction', DATABASE_DIRECT_URL: catalog.url };
    const replicas = { DATABASE_REPLICAS: `${host}:${port}`, ...pooled, ...env };
    const app = await TestApp.over(catalog, replicas, undefined, CounterModule);
    return new ReplicatedApp(primary, replica, app);
  }

  /** Statements that the replica has answered, and those that went to the primary instead. */
  get counts(): { readonly reads: number; readonly fallbacks: Readonly<Record<string, number>> } {
    const { replicas, fallbacks } = this.app.application.nest.get(ReadReplicas).snapshot();
    return { reads: replicas.reduce((sum, { reads }) => sum + reads, 0), fallbacks };
  }

  set({ apiKey }: TestTenant, id: number, value: number): Promise<Answer> {
    return this.app.call(`/counters/${id}`, { method: 'POST', apiKey, body: { value } });
  }

  get({ apiKey }: TestTenant, id: number, position?: string): Promise<Answer> {
    const headers: Record<string, string> = {};
    if (position !== undefined) headers['x-tenantry-position'] = position;
    return this.app.call(`/counters/${id}`, { apiKey, headers });
  }

  async stop(): Promise<void> {
    await this.app.stop();
    await this.replica.stop();
    await this.primary.stop();
  }
}
