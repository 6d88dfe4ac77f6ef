import { InjectQueue } from '@nestjs/bullmq';
import { Body, Controller, Get, Post } from '@nestjs/common';
import type { Queue } from 'bullmq';
import { InjectTenantRepository, TenantJobs, TenantScoped } from 'tenantry';
import { TenantQueue } from 'tenantry/bullmq';
import { Repository } from 'typeorm';
import { Order } from './order.entity.js';

@TenantScoped()
@Controller('orders')
export class OrdersController {
  private readonly receipts: TenantQueue<{ orderId: string }>;

  constructor(
    @InjectTenantRepository(Order) private readonly orders: Repository<Order>,
    @InjectQueue('receipts') queue: Queue,
    jobs: TenantJobs,
  ) {
    this.receipts = new TenantQueue(queue, jobs);
  }

  @Get()
  list(): Promise<Order[]> {
    return this.orders.find();
  }

  @Post()
  async create(@Body() { cents }: { cents: number }): Promise<{ id: string }> {
    const { id } = await this.orders.save({ cents });
    await this.receipts.add('write', { orderId: id });
    return { id };
  }
}
