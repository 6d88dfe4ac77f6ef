import { setTimeout as delay } from 'node:timers/promises';
import { Body, Controller, Get, type MessageEvent, Module, Param, Post, Req, Sse } from '@nestjs/common';
import { from, type Observable, ReplaySubject, switchMap, take } from 'rxjs';
import type { Repository } from 'typeorm';
import {
  InjectTenantRepository,
  TenantConnectionService,
  TenantContext,
  TenantryModule,
  TenantScoped,
} from '../../../../src/index.js';
import { asSuperuser } from '../../postgres/postgres.js';
import { CREATE_MEMOS, CREATE_UNPROTECTED, Memo } from './leaking-tables.js';

/** Each route leaks in a way of its own, but the first one. */
@TenantScoped()
@Controller('memos')
class MemosController {
  private static current: Memo[] = [];
  private readonly answers = new Map<string, Memo[]>();
  private readonly feed = new ReplaySubject<MessageEvent>(4);

  constructor(
    @InjectTenantRepository(Memo) private readonly memos: Repository<Memo>,
    private readonly context: TenantContext,
  ) {}

  @Get()
  list(): Promise<Memo[]> {
    return this.memos.find();
  }

  @Get('superuser')
  async superuser(): Promise<unknown> {
    const { schema } = this.context.current().tenant;
    const { database } = this.context.current().dataSource.options as { database?: string };
    const [row] = (await this.memos.query('SELECT current_database() AS name')) as { name: string }[];
    return asSuperuser(database ?? row?.name ?? '', `SELECT text FROM "${schema}".memos`);
  }

  @Get('cached')
  async cached(@Req() { url }: { url: string }): Promise<Memo[]> {
    const answer = this.answers.get(url) ?? (await this.memos.find());
    this.answers.set(url, answer);
    return answer;
  }

  @Get('static')
  async static(): Promise<Memo[]> {
    MemosController.current = await this.memos.find();
    await delay(10);
    return MemosController.current;
  }

  @Get('labelled')
  labelled(): Promise<unknown> {
    return this.memos.query('SELECT m.text, l.label FROM memos m JOIN labels l ON l.memo_id = m.id');
  }

  @Sse('feed')
  events(): Observable<MessageEvent> {
    return from(this.memos.find()).pipe(
      switchMap((found) => {
        for (const { text } of found) this.feed.next({ data: text });
        return this.feed;
      }),
      take(4),
    );
  }

  @Post('preferences')
  async upsert(@Body() { id, text }: { id: string; text: string }): Promise<void> {
    await this.memos.query(
      'INSERT INTO preferences (id, text) VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET text = EXCLUDED.text',
      [id, text],
    );
  }
}

@Controller('companies')
class UnguardedController {
  constructor(
    @InjectTenantRepository(Memo) private readonly memos: Repository<Memo>,
    private readonly connections: TenantConnectionService,
  ) {}

  @Get(':tenant/memos')
  list(@Param('tenant') tenant: string): Promise<Memo[]> {
    return this.connections.run(tenant, () => this.memos.find());
  }
}

@Module({
  imports: [TenantryModule.forFeature({ entities: [Memo], migrations: [CREATE_MEMOS, CREATE_UNPROTECTED] })],
  controllers: [MemosController, UnguardedController],
})
export class LeakingRoutesModule {}
