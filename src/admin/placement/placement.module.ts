import { Module } from '@nestjs/common';
import { ProvisioningModule } from '../provisioning/provisioning.module.js';
import { PlacementFacts } from './placement-facts.js';
import { ServerSelection } from './server-selection.js';

@Module({
  imports: [ProvisioningModule],
  providers: [PlacementFacts, ServerSelection],
  exports: [PlacementFacts, ServerSelection],
})
export class PlacementModule {}
