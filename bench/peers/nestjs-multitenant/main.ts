// nestjs-multitenant 2.1.1 as its README sets it up: a schema per tenant, repositories injected per request. The tenant
// is identified by the same API key as with the others, through the package's hook for that (`customResolver`). Not
// configurable: a query on its table of tenants for each request, and pools of 10 connections.
//
// Its Map of data sources keeps nothing: the request-scoped `TenantContextService` is injected into
// `TenantConnectionService`, which makes the latter, and its Map, request-scoped, too. So each request creates a data
// source that is never closed; after some hundred requests the server is out of connections. To get a result at all, it
// is closed here after the request.
import 'reflect-metadata';
import { Body, Controller, Get, Module, NotFoundException, Param, type PipeTransform } from '@nestjs/common';
import { BadRequestException, Post, Query } from '@nestjs/common';
import { ConfigModule } from '@nestjs/config';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { EntityRegistry, InjectTenantDataSource, MultiTenantModule } from 'nestjs-multitenant';
import type { DataSource } from 'typeorm';
import type { z } from 'zod';
import { ApiKeys } from '../shop/api-keys.js';
import { Customer, Order, OrderLine } from '../shop/entities.js';
import { createOrder, listOrders, readOrder } from '../shop/queries.js';
import * as schemas from '../shop/schemas.js';

/** Above this number the package closes data sources, including those in use. */
const MOST_TENANTS = 10_000;

const keys = new ApiKeys(process.env['API_KEYS_FILE']!);
const url = new URL(process.env['DATABASE_URL']!);

EntityRegistry.getInstance().registerEntities({ Customer, Order, OrderLine });

/** NestJS 11 has no `@Body({ schema })`. */
class Checked implements PipeTransform {
  constructor(private readonly schema: z.ZodType) {}

  transform(value: unknown): unknown {
    const parsed = this.schema.safeParse(value);
    if (!parsed.success) throw new BadRequestException();
    return parsed.data;
  }
}

@Controller('api/v1/orders')
class OrdersController {
  constructor(@InjectTenantDataSource() private readonly source: DataSource) {}

  @Get()
  async list(@Query(new Checked(schemas.pageQuery)) query: schemas.PageQuery): Promise<schemas.Page> {
    return schemas.toPage(await this.use((source) => listOrders(source, query)), query);
  }

  @Get(':id')
  async read(@Param('id') id: string): Promise<schemas.OrderView> {
    if (!schemas.isId(id)) throw new NotFoundException();
    const order = await this.use((source) => readOrder(source, id));
    if (!order) throw new NotFoundException();
    return schemas.toOrderView(order);
  }

  @Post()
  async create(@Body(new Checked(schemas.newOrder)) values: schemas.NewOrder): Promise<schemas.OrderView> {
    return schemas.toOrderView(await this.use((source) => createOrder(source, values)));
  }

  private async use<Result>(work: (source: DataSource) => Promise<Result>): Promise<Result> {
    try {
      return await work(this.source);
    } finally {
      await this.source.destroy();
    }
  }
}

@Module({
  imports: [
    ConfigModule.forRoot({ isGlobal: true, ignoreEnvFile: true }),
    MultiTenantModule.forRoot({
      platform: 'fastify',
      enableAdminModule: false,
      validationStrategy: 'local',
      database: {
        type: 'postgres',
        host: url.hostname,
        port: Number(url.port),
        username: url.username,
        password: decodeURIComponent(url.password),
        database: url.pathname.slice(1),
        synchronize: false,
      },
      tenantResolution: {
        strategy: 'custom',
        customResolver: (request: { headers: { authorization?: string } }) =>
          keys.holderOf(request.headers.authorization)?.schema,
      },
      schemaNamingStrategy: (tenantId: string) => tenantId,
      connectionPool: { maxConnections: MOST_TENANTS, enableCleanup: false },
    } as unknown as Parameters<typeof MultiTenantModule.forRoot>[0]),
  ],
  controllers: [OrdersController],
})
class PeerModule {}

const app = await NestFactory.create<NestFastifyApplication>(PeerModule, new FastifyAdapter(), {
  logger: ['warn', 'error'],
});
await app.listen({ host: '127.0.0.1', port: Number(process.env['PORT']) });
process.once('SIGTERM', () => process.exit(0));
