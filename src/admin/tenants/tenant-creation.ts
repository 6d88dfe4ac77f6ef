import { randomUUID } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import type { Actor } from '../../catalog/audit/actor.js';
import { AuditLog } from '../../catalog/audit/audit-log.js';
import type { OperationEntity } from '../../catalog/entities/operation.entity.js';
import { TenantEntity } from '../../catalog/entities/tenant.entity.js';
import { TENANT_SCHEMA, type TenantSchema } from '../../database/table-migrations/tenant-schema/tenant-schema.js';
import { orderedNames } from '../../database/table-migrations/versions/migration-names.js';
import { codeVersion } from '../../database/table-migrations/versions/migration-version.js';
import type { OperationKind } from '../../operations/operation-kind.js';
import { Operations } from '../../operations/operations.js';
import { withConstraintErrors } from '../../platform/postgres/constraint-errors.js';
import { ServerSelection } from '../placement/server-selection.js';
import type { ProvisioningInput } from '../provisioning/provisioning-steps.js';
import { TAKEN, TenantDomains } from './tenant-domains.js';
import { TenantRecords } from './tenant-records.js';
import type { NewTenant, TenantView } from './tenant.schemas.js';

export interface CreatedTenant {
  readonly tenant: TenantView;
  readonly operation: OperationEntity;
}

/** How a new tenant is made. */
export interface TenantOrigin<Input extends ProvisioningInput> {
  readonly kind: OperationKind<Input>;
  readonly input: (serverId: string) => Input;
  /** Of the audit entry, which has the options of the tenant and `details`. */
  readonly action: string;
  readonly details?: object;
  /** Settings and feature flags of its own. Default: none. */
  readonly values?: Partial<Pick<TenantEntity, 'settings' | 'features'>>;
  /** What the instance that runs the operation must have itself. Default: nothing. */
  readonly requires?: readonly string[];
  /** Finds a tenant that is there already, and steps that need not run for it. Default: none. */
  readonly claim?: (
    serverId: string,
  ) => Promise<{ readonly id: string; readonly finishedSteps: readonly string[] } | undefined>;
}

/** Creates tenants in the catalog, each with the operation that provisions it. */
@Injectable()
export class TenantCreation {
  constructor(
    @Inject(TENANT_SCHEMA) private readonly schema: TenantSchema,
    private readonly records: TenantRecords,
    private readonly operations: Operations,
    private readonly audit: AuditLog,
    private readonly selection: ServerSelection,
    private readonly domains: TenantDomains,
  ) {}

  /**
   * Creates a tenant, which is not served yet.
   *
   * @throws ValidationFailedError (a domain that no tenant can have), NotFoundError (server, plan), ConflictError (the slug or a
   *   domain is already in use, the server is draining or lacks labels), NoServerWithRoomError, MissingServerRightsError
   */
  async create<Input extends ProvisioningInput>(
    catalog: EntityManager,
    { server: named, placement, domains, groups = [], ...options }: NewTenant,
    { kind, input, action, details, claim, values = {}, requires = [] }: TenantOrigin<Input>,
    actor: Actor,
  ): Promise<CreatedTenant> {
    const { isolation } = options;
    const server = await this.selection.select(catalog, { server: named, labels: placement ?? null, isolation });
    const claimed = await withConstraintErrors(TAKEN, async () => claim?.(server.id));
    const id = claimed?.id ?? (await insert(catalog, options, server.id));
    await this.domains.set(catalog, { id, slug: options.slug }, domains);
    const more: object = {
      ...values,
      ...(groups.length > 0 && { groups }),
      ...(placement && { placementLabels: placement }),
    };
    if (Object.keys(more).length > 0) await catalog.update(TenantEntity, id, more);
    const { migrations } = this.schema; // older code would create outdated tables
    const creation = {
      kind,
      input: input(server.id),
      tenantId: id,
      subject: options.slug,
      requiredCode: codeVersion(migrations),
      requiredMigrations: orderedNames(migrations),
      finishedSteps: claimed?.finishedSteps ?? [],
      requires,
    };
    const operation = await this.operations.create(catalog, creation, actor);
    const tenant = await this.records.read(id, catalog);
    const after = { ...options, server: server.name, ...(placement && { placement }), domains, groups, ...details };
    const subject = { subjectKind: 'tenant', subjectId: id, subject: options.slug } as const;
    await this.audit.record(catalog, { actor, action, ...subject, after });
    return { tenant, operation };
  }
}

async function insert(
  catalog: EntityManager,
  options: Pick<NewTenant, 'slug' | 'isolation' | 'limits' | 'plan'>,
  plannedServerId: string,
): Promise<string> {
  const id = randomUUID();
  const row = { id, ...options, plannedServerId, status: 'provisioning', version: 1 } as const;
  await withConstraintErrors(TAKEN, () => catalog.insert(TenantEntity, row));
  return id;
}
