import { Module } from '@nestjs/common';
import { CustomersController } from '../customers/customers.controller.js';
import { CustomersService } from '../customers/customers.service.js';
import { OrdersController } from './orders.controller.js';
import { OrdersService } from './orders.service.js';

/** The sample domain: what a team replaces by its own. */
@Module({
  controllers: [CustomersController, OrdersController],
  providers: [CustomersService, OrdersService],
})
export class OrdersModule {}
