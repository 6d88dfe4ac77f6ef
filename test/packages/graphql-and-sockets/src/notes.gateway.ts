import { ConnectedSocket, MessageBody, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { TenantScoped } from 'tenantry';
import { NotesService } from './notes.service.js';

interface Answer {
  readonly event: string;
  readonly data: { readonly id: unknown; readonly tenant: string; readonly notes: readonly string[] };
}

@TenantScoped()
@WebSocketGateway({ path: '/socket' })
export class NotesGateway {
  readonly connected: string[] = [];
  readonly disconnected: string[] = [];

  constructor(private readonly notes: NotesService) {}

  handleConnection(): void {
    this.connected.push(this.notes.tenant);
  }

  handleDisconnect(): void {
    this.disconnected.push(this.notes.tenant);
  }

  @SubscribeMessage('list')
  async list(@MessageBody() id: unknown, @ConnectedSocket() _client: unknown): Promise<Answer> {
    const notes = await this.notes.list();
    return { event: 'listed', data: { id, tenant: this.notes.tenant, notes: notes.map(({ text }) => text) } };
  }

  @SubscribeMessage('add')
  async add(@MessageBody() { id, text }: { id: unknown; text: string }): Promise<Answer> {
    const note = await this.notes.add(text);
    return { event: 'added', data: { id, tenant: this.notes.tenant, notes: [note.text] } };
  }
}
