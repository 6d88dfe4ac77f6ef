import { Module } from '@nestjs/common';
import { OperationKinds } from '../../operations/operation-kinds.js';
import { OperationsModule } from '../../operations/operations.module.js';
import { ReferenceRowsModule } from '../reference-rows/reference-rows.module.js';
import { TargetsModule } from '../targets/targets.module.js';
import { PublishReferenceDataKind } from './publish-reference-data.kind.js';
import { ReferenceData } from './reference-data.js';
import { ReferencePlaces } from './reference-places.js';

@Module({
  imports: [OperationsModule, ReferenceRowsModule, TargetsModule],
  providers: [ReferencePlaces, PublishReferenceDataKind, ReferenceData],
  exports: [ReferenceData],
})
export class ReferenceDataModule {
  constructor(kinds: OperationKinds, publish: PublishReferenceDataKind) {
    kinds.register(publish);
  }
}
