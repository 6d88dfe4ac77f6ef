import { Module } from '@nestjs/common';
import { TenantryModule } from '../../index.js';
import { CreateOrders1764000001000 } from '../migrations/1764000001000-create-orders.js';
import { OldDraftsJob } from './old-drafts.job.js';
import { orderSettings } from './order-settings.js';
import { Order } from './order.entity.js';
import { OrderLine } from './order-line.entity.js';
import { OrdersReportController } from './orders-report.controller.js';
import { OrdersController } from './orders.controller.js';
import { OrdersService } from './orders.service.js';

@Module({
  imports: [
    TenantryModule.forFeature({
      entities: [Order, OrderLine],
      migrations: [CreateOrders1764000001000],
      constraints: {
        orders_number_key: 'another order has this number',
        orders_customer_id_fkey: { conflict: 'the customer has orders', invalid: 'must be the id of a customer' },
      },
      settings: orderSettings,
      featureFlags: { orderSummary: true },
      seedDemo: async (dataSource) => (await import('./seed-demo.js')).seedDemo(dataSource),
    }),
  ],
  controllers: [OrdersController, OrdersReportController],
  providers: [OrdersService, OldDraftsJob],
})
export class OrdersModule {}
