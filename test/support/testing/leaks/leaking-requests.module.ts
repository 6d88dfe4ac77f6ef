import {
  All,
  Body,
  ConflictException,
  Controller,
  Get,
  Headers,
  Inject,
  Injectable,
  Module,
  NotFoundException,
  Param,
  Post,
  Query,
  Redirect,
  Req,
  Res,
} from '@nestjs/common';
import type { DataSource, Repository } from 'typeorm';
import { CATALOG } from '../../../../src/catalog/catalog-data-source.js';
import {
  InjectTenantRepository,
  TenantConnectionService,
  TenantryModule,
  TenantScoped,
} from '../../../../src/index.js';
import { CREATE_MEMOS, Memo } from './leaking-tables.js';

/** What a careless author reads: the memos of all tenants. */
@Injectable()
class AllMemos {
  constructor(
    @InjectTenantRepository(Memo) private readonly memos: Repository<Memo>,
    private readonly connections: TenantConnectionService,
    @Inject(CATALOG) private readonly catalog: DataSource,
  ) {}

  async find(isWanted: (memo: Memo) => boolean = () => true): Promise<Memo[]> {
    const tenants = await this.catalog.query<{ slug: string }[]>("SELECT slug FROM tenants WHERE status = 'active'");
    const found = await Promise.all(tenants.map(({ slug }) => this.of(slug)));
    return found.flat().filter(isWanted);
  }

  of(tenant: string): Promise<Memo[]> {
    return this.connections.run(tenant, async () => (await this.memos.find()).map((memo) => ({ ...memo })));
  }

  change(tenant: string): Promise<unknown> {
    return this.connections.run(tenant, () => this.memos.query("UPDATE memos SET text = text || '!'"));
  }
}

/** Each route leaks by a part of its request or answer that is easily left out of a test. */
@TenantScoped()
@Controller('memos')
class RequestedMemosController {
  constructor(
    @InjectTenantRepository(Memo) private readonly own: Repository<Memo>,
    private readonly all: AllMemos,
  ) {}

  @Get()
  list(): Promise<Memo[]> {
    return this.own.find();
  }

  @All('any')
  async any(@Req() { method }: { method: string }): Promise<Memo[]> {
    return method === 'POST' ? this.all.find() : [];
  }

  @Post('batch')
  batch(@Body() items: { id: string }[]): Promise<Memo[]> {
    return this.all.find(({ id }) => Array.isArray(items) && items.some((item) => item.id === id));
  }

  @Get('by-header')
  byHeader(@Headers('x-tenant') tenant: string): Promise<Memo[]> {
    return this.all.of(tenant);
  }

  @Get('error/:id')
  async error(@Param('id') id: string): Promise<never> {
    const found = await this.all.find((memo) => memo.id === id);
    throw new ConflictException(`taken by ${found.map(({ text }) => text).join()}`);
  }

  @Get('filtered')
  filtered(@Query() query: Record<string, string>): Promise<Memo[]> {
    return this.all.find(({ id }) => id === query['memoId']);
  }

  @Get('header')
  async header(@Res({ passthrough: true }) response: { setHeader(name: string, value: string): void }): Promise<void> {
    response.setHeader('x-last', (await this.all.find()).map(({ text }) => text).join());
  }

  @Get('paged')
  paged(@Query('page') page: string): Promise<Memo[]> {
    return Number(page) >= 2 ? this.all.find() : this.own.find();
  }

  @Get('redirected')
  @Redirect()
  async redirected(): Promise<{ url: string }> {
    return { url: `/memos?text=${(await this.all.find()).map(({ text }) => text).join()}` };
  }

  @Get('touched/:tenant')
  async touched(@Param('tenant') tenant: string): Promise<void> {
    await this.all.change(tenant);
  }

  @Get(':memoId/copies/:copyId')
  async copies(@Param('memoId') memoId: string, @Param('copyId') copyId: string): Promise<Memo[]> {
    if (!(await this.own.existsBy({ id: memoId }))) throw new NotFoundException();
    return this.all.find(({ id }) => id === copyId);
  }

  @Get('uppercase')
  async uppercase(): Promise<string[]> {
    return (await this.all.find()).map(({ text }) => text.toUpperCase());
  }
}

@Module({
  imports: [TenantryModule.forFeature({ entities: [Memo], migrations: [CREATE_MEMOS] })],
  controllers: [RequestedMemosController],
  providers: [AllMemos],
})
export class LeakingRequestsModule {}
