import {
  MessageBody,
  type OnGatewayConnection,
  SubscribeMessage,
  WebSocketGateway,
  WebSocketServer,
  WsException,
} from '@nestjs/websockets';
import type { Server, Socket } from 'socket.io';
import { TenantContext, TenantScoped } from 'tenantry';
import type { Card } from './boards.entities.js';
import { BoardsService } from './boards.service.js';

@TenantScoped()
@WebSocketGateway()
export class BoardsGateway implements OnGatewayConnection {
  @WebSocketServer()
  private readonly server!: Server;

  constructor(
    private readonly service: BoardsService,
    private readonly context: TenantContext,
  ) {}

  /** A room for each tenant: who receives what is sent is the application's own choice. */
  async handleConnection(client: Socket): Promise<void> {
    await client.join(this.room);
  }

  @SubscribeMessage('cards')
  cards(): Promise<Card[]> {
    return this.service.openCards();
  }

  @SubscribeMessage('finish')
  async finish(@MessageBody() id: string): Promise<void> {
    const card = await this.service.finish(id);
    if (!card) throw new WsException('no such card');
    this.server.to(this.room).emit('finished', card);
  }

  private get room(): string {
    return `tenant:${this.context.current().tenant.id}`;
  }
}
