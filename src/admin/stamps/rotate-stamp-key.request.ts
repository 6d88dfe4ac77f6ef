import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { z } from 'zod';
import type { Actor } from '../../catalog/audit/actor.js';
import type { OperationEntity } from '../../catalog/entities/operation.entity.js';
import type { OperationRequest } from '../../operations/operation-request.js';
import { Operations } from '../../operations/operations.js';
import { namesOneDatabase, TargetSubjects, tenantOrServer } from '../tenants/target-subjects.js';
import { RotateStampKeyKind } from './rotate-stamp-key.kind.js';

/** Longer than an instance can work with outdated metadata, and than a session may last. */
const DEFAULT_GRACE_SECONDS = 600;
const MAX_GRACE_SECONDS = 86_400;

const rotationRequest = z
  .strictObject({
    kind: z.literal('rotate-stamp-key'),
    ...tenantOrServer,
    graceSeconds: z
      .int()
      .min(0)
      .max(MAX_GRACE_SECONDS)
      .default(DEFAULT_GRACE_SECONDS)
      .describe('how long the former key stays valid, in seconds'),
  })
  .refine(namesOneDatabase, 'must name either a tenant or a server')
  .meta({ id: 'RotateStampKey', example: { kind: 'rotate-stamp-key', server: 'default' } });
type RotationRequest = z.infer<typeof rotationRequest>;

@Injectable()
export class RotateStampKeyRequest implements OperationRequest<RotationRequest> {
  readonly role = 'admin';
  readonly schema = rotationRequest;

  constructor(
    readonly kind: RotateStampKeyKind,
    private readonly operations: Operations,
    private readonly subjects: TargetSubjects,
  ) {}

  async create(catalog: EntityManager, request: RotationRequest, actor: Actor): Promise<OperationEntity> {
    const { targetId, tenantId, subject } = await this.subjects.find(catalog, request);
    const input = { targetId, graceSeconds: request.graceSeconds };
    return this.operations.create(catalog, { kind: this.kind, input, tenantId, subject }, actor);
  }
}
