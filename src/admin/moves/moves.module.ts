import { Module } from '@nestjs/common';
import { OperationKinds } from '../../operations/operation-kinds.js';
import { OperationsModule } from '../../operations/operations.module.js';
import { ArchivesModule } from '../archives/archives.module.js';
import { DeprovisioningModule } from '../deprovisioning/deprovisioning.module.js';
import { PlacementModule } from '../placement/placement.module.js';
import { ProvisioningModule } from '../provisioning/provisioning.module.js';
import { TargetsModule } from '../targets/targets.module.js';
import { TenantHooksModule } from '../tenant-hooks/tenant-hooks.module.js';
import { TenantsModule } from '../tenants/tenants.module.js';
import { FinishMoveKind } from './finish-move.kind.js';
import { MoveBackKind } from './move-back.kind.js';
import { MoveKind } from './move.kind.js';
import { MovePlacesFinder } from './move-places.js';
import { MovePreview } from './preview/move-preview.js';
import { MoveRequests } from './move-requests.js';
import { MoveSteps } from './move-steps.js';
import { Moves } from './moves.js';
import { NewPlace } from './new-place.js';
import { SwitchOver } from './switching/switch-over.js';
import { UndoMoveKind } from './undo-move.kind.js';

@Module({
  imports: [
    ArchivesModule,
    OperationsModule,
    PlacementModule,
    ProvisioningModule,
    DeprovisioningModule,
    TargetsModule,
    TenantHooksModule,
    TenantsModule,
  ],
  providers: [
    ...[MoveKind, MoveBackKind, FinishMoveKind, UndoMoveKind],
    ...[Moves, MovePlacesFinder, MovePreview, MoveRequests, MoveSteps, NewPlace, SwitchOver],
  ],
  exports: [Moves, MovePreview, MoveRequests, NewPlace, UndoMoveKind],
})
export class MovesModule {
  constructor(kinds: OperationKinds, move: MoveKind, back: MoveBackKind, finish: FinishMoveKind, undo: UndoMoveKind) {
    for (const kind of [move, back, finish, undo]) kinds.register(kind);
  }
}
