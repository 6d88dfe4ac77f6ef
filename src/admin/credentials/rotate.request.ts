import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { z } from 'zod';
import type { OperationEntity } from '../../catalog/entities/operation.entity.js';
import type { Actor } from '../../catalog/audit/actor.js';
import type { OperationRequest } from '../../operations/operation-request.js';
import { ConflictError } from '../../platform/errors/request.errors.js';
import { Operations } from '../../operations/operations.js';
import { namesOneDatabase, TargetSubjects, tenantOrServer } from '../tenants/target-subjects.js';
import { RotateKind } from './rotate.kind.js';

const PROVIDED =
  'the login role was made by an operator: change its password in PostgreSQL and in TENANT_DATABASE_URL, and restart';

const rotationRequest = z
  .strictObject({
    kind: z.literal('rotate-credentials'),
    ...tenantOrServer,
  })
  .refine(namesOneDatabase, 'must name either a tenant or a server')
  .meta({ id: 'RotateCredentials', example: { kind: 'rotate-credentials', tenant: 'initech' } });
type RotationRequest = z.infer<typeof rotationRequest>;

@Injectable()
export class RotateRequest implements OperationRequest<RotationRequest> {
  readonly role = 'admin';
  readonly schema = rotationRequest;

  constructor(
    readonly kind: RotateKind,
    private readonly operations: Operations,
    private readonly subjects: TargetSubjects,
  ) {}

  /** @throws NotFoundError, ConflictError (also for a login role that Tenantry has not made) */
  async create(catalog: EntityManager, request: RotationRequest, actor: Actor): Promise<OperationEntity> {
    const { targetId, tenantId, subject, provided } = await this.subjects.find(catalog, request);
    if (provided) throw new ConflictError(PROVIDED);
    return this.operations.create(catalog, { kind: this.kind, input: { targetId }, tenantId, subject }, actor);
  }
}
