import { Inject, Injectable } from '@nestjs/common';
import type { DataSource, EntityManager } from 'typeorm';
import { CATALOG } from '../../catalog/catalog-data-source.js';
import type { Isolation, Tenant } from '../../catalog/model/tenant.js';
import { CENTRAL } from '../../central/central-data-source.js';
import { CENTRAL_TABLES, type CentralTables } from '../../central/central-tables.js';
import { APP_CONFIG, type AppConfig } from '../../platform/config/app-config.js';
import { createFolder } from '../../platform/data-dir/data-dir.js';
import { TENANT_SCHEMA, type TenantSchema } from '../../database/table-migrations/tenant-schema/tenant-schema.js';
import type { Demo, DemoTenant } from './demo.js';
import { TenantConnectionService } from '../../tenant/context/tenant-connection.service.js';
import { ApiKeys } from '../../admin/api-keys/api-keys.js';
import { TENANTRY_ACTOR } from '../../catalog/audit/actor.js';
import { TenantProvisioner } from '../../admin/tenants/tenant-provisioner.js';
import { readDemoFile, writeDemoFile } from './demo-file.js';

const DEMO_TENANTS: readonly { readonly slug: string; readonly isolation: Isolation }[] = [
  { slug: 'acme', isolation: 'row' },
  { slug: 'umbrella', isolation: 'row' },
  { slug: 'globex', isolation: 'schema' },
  { slug: 'initech', isolation: 'database' },
];

/** Tenants to try out at once: one or two of each isolation, with some rows. */
@Injectable()
export class DemoTenants implements Demo {
  readonly examplePath = '/api/v1/orders?limit=2';

  constructor(
    @Inject(APP_CONFIG) private readonly config: AppConfig,
    @Inject(CATALOG) private readonly catalog: DataSource,
    @Inject(TENANT_SCHEMA) private readonly schema: TenantSchema,
    @Inject(CENTRAL) private readonly central: DataSource | null,
    @Inject(CENTRAL_TABLES) private readonly centralTables: CentralTables | null,
    private readonly provisioner: TenantProvisioner,
    private readonly apiKeys: ApiKeys,
    private readonly connections: TenantConnectionService,
  ) {}

  /** Creates missing demo tenants. API keys of an earlier start stay valid. */
  async ensure(): Promise<readonly DemoTenant[]> {
    const previous = await readDemoFile(this.config.dataDir);
    const tenants: DemoTenant[] = [];
    const provisioned: Tenant[] = [];
    for (const { slug, isolation } of DEMO_TENANTS) {
      const tenant = await this.provisioner.provision({ slug, isolation });
      provisioned.push(tenant);
      const known = previous?.tenants.find((entry) => entry.slug === slug)?.apiKey;
      tenants.push({ slug, isolation, apiKey: await this.usableKey(tenant, known) });
      // A tenant suspended or under maintenance by now was seeded by an earlier start.
      if (tenant.status === 'active') await this.schema.seedDemo?.(await this.connections.dataSource(tenant));
    }
    if (this.central) await this.centralTables?.seedDemo(this.central, provisioned);
    return tenants;
  }

  /** Writes `DATA_DIR/demo.json`. */
  async publish(url: string, tenants: readonly DemoTenant[]): Promise<void> {
    const { dataDir, security } = this.config;
    createFolder(dataDir);
    await writeDemoFile(dataDir, { url, admin: { apiKey: security.adminApiKey }, tenants: [...tenants] });
  }

  private async usableKey(tenant: Tenant, known: string | undefined): Promise<string> {
    if (known !== undefined && (await this.apiKeys.isValid(known, tenant.id))) return known;
    const issue = (catalog: EntityManager) => this.apiKeys.issue(catalog, tenant.id, { name: 'demo' }, TENANTRY_ACTOR);
    return (await this.catalog.transaction(issue)).token;
  }
}
