import { Injectable, NotFoundException } from '@nestjs/common';
import DataLoader from 'dataloader';
import { InjectTenantRepository, tenantScopedLoader } from 'tenantry';
import { In, Repository } from 'typeorm';
import { Board, Card } from './boards.entities.js';

/** One instance serves all tenants: every method works for the tenant of the call that it is part of. */
@Injectable()
export class BoardsService {
  /** The cards of all boards that one operation asks for, in one statement. Each operation has a loader of its own. */
  readonly cardsOfBoards = tenantScopedLoader(() => new DataLoader((ids: readonly string[]) => this.cardsOf(ids)));

  constructor(
    @InjectTenantRepository(Board) private readonly boards: Repository<Board>,
    @InjectTenantRepository(Card) private readonly cards: Repository<Card>,
  ) {}

  list(): Promise<Board[]> {
    return this.boards.find({ order: { name: 'ASC' } });
  }

  add(name: string): Promise<Board> {
    return this.boards.save({ name });
  }

  async addCard(boardName: string, title: string): Promise<Card> {
    const board = await this.boards.findOneBy({ name: boardName });
    if (!board) throw new NotFoundException(`no such board: ${boardName}`);
    return this.cards.save({ boardId: board.id, title, done: false });
  }

  openCards(): Promise<Card[]> {
    return this.cards.find({ where: { done: false }, order: { title: 'ASC' } });
  }

  /** @returns undefined where the tenant has no such card */
  async finish(id: string): Promise<Card | undefined> {
    const card = await this.cards.findOneBy({ id });
    return card ? this.cards.save({ ...card, done: true }) : undefined;
  }

  private async cardsOf(boardIds: readonly string[]): Promise<Card[][]> {
    const cards = await this.cards.find({ where: { boardId: In([...boardIds]) }, order: { title: 'ASC' } });
    return boardIds.map((id) => cards.filter(({ boardId }) => boardId === id));
  }
}
