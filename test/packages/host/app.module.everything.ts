import { Module } from '@nestjs/common';
import { TenantryModule } from 'tenantry';
import { AppController } from './app.controller.js';
import { EchoController } from './echo.controller.js';
import { JobsController } from './jobs.controller.js';
import { NotesModule } from './notes.module.js';

@Module({
  imports: [TenantryModule.forRoot({ controlPlane: true, health: true, metrics: true }), NotesModule],
  controllers: [AppController, EchoController, JobsController],
})
export class AppModule {}
