import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Controller, Get, Injectable, Module } from '@nestjs/common';
import { Column, Entity, PrimaryColumn, type Repository } from 'typeorm';
import {
  createTenantTable,
  type HttpRequest,
  InjectTenantRepository,
  type ResolvedTenant,
  TenantryModule,
  type TenantResolver,
  TenantScoped,
} from '../../../src/index.js';
import { checkTenantIsolation } from '../../../src/testing.js';
import { HostApplication } from '../../support/host/host-application.js';
import { migration } from '../../support/tables/migration-fixture.js';

@Entity('invoices')
class Invoice {
  @PrimaryColumn('text', { name: 'invoice_number' }) number: string;
  @Column('text') note: string;
}

/** Two columns that must fit each other, which no generator knows. */
const CREATE_INVOICES = migration('CreateInvoices1764100000020', (runner) =>
  createTenantTable(runner, 'invoices', {
    columns: { invoice_number: 'text NOT NULL', note: 'text NOT NULL' },
    primaryKey: ['invoice_number'],
    checks: { fits: `note LIKE invoice_number || '%'` },
  }),
);

@TenantScoped()
@Controller('invoices')
class InvoicesController {
  constructor(@InjectTenantRepository(Invoice) private readonly invoices: Repository<Invoice>) {}

  @Get()
  list(): Promise<Invoice[]> {
    return this.invoices.find();
  }
}

@Module({
  imports: [TenantryModule.forFeature({ entities: [Invoice], migrations: [CREATE_INVOICES] })],
  controllers: [InvoicesController],
})
class InvoicesModule {}

/** Believes what a header says. */
@Injectable()
class HeaderResolver implements TenantResolver {
  resolve(request: HttpRequest): ResolvedTenant | undefined {
    const tenant = request.headers['x-company'];
    return typeof tenant === 'string' ? { tenant } : undefined;
  }
}

describe('checkTenantIsolation of an application with a resolver and without control plane', () => {
  let host: HostApplication;
  const classify = { routes: { 'GET /own': 'public' } } as const;
  const rows = {
    Invoice: ({ index, canary }: { index: 0 | 1; canary: string }) => {
      const number = index === 0 ? 'first' : canary;
      return { number, note: `${number} ${canary}` };
    },
  };
  const headers = ({ slug }: { slug: string }): Record<string, string> => ({ 'x-company': slug });

  beforeAll(async () => {
    host = await HostApplication.start({
      adapter: 'fastify',
      tenantry: { resolver: HeaderResolver, controlPlane: false },
      imports: [InvoicesModule as never],
    });
  });

  afterAll(async () => host.dispose());

  it('names the table whose rows it cannot make, and asks for the headers of a caller', async () => {
    const findings = await checkTenantIsolation(host.nest, { classify });
    expect(findings.map(({ code, where }) => `${where} ${code}`)).toEqual([
      'table invoices ROWS_NEEDED',
      'routes CALLER_NEEDED',
    ]);
  });

  it('uses the rows and headers that it is given', async () => {
    await expect(checkTenantIsolation(host.nest, { classify, rows, headers })).resolves.toEqual([]);
  });

  it('says so when no route of a tenant lets the caller in', async () => {
    const findings = await checkTenantIsolation(host.nest, { classify, rows, headers: () => ({}) });
    expect(findings.map(({ code }) => code)).toEqual(['ROUTES_NOT_REACHED']);
  });
});
