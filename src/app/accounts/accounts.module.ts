import { Module } from '@nestjs/common';
import { TenantryModule } from '../../index.js';
import { CreateAccounts1764000002000 } from '../migrations/1764000002000-create-accounts.js';
import { AccountsController } from './accounts.controller.js';
import { Membership } from './membership.entity.js';
import { MembershipsService } from './memberships.service.js';
import { Passwords } from './passwords.js';
import { Session } from './session.entity.js';
import { SessionsService } from './sessions.service.js';
import { SignInAttempts } from './sign-in-attempts.js';
import { User } from './user.entity.js';

/** Users, the tenants that they may work for, and their sign-ins. */
@Module({
  imports: [
    TenantryModule.forCentral({
      entities: [User, Membership, Session],
      migrations: [CreateAccounts1764000002000],
      seedDemo: async (central, tenants) => (await import('./seed-demo-user.js')).seedDemoUser(central, tenants),
    }),
  ],
  controllers: [AccountsController],
  providers: [SessionsService, MembershipsService, Passwords, SignInAttempts],
  exports: [SessionsService, MembershipsService],
})
export class AccountsModule {}
