import { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import {
  Body,
  type CallHandler,
  Controller,
  type ExecutionContext,
  Get,
  Injectable,
  type MessageEvent,
  Module,
  type NestInterceptor,
  Param,
  type PipeTransform,
  Post,
  Sse,
  StreamableFile,
  UseInterceptors,
} from '@nestjs/common';
import { concatMap, defer, finalize, interval, map, type Observable, take } from 'rxjs';
import { Column, Entity, PrimaryGeneratedColumn, type Repository } from 'typeorm';
import {
  createTenantTable,
  InjectTenantRepository,
  NoTenantContextError,
  TenantContext,
  TenantryModule,
  TenantScoped,
} from '../../../src/index.js';
import { migration } from '../tables/migration-fixture.js';

@Entity('notes')
export class Note {
  @PrimaryGeneratedColumn('uuid') id: string;
  @Column('text') text: string;
}

const CREATE_NOTES = migration('CreateNotes1764100000000', (runner) =>
  createTenantTable(runner, 'notes', {
    columns: { id: 'uuid NOT NULL DEFAULT gen_random_uuid()', text: 'text NOT NULL' },
  }),
);

/** Which tenant's context each part of a request ran in; undefined: none. */
@Injectable()
export class Places {
  readonly seen: [place: string, slug: string | undefined][] = [];

  constructor(private readonly context: TenantContext) {}

  note(place: string): void {
    this.seen.push([place, this.slug()]);
  }

  /** What has been noted since the last call. */
  take(): Record<string, string | undefined> {
    return Object.fromEntries(this.seen.splice(0));
  }

  private slug(): string | undefined {
    try {
      return this.context.current().tenant.slug;
    } catch (error) {
      if (error instanceof NoTenantContextError) return undefined;
      throw error;
    }
  }
}

@Injectable()
class ControllerInterceptor implements NestInterceptor {
  constructor(private readonly places: Places) {}

  intercept(_context: ExecutionContext, next: CallHandler): Observable<unknown> {
    this.places.note('interceptor');
    return next.handle().pipe(finalize(() => this.places.note('interceptor, afterwards')));
  }
}

@Injectable()
class NotingPipe implements PipeTransform {
  constructor(private readonly places: Places) {}

  transform(value: unknown): unknown {
    this.places.note('pipe');
    return value;
  }
}

@TenantScoped()
@UseInterceptors(ControllerInterceptor)
@Controller('notes')
class NotesController {
  constructor(
    @InjectTenantRepository(Note) private readonly notes: Repository<Note>,
    private readonly context: TenantContext,
    private readonly places: Places,
  ) {}

  @Get()
  async list(): Promise<string[]> {
    return (await this.notes.find({ order: { text: 'ASC' } })).map(({ text }) => text);
  }

  @Post()
  async create(@Body(NotingPipe) { text }: { text: string }): Promise<{ id: string }> {
    this.places.note('handler');
    const { id } = await this.notes.save({ text });
    this.places.note('handler, after a statement');
    return { id };
  }

  @Get('who')
  who(): unknown {
    const { tenant, principal } = this.context.current();
    return { slug: tenant.slug, principal };
  }

  /** Reads rows long after the handler has returned. */
  @Get('stream')
  stream(): StreamableFile {
    const read = async function* (this: NotesController): AsyncGenerator<string> {
      for (let part = 0; part < 3; part += 1) {
        await delay(5);
        this.places.note(`stream ${part}`);
        yield `${(await this.notes.find()).map(({ text }) => text).join(',')}\n`;
      }
    };
    return new StreamableFile(Readable.from(read.call(this)));
  }

  @Sse('events')
  events(): Observable<MessageEvent> {
    return interval(5).pipe(
      take(3),
      concatMap(() => defer(() => this.notes.find())),
      map((found) => ({ data: found.map(({ text }) => text).join(',') })),
    );
  }

  @Get('failing')
  async failing(): Promise<never> {
    await this.notes.count();
    throw new Error('broken');
  }

  /** Goes on when the client has gone. */
  @Get('slow/:ms')
  async slow(@Param('ms') ms: string): Promise<string[]> {
    await delay(Number(ms));
    const found = await this.notes.find();
    this.places.note('slow');
    return found.map(({ text }) => text);
  }
}

/** Routes of the application that are no tenant's. */
@Controller('own')
class OwnController {
  constructor(private readonly places: Places) {}

  @Get()
  plain(): string {
    this.places.note('own');
    return 'plain';
  }

  @TenantScoped()
  @Get('scoped')
  scoped(): string {
    this.places.note('scoped');
    return 'scoped';
  }
}

/** A domain of a host application: the tenants' notes. */
@Module({
  imports: [TenantryModule.forFeature({ entities: [Note], migrations: [CREATE_NOTES] })],
  controllers: [NotesController, OwnController],
  providers: [Places],
  exports: [Places],
})
export class NotesModule {}
