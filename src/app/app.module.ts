import { Module } from '@nestjs/common';
import { TenantryModule } from '../index.js';
import { AccountsModule } from './accounts/accounts.module.js';
import { SessionResolver } from './accounts/session.resolver.js';
import { CountriesModule } from './countries/countries.module.js';
import { CustomersModule } from './customers/customers.module.js';
import { OrdersModule } from './orders/orders.module.js';
import { ProfileModule } from './profile/profile.module.js';

/** Root module of the sample application. */
@Module({
  imports: [
    TenantryModule.forRoot({
      guard: 'global',
      resolver: SessionResolver,
      imports: [AccountsModule],
      controlPlane: true,
      health: true,
      metrics: true,
    }),
    AccountsModule,
    CountriesModule,
    CustomersModule,
    OrdersModule,
    ProfileModule,
  ],
})
export class AppModule {}
