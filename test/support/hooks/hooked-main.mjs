// `dist/main.js` of a team that has added a hook: it writes a customer for each attempt, and then waits while the file in HOOK_GATE exists.
import 'reflect-metadata';
import { existsSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { OrdersModule } from '../../../dist/app/orders/orders.module.js';
import { onTenant, TenantConnectionService } from '../../../dist/index.js';

class FirstCustomer {
  constructor(connections) {
    this.connections = connections;
  }

  async provisioned(tenant, { attempt, signal }) {
    await this.connections.transaction((manager) =>
      manager.query('INSERT INTO customers (name, email) VALUES ($1, $2)', [
        `attempt ${attempt}`,
        `attempt-${attempt}@${tenant.slug}.example`,
      ]),
    );
    while (existsSync(process.env.HOOK_GATE)) await delay(10, undefined, { signal });
  }
}

Reflect.defineMetadata('design:paramtypes', [TenantConnectionService], FirstCustomer);
onTenant({ required: true })(FirstCustomer);
Reflect.getMetadata('providers', OrdersModule).push(FirstCustomer);

await import('../../../dist/main.js');
