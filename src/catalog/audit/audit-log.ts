import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { AuditEntryEntity, type AuditSubjectKind } from '../entities/audit-entry.entity.js';
import type { Actor } from './actor.js';

/** One change. `before` and `after` hold the changed fields, never a secret. */
export interface AuditEntry {
  readonly actor: Actor;
  readonly action: string;
  readonly subjectKind: AuditSubjectKind;
  readonly subjectId: string;
  readonly subject: string;
  /** For refused attempts instead of a change: how many. */
  readonly refusedAttempts?: number;
  readonly before?: object;
  readonly after?: object;
}

/** Records every change with its actor. */
@Injectable()
export class AuditLog {
  /** Call it in the transaction of the change, so that neither is committed without the other. */
  async record(catalog: EntityManager, { actor, before, after, refusedAttempts, ...entry }: AuditEntry): Promise<void> {
    await catalog.insert(AuditEntryEntity, {
      ...entry,
      actor: actor.name,
      actorId: actor.id ?? null,
      address: actor.address ?? null,
      requestId: actor.requestId ?? null,
      refusedAttempts: refusedAttempts ?? null,
      before: before ?? null,
      after: after ?? null,
    });
  }
}
