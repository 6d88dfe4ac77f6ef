import { Inject, Injectable } from '@nestjs/common';
import type { DataSource, EntityManager } from 'typeorm';
import { z } from 'zod';
import type { Actor } from '../../catalog/audit/actor.js';
import { CATALOG } from '../../catalog/catalog-data-source.js';
import { ConnectionTargetEntity } from '../../catalog/entities/connection-target.entity.js';
import type { OperationEntity } from '../../catalog/entities/operation.entity.js';
import { COUNT_FORMER_INSTANCES } from '../../catalog/feed/former-instances.js';
import { installIsolationFunctions } from '../../database/isolation/isolation-functions.js';
import { POLICY_VERSION } from '../../database/isolation/tenant-policies.js';
import { countUnsignedSessions } from '../../database/isolation/unsigned-sessions.js';
import type { OperationKind, OperationRun } from '../../operations/operation-kind.js';
import type { OperationRequest } from '../../operations/operation-request.js';
import { Operations } from '../../operations/operations.js';
import { TargetDatabases } from '../targets/target-databases.js';
import { FormerInstancesError, TablesBehindError } from './stamps.errors.js';

const Input = z.object({});
type Run = OperationRun<z.infer<typeof Input>>;

/** Tenants whose tables still have the policy of a former release, or whose database has no key. */
const BEHIND = `
  SELECT t.slug FROM tenants t JOIN connection_targets c ON c.id = t.target_id
  WHERE t.schema_version IS NOT NULL AND (t.policy_version < $1 OR c.stamp_key_sealed IS NULL)
  ORDER BY t.slug`;

/** Makes every database refuse stamps without a proof, as the databases of a new installation do from the start. */
@Injectable()
export class EnforceStampsKind implements OperationKind<z.infer<typeof Input>> {
  readonly name = 'enforce-stamps';
  readonly input = Input;
  readonly steps = [
    { name: 'check', run: (run: Run) => this.check(run) },
    { name: 'enforce', run: (run: Run) => this.enforce(run) },
  ];

  constructor(
    @Inject(CATALOG) private readonly catalog: DataSource,
    private readonly targets: TargetDatabases,
  ) {}

  /** @throws TablesBehindError, FormerInstancesError */
  private async check({ signal }: Run): Promise<void> {
    const behind = await this.catalog.query<{ slug: string }[]>(BEHIND, [POLICY_VERSION]);
    if (behind.length > 0) throw new TablesBehindError(behind.map(({ slug }) => slug));
    const [former] = await this.catalog.query<{ instances: number }[]>(COUNT_FORMER_INSTANCES);
    if (former && former.instances > 0) throw new FormerInstancesError('the catalog', former.instances);
    for (const target of await this.targets.all()) {
      const sessions = await this.targets.use(target, (client) => countUnsignedSessions(client, target.role), {
        signal,
      });
      if (sessions > 0) throw new FormerInstancesError(`database ${target.database}`, sessions);
    }
  }

  /** The catalog first: a database is never stricter than the catalog says, so preparing it again cannot loosen it. */
  private async enforce({ signal, reportProgress, addResult }: Run): Promise<void> {
    const targets = await this.targets.all();
    for (const [index, target] of targets.entries()) {
      await this.catalog.getRepository(ConnectionTargetEntity).update(target.id, { stampsEnforced: true });
      await this.targets.use(target, (client) => installIsolationFunctions(client, 'refused'), { signal });
      reportProgress(index + 1, targets.length);
    }
    await addResult({ databases: targets.length });
  }
}

const enforceRequest = z
  .strictObject({ kind: z.literal('enforce-stamps') })
  .meta({ id: 'EnforceStamps', example: { kind: 'enforce-stamps' } });

@Injectable()
export class EnforceStampsRequest implements OperationRequest<z.infer<typeof enforceRequest>> {
  readonly role = 'admin';
  readonly schema = enforceRequest;

  constructor(
    readonly kind: EnforceStampsKind,
    private readonly operations: Operations,
  ) {}

  create(catalog: EntityManager, _request: unknown, actor: Actor): Promise<OperationEntity> {
    return this.operations.create(catalog, { kind: this.kind, input: {}, tenantId: null, subject: 'fleet' }, actor);
  }
}
