import { Module } from '@nestjs/common';
import { OperationKinds } from '../../operations/operation-kinds.js';
import { OperationsModule } from '../../operations/operations.module.js';
import { EmptyingModule } from '../emptying/emptying.module.js';
import { PlacementModule } from '../placement/placement.module.js';
import { ProvisioningModule } from '../provisioning/provisioning.module.js';
import { PlannedMoves } from './planned-moves.js';
import { RebalanceKind } from './rebalance.kind.js';
import { RebalanceRequest } from './rebalance.request.js';
import { Rebalancing } from './rebalancing.js';

@Module({
  imports: [EmptyingModule, OperationsModule, PlacementModule, ProvisioningModule],
  providers: [PlannedMoves, RebalanceKind, RebalanceRequest, Rebalancing],
  exports: [Rebalancing],
})
export class RebalancingModule {
  constructor(kinds: OperationKinds, request: RebalanceRequest) {
    kinds.registerRequest(request);
  }
}
