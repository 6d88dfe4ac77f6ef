import { Inject, Injectable } from '@nestjs/common';
import type { DataSource } from 'typeorm';
import { CATALOG } from '../../catalog/catalog-data-source.js';
import type { OperatorKeyRecord } from '../../catalog/model/operator.js';
import { GuardedLookup } from './guarded-lookup.js';
import { type OperatorSecretRow, recordsOf } from './operator-key-lookup.js';

const FIND = `
  SELECT s.id AS "secretId", o.id, o.name, o.role, o.tenant_ids AS "tenantIds", o.groups, s.secret_hash AS "secretHash",
         s.ended_at IS NOT NULL OR o.revoked_at IS NOT NULL AS "isRevoked", s.expires_at <= now() AS "isExpired"
  FROM operator_sessions s JOIN operators o ON o.id = s.operator_id WHERE s.id = ANY ($1)`;

/** Reads operators' sessions at each request, so that one that has ended is refused at once, by every instance. */
@Injectable()
export class OperatorSessionLookup {
  private readonly sessions = new GuardedLookup(async (sessionIds) =>
    recordsOf(await this.catalog.query<OperatorSecretRow[]>(FIND, [sessionIds])),
  );

  constructor(@Inject(CATALOG) private readonly catalog: Pick<DataSource, 'query'>) {}

  /** @returns null when there is no such session. @throws CatalogBusyError, the query's error */
  find(sessionId: string): Promise<OperatorKeyRecord | null> {
    return this.sessions.find(sessionId);
  }
}
