import { Module } from '@nestjs/common';
import { GraphQLModule } from '@nestjs/graphql';
import { MercuriusDriver, type MercuriusDriverConfig } from '@nestjs/mercurius';
import { TenantryModule } from 'tenantry';
import { Board, Card } from './boards.entities.js';
import { BoardsGateway } from './boards.gateway.js';
import { BoardsResolver } from './boards.resolver.js';
import { BoardsService } from './boards.service.js';
import { CreateBoards1764100000000 } from './create-boards.js';

@Module({
  imports: [
    TenantryModule.forRoot({}),
    TenantryModule.forFeature({ entities: [Board, Card], migrations: [CreateBoards1764100000000] }),
    GraphQLModule.forRoot<MercuriusDriverConfig>({ driver: MercuriusDriver, autoSchemaFile: true }),
  ],
  providers: [BoardsService, BoardsResolver, BoardsGateway],
})
export class AppModule {}
