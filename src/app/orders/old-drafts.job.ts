import { Injectable, Logger } from '@nestjs/common';
import { LessThan, type Repository } from 'typeorm';
import { InjectTenantRepository, TenantCron, type TenantCronRun } from '../../index.js';
import { Order } from './order.entity.js';

const KEPT_DAYS = 90;
const DAY_MS = 86_400_000;

/** Deletes drafts that have not been touched for 90 days. It may run twice for one time: the second run finds none. */
@Injectable()
export class OldDraftsJob {
  private readonly logger = new Logger(OldDraftsJob.name);

  constructor(@InjectTenantRepository(Order) private readonly orders: Repository<Order>) {}

  @TenantCron('0 3 * * *', { name: 'delete-old-drafts', missed: 'once', retryInterrupted: true })
  async deleteOldDrafts({ tenant, scheduledAt }: TenantCronRun): Promise<void> {
    const updatedAt = LessThan(new Date(scheduledAt.getTime() - KEPT_DAYS * DAY_MS));
    const { affected } = await this.orders.delete({ status: 'draft', updatedAt });
    if (affected) this.logger.log(`${tenant.slug}: ${affected} old drafts deleted`);
  }
}
