import { Controller, Get, Inject, Module, Req } from '@nestjs/common';
import type { DataSource, Repository } from 'typeorm';
import { CATALOG } from '../../../../src/catalog/catalog-data-source.js';
import {
  InjectTenantRepository,
  TenantConnectionService,
  TenantryModule,
  TenantScoped,
} from '../../../../src/index.js';
import { migration } from '../../tables/migration-fixture.js';
import { CREATE_DRAFTS, CREATE_MEMOS, Draft, Memo } from './leaking-tables.js';

/** Leaks that neither a schema nor a database of each tenant's own prevents. */
@TenantScoped()
@Controller('memos')
class PlacedMemosController {
  private readonly answers = new Map<string, Memo[]>();

  constructor(
    @InjectTenantRepository(Memo) private readonly memos: Repository<Memo>,
    private readonly connections: TenantConnectionService,
    @Inject(CATALOG) private readonly catalog: DataSource,
  ) {}

  @Get()
  list(): Promise<Memo[]> {
    return this.memos.find();
  }

  /** For operators, as its author thought. */
  @Get('report')
  async report(): Promise<Memo[][]> {
    const tenants = await this.catalog.query<{ slug: string }[]>("SELECT slug FROM tenants WHERE status = 'active'");
    return Promise.all(tenants.map(({ slug }) => this.connections.run(slug, () => this.memos.find())));
  }

  @Get('cached')
  async cached(@Req() { url }: { url: string }): Promise<Memo[]> {
    const answer = this.answers.get(url) ?? (await this.memos.find());
    this.answers.set(url, answer);
    return answer;
  }
}

/** In a database of each tenant's own this lets the login roles of all others in. */
const OPEN_DATABASE = migration('OpenDatabase1764100000014', async (runner) => {
  const [row] = (await runner.query('SELECT quote_ident(current_database()) AS name')) as { name: string }[];
  await runner.query(`GRANT CONNECT ON DATABASE ${row?.name} TO PUBLIC`);
  await runner.query('DO $$ BEGIN EXECUTE format($q$GRANT USAGE ON SCHEMA %I TO PUBLIC$q$, current_schema()); END $$');
});

@Module({
  imports: [
    TenantryModule.forFeature({ entities: [Memo, Draft], migrations: [CREATE_MEMOS, CREATE_DRAFTS, OPEN_DATABASE] }),
  ],
  controllers: [PlacedMemosController],
})
export class LeakingPlacementsModule {}
