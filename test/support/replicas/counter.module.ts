import { Body, Controller, Get, Injectable, Module, Param, Post } from '@nestjs/common';
import { Column, Entity, PrimaryColumn, type Repository } from 'typeorm';
import {
  createTenantTable,
  InjectTenantRepository,
  ReadFromReplica,
  TenantConnectionService,
  TenantryModule,
} from '../../../src/index.js';
import { migration } from '../tables/migration-fixture.js';

@Entity('counters')
export class Counter {
  @PrimaryColumn('int')
  id: number;

  @Column('int')
  value: number;
}

const COUNTERS = migration('Counters1764000000001', (runner) =>
  createTenantTable(runner, 'counters', { columns: { id: 'int NOT NULL', value: 'int NOT NULL' } }),
);

const SET =
  'INSERT INTO counters (id, value) VALUES ($1, $2) ON CONFLICT (tenant_id, id) DO UPDATE SET value = excluded.value';

/** Counters of the current tenant, written on the primary and read from a replica. */
@Injectable()
export class Counters {
  constructor(
    @InjectTenantRepository(Counter) readonly repository: Repository<Counter>,
    readonly connections: TenantConnectionService,
  ) {}

  async set(id: number, value: number): Promise<void> {
    await this.repository.query(SET, [id, value]);
  }

  async get(id: number): Promise<number | undefined> {
    return (await this.repository.findOneBy({ id }))?.value;
  }
}

@Controller('counters')
class CountersController {
  constructor(private readonly counters: Counters) {}

  @Post(':id')
  async set(@Param('id') id: string, @Body() { value }: { value: number }): Promise<void> {
    await this.counters.set(Number(id), value);
  }

  /** Holds its table for a while. */
  @Get('slowly/counted')
  @ReadFromReplica()
  async count(): Promise<{ value: number }> {
    const [found] = await this.counters.repository.query<{ value: number }[]>(
      'SELECT count(*)::int AS value FROM counters, pg_sleep(0.3)',
    );
    return { value: found!.value };
  }

  @Get(':id')
  @ReadFromReplica()
  async get(@Param('id') id: string): Promise<{ value: number | null }> {
    return { value: (await this.counters.get(Number(id))) ?? null };
  }

  /** Writes, and reads what it has written from a replica. */
  @Post(':id/again')
  async setAndGet(@Param('id') id: string, @Body() { value }: { value: number }): Promise<{ value: number | null }> {
    await this.counters.connections.transaction((manager) => manager.query(SET, [Number(id), value]));
    const read = await this.counters.connections.replica(() => this.counters.get(Number(id)));
    return { value: read ?? null };
  }

  @Get(':id/increment')
  @ReadFromReplica()
  async increment(@Param('id') id: string): Promise<void> {
    await this.counters.repository.increment({ id: Number(id) }, 'value', 1);
  }
}

/** An application whose only table is read from replicas. */
@Module({
  imports: [
    TenantryModule.forRoot({ guard: 'global', controlPlane: true, health: true, metrics: true }),
    TenantryModule.forFeature({ entities: [Counter], migrations: [COUNTERS] }),
  ],
  providers: [Counters],
  controllers: [CountersController],
})
export class CounterModule {}
