import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { z } from 'zod';
import type { OperationEntity } from '../../catalog/entities/operation.entity.js';
import type { Actor } from '../../catalog/audit/actor.js';
import type { OperationRequest } from '../../operations/operation-request.js';
import { Operations } from '../../operations/operations.js';
import { namesOneDatabase, TargetSubjects, tenantOrServer } from '../tenants/target-subjects.js';
import { RotateKind } from './rotate.kind.js';

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
  readonly schema = rotationRequest;

  constructor(
    readonly kind: RotateKind,
    private readonly operations: Operations,
    private readonly subjects: TargetSubjects,
  ) {}

  async create(catalog: EntityManager, request: RotationRequest, actor: Actor): Promise<OperationEntity> {
    const { targetId, tenantId, subject } = await this.subjects.find(catalog, request);
    return this.operations.create(catalog, { kind: this.kind, input: { targetId }, tenantId, subject }, actor);
  }
}
