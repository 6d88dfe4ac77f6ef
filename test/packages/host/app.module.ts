import { Module } from '@nestjs/common';
import { TenantryModule } from 'tenantry';
import { AppController } from './app.controller.js';
import { NotesModule } from './notes.module.js';

@Module({ imports: [TenantryModule.forRoot(), NotesModule], controllers: [AppController] })
export class AppModule {}
