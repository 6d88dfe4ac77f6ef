import { type DynamicModule, Module } from '@nestjs/common';
import { OperatorsModule } from '../../admin/operators/operators.module.js';
import type { AppConfig } from '../../platform/config/app-config.js';
import { ConsoleController } from './console.controller.js';
import { ConsoleFiles } from './console-files.js';
import { IdentityProvider } from './sign-in/identity-provider.js';
import { SignInFlows } from './sign-in/sign-in-flow.js';
import { SignInOptionsController } from './sign-in/sign-in-options.controller.js';
import { SignInRefusals } from './sign-in/sign-in-refusals.js';
import { SignInController } from './sign-in/sign-in.controller.js';

/** The operators' console at `/console`, and its sign-in through the OpenID provider where there is one. */
@Module({})
export class ConsoleModule {
  static of({ security: { oidc } }: AppConfig): DynamicModule {
    return {
      module: ConsoleModule,
      imports: oidc ? [OperatorsModule] : [],
      controllers: [ConsoleController, SignInOptionsController, ...(oidc ? [SignInController] : [])],
      providers: [ConsoleFiles, ...(oidc ? [IdentityProvider, SignInFlows, SignInRefusals] : [])],
    };
  }
}
