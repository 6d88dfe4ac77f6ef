import { Args, Mutation, Parent, Query, ResolveField, Resolver } from '@nestjs/graphql';
import { TenantScoped } from 'tenantry';
import { Board, Card } from './boards.entities.js';
import { BoardsService } from './boards.service.js';

@TenantScoped()
@Resolver(() => Board)
export class BoardsResolver {
  constructor(private readonly service: BoardsService) {}

  @Query(() => [Board])
  boards(): Promise<Board[]> {
    return this.service.list();
  }

  @ResolveField(() => [Card])
  cards(@Parent() board: Board): Promise<Card[]> {
    return this.service.cardsOfBoards().load(board.id);
  }

  @Mutation(() => Board)
  addBoard(@Args('name', { type: () => String }) name: string): Promise<Board> {
    return this.service.add(name);
  }

  @Mutation(() => Card)
  addCard(
    @Args('board', { type: () => String }) board: string,
    @Args('title', { type: () => String }) title: string,
  ): Promise<Card> {
    return this.service.addCard(board, title);
  }
}
