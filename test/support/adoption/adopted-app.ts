import {
  Body,
  Controller,
  type DynamicModule,
  Get,
  type INestApplication,
  Module,
  Post,
  type Type,
} from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import type { ObjectLiteral, Repository } from 'typeorm';
import { InjectTenantRepository, TenantryModule, TenantScoped } from '../../../src/index.js';
import type { AdoptionRig } from './adoption-rig.js';

/** An application of Tenantry over adopted tables: `GET` and `POST /rows` are those of one entity. */
export class AdoptedApp {
  private constructor(
    readonly nest: INestApplication,
    readonly url: string,
    private readonly rig: AdoptionRig,
  ) {}

  static async start(rig: AdoptionRig, entity: Type<ObjectLiteral>): Promise<AdoptedApp> {
    const root = rootModule(rig, entity);
    const nest = await NestFactory.create<NestFastifyApplication>(root, new FastifyAdapter(), { logger: false });
    await nest.listen(0, '127.0.0.1');
    return new AdoptedApp(nest, (await nest.getUrl()).replace('[::1]', '127.0.0.1'), rig);
  }

  /** A caller with an API key of the tenant. */
  async callerOf(slug: string): Promise<AdoptedCaller> {
    const { stdout } = await this.rig.succeed('keys', 'create', slug, '--name', 'test', '--json');
    const { token } = JSON.parse(stdout) as { token: string };
    return new AdoptedCaller(`${this.url}/rows`, token);
  }

  async stop(): Promise<void> {
    await this.nest.close();
  }
}

class AdoptedCaller {
  constructor(
    private readonly url: string,
    private readonly token: string,
  ) {}

  async rows(): Promise<readonly ObjectLiteral[]> {
    const response = await fetch(this.url, { headers: { authorization: `Bearer ${this.token}` } });
    if (response.status !== 200) throw new Error(`${response.status} ${await response.text()}`);
    return (await response.json()) as ObjectLiteral[];
  }

  /** @returns the status */
  async add(row: object): Promise<number> {
    const headers = { authorization: `Bearer ${this.token}`, 'content-type': 'application/json' };
    return (await fetch(this.url, { method: 'POST', headers, body: JSON.stringify(row) })).status;
  }
}

function rootModule(rig: AdoptionRig, entity: Type<ObjectLiteral>): Type {
  @Controller('rows')
  @TenantScoped()
  class RowsController {
    constructor(@InjectTenantRepository(entity) private readonly rows: Repository<ObjectLiteral>) {}

    @Get()
    list(): Promise<ObjectLiteral[]> {
      return this.rows.find({ take: 10_000 });
    }

    @Post()
    add(@Body() row: object): Promise<ObjectLiteral> {
      return this.rows.save(this.rows.create(row));
    }
  }

  const { entities, migrations } = rig.tenantSchema;
  const imports: DynamicModule[] = [
    TenantryModule.forRoot({ env: { ...rig.env, NODE_ENV: 'test' } }),
    TenantryModule.forFeature({ entities: [...entities], migrations: [...migrations] }),
  ];
  @Module({ imports, controllers: [RowsController] })
  class AdoptedModule {}
  return AdoptedModule;
}
