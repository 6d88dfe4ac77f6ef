import { Inject, Injectable } from '@nestjs/common';
import type { DataSource } from 'typeorm';
import { CATALOG } from '../../catalog/catalog-data-source.js';
import type { OperatorKeyRecord } from '../../catalog/model/operator.js';
import { type OperatorSecretRow, toRecord } from './operator-key-lookup.js';

const FIND = `
  SELECT o.id, o.name, o.role, o.tenant_ids AS "tenantIds", o.groups, s.secret_hash AS "secretHash",
         s.ended_at IS NOT NULL OR o.revoked_at IS NOT NULL AS "isRevoked", s.expires_at <= now() AS "isExpired"
  FROM operator_sessions s JOIN operators o ON o.id = s.operator_id WHERE s.id = $1`;

/** Reads operators' sessions at each request, so that one that has ended is refused at once, by every instance. */
@Injectable()
export class OperatorSessionLookup {
  constructor(@Inject(CATALOG) private readonly catalog: DataSource) {}

  /** @returns null when there is no such session */
  async find(sessionId: string): Promise<OperatorKeyRecord | null> {
    const [row] = await this.catalog.query<OperatorSecretRow[]>(FIND, [sessionId]);
    return row ? toRecord(row) : null;
  }
}
