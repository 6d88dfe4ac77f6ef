import { type DynamicModule, Module } from '@nestjs/common';
import { ShutdownModule } from '../platform/shutdown/shutdown.module.js';
import { Drain } from './drain.js';
import { RootController } from './root.controller.js';

/** Wraps an application's root module with the root route and graceful shutdown. */
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
