import { Inject, Injectable } from '@nestjs/common';
import type { DataSource } from 'typeorm';
import { CATALOG } from '../../catalog/catalog-data-source.js';
import { SILENT_SECONDS } from '../../catalog/instances/connection-shares.js';
import type { InstanceView } from './instances.schemas.js';

interface InstanceRow extends Omit<InstanceView, 'startedAt' | 'seenAt'> {
  readonly startedAt: Date;
  readonly seenAt: Date;
}

const LIST = `
  SELECT i.id, i.name, i.pid, i.worker, i.started_at AS "startedAt", i.heartbeat_at AS "seenAt",
    i.heartbeat_at < clock_timestamp() - interval '${SILENT_SECONDS} seconds' AS "isSilent",
    coalesce(jsonb_agg(jsonb_build_object('server', s.name, 'lent', c.share, 'needed', c.need, 'open', c.open, 'waiting', c.waiting)
      ORDER BY s.name) FILTER (WHERE s.id IS NOT NULL), '[]') AS servers
  FROM instances i
  LEFT JOIN connection_shares c ON c.instance_id = i.id
  LEFT JOIN servers s ON s.id = c.server_id
  GROUP BY i.id
  ORDER BY i.name, i.started_at, i.id`;

/** The running processes, commands included, and what each of them is lent of the servers' connections. */
@Injectable()
export class InstanceList {
  constructor(@Inject(CATALOG) private readonly catalog: DataSource) {}

  /** Ordered by name. One that has ended without saying so is listed until its connections are gone. */
  async list(): Promise<readonly InstanceView[]> {
    const rows = await this.catalog.query<InstanceRow[]>(LIST);
    return rows.map(({ startedAt, seenAt, ...row }) => ({
      ...row,
      startedAt: startedAt.toISOString(),
      seenAt: seenAt.toISOString(),
    }));
  }
}
