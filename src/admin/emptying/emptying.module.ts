import { Module } from '@nestjs/common';
import { OperationKinds } from '../../operations/operation-kinds.js';
import { OperationsModule } from '../../operations/operations.module.js';
import { MovesModule } from '../moves/moves.module.js';
import { PlacementModule } from '../placement/placement.module.js';
import { TenantsModule } from '../tenants/tenants.module.js';
import { DepartureRounds } from './departure-rounds.js';
import { Departures } from './departures.js';
import { EmptyServerKind } from './empty-server.kind.js';
import { EmptyServerRequest } from './empty-server.request.js';

@Module({
  imports: [MovesModule, OperationsModule, PlacementModule, TenantsModule],
  providers: [DepartureRounds, Departures, EmptyServerKind, EmptyServerRequest],
  exports: [DepartureRounds, Departures],
})
export class EmptyingModule {
  constructor(kinds: OperationKinds, request: EmptyServerRequest) {
    kinds.registerRequest(request);
  }
}
