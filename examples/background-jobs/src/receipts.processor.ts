import { Processor, WorkerHost } from '@nestjs/bullmq';
import type { Job } from 'bullmq';
import { InjectTenantRepository, TenantContext } from 'tenantry';
import { TenantJob } from 'tenantry/bullmq';
import { Repository } from 'typeorm';
import { Order } from './order.entity.js';

@Processor('receipts')
export class ReceiptsProcessor extends WorkerHost {
  constructor(
    @InjectTenantRepository(Order) private readonly orders: Repository<Order>,
    private readonly context: TenantContext,
  ) {
    super();
  }

  @TenantJob({ whenSuspended: 'wait', waitMs: 1_000 })
  async process(job: Job<{ orderId: string }>): Promise<void> {
    const { cents } = await this.orders.findOneByOrFail({ id: job.data.orderId });
    const receipt = `${this.context.current().tenant.slug}: ${(cents / 100).toFixed(2)}`;
    await this.orders.update(job.data.orderId, { receipt });
  }
}
