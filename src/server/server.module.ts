import { type DynamicModule, Module } from '@nestjs/common';
import { ShutdownModule } from '../platform/shutdown/shutdown.module.js';
import { Drain } from './drain.js';
import { RootController } from './root.controller.js';

/** The process around an application: how it answers at its bare address, and how it stops. */
@Module({})
export class ServerModule {
  static around(app: DynamicModule): DynamicModule {
    return {
      module: ServerModule,
      imports: [ShutdownModule, app],
      controllers: [RootController],
      providers: [Drain],
    };
  }
}
