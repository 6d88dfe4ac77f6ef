import { Module } from '@nestjs/common';
import { DatabaseIsolationModule } from '../isolation/database-isolation.module.js';
import { ProvisioningModule } from '../provisioning/provisioning.module.js';
import { ReferenceRowsModule } from '../reference-rows/reference-rows.module.js';
import { TargetsModule } from '../targets/targets.module.js';
import { AdoptedPlaces } from './adopted-places.js';
import { AdoptedTargets } from './adopted-targets.js';
import { AdoptedTenants } from './adopted-tenants.js';
import { NewPlan } from './new-plan.js';
import { Adoptions } from './adoptions.js';

@Module({
  imports: [DatabaseIsolationModule, ProvisioningModule, ReferenceRowsModule, TargetsModule],
  providers: [AdoptedPlaces, AdoptedTargets, AdoptedTenants, Adoptions, NewPlan],
  exports: [Adoptions, NewPlan],
})
export class AdoptionModule {}
