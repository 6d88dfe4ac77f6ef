import { BullModule } from '@nestjs/bullmq';
import { Module } from '@nestjs/common';
import { TenantryModule } from 'tenantry';
import { CreateOrders1764100000000 } from './create-orders.js';
import { Order } from './order.entity.js';
import { OrdersController } from './orders.controller.js';
import { ReceiptsProcessor } from './receipts.processor.js';

@Module({
  imports: [
    TenantryModule.forRoot({}),
    TenantryModule.forFeature({ entities: [Order], migrations: [CreateOrders1764100000000] }),
    BullModule.forRootAsync({
      useFactory: () => ({
        connection: { host: process.env['REDIS_HOST'] ?? '127.0.0.1', port: Number(process.env['REDIS_PORT'] ?? 6379) },
      }),
    }),
    BullModule.registerQueue({ name: 'receipts' }),
  ],
  controllers: [OrdersController],
  providers: [ReceiptsProcessor],
})
export class AppModule {}
