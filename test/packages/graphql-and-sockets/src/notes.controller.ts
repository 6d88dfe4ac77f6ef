import { Controller, Get, type MessageEvent, Sse } from '@nestjs/common';
import { MessagePattern, Payload } from '@nestjs/microservices';
import { mergeMap, type Observable, Subject } from 'rxjs';
import {
  CredentialResolver,
  keepTenantContext,
  type MessageResolver,
  Public,
  type ResolvedTenant,
  type TenantMessage,
  TenantScoped,
} from 'tenantry';
import { Injectable } from '@nestjs/common';
import { NotesService } from './notes.service.js';

/** Events of the whole application: whichever tenant's call emits one, all streams receive it. */
export const ticks = new Subject<number>();

@TenantScoped()
@Controller('notes')
export class NotesController {
  constructor(private readonly notes: NotesService) {}

  @Get()
  async list(): Promise<{ tenant: string; notes: string[] }> {
    return { tenant: this.notes.tenant, notes: (await this.notes.list()).map(({ text }) => text) };
  }

  @Sse('events')
  events(): Observable<MessageEvent> {
    return ticks.pipe(
      keepTenantContext(),
      mergeMap(async (tick) => ({ data: { tick, tenant: this.notes.tenant, count: await this.notes.count() } })),
    );
  }

  /** Emits within a tenant's call. */
  @Get('tick')
  tick(): string {
    ticks.next(1);
    return this.notes.tenant;
  }
}

@TenantScoped()
@Controller()
export class NotesMessages {
  constructor(private readonly notes: NotesService) {}

  @MessagePattern('notes.list')
  async list(@Payload() _payload: unknown): Promise<{ tenant: string; notes: string[] }> {
    return { tenant: this.notes.tenant, notes: (await this.notes.list()).map(({ text }) => text) };
  }

  @Public()
  @MessagePattern('ping')
  ping(): string {
    return 'pong';
  }
}

/** The credential travels with the message. */
@Injectable()
export class MessageTenant implements MessageResolver {
  constructor(private readonly credentials: CredentialResolver) {}

  async resolve({ data }: TenantMessage<{ token?: string }>): Promise<ResolvedTenant | undefined> {
    if (data.token === undefined) return undefined;
    return this.credentials.resolve({ headers: { authorization: `Bearer ${data.token}` } });
  }
}
