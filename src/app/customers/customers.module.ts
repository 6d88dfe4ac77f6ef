import { Module } from '@nestjs/common';
import { TenantryModule } from '../../index.js';
import { CountriesModule } from '../countries/countries.module.js';
import { CreateCustomers1764000000000 } from '../migrations/1764000000000-create-customers.js';
import { CUSTOMER_MASKS } from './customer-masks.js';
import { Customer } from './customer.entity.js';
import { CustomersController } from './customers.controller.js';
import { CustomersService } from './customers.service.js';

@Module({
  imports: [
    CountriesModule,
    TenantryModule.forFeature({
      entities: [Customer],
      migrations: [CreateCustomers1764000000000],
      constraints: { customers_email_key: 'another customer has this email' },
      masks: CUSTOMER_MASKS,
    }),
  ],
  controllers: [CustomersController],
  providers: [CustomersService],
})
export class CustomersModule {}
