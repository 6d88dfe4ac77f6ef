import { Controller, Get, Inject, Req } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { FastifyRequest } from 'fastify';
import { APP_CONFIG, type AppConfig } from '../../../platform/config/app-config.js';
import { Public } from '../../../tenant/access/access.decorators.js';
import { RequestIdentification } from '../../../tenant/identification/request-identification.js';

/** What the page needs to know before an operator is signed in. */
interface SignInOptions {
  /** Name of the OpenID provider; null: operators sign in with keys only. */
  readonly provider: string | null;
  /** Whether the request brings an operator's session. */
  readonly isSignedIn: boolean;
}

@ApiExcludeController()
@Public()
@Controller('console/sign-in/options')
export class SignInOptionsController {
  constructor(
    @Inject(APP_CONFIG) private readonly config: AppConfig,
    @Inject(RequestIdentification) private readonly identification: RequestIdentification,
  ) {}

  @Get()
  async options(@Req() request: FastifyRequest): Promise<SignInOptions> {
    const { oidc } = this.config.security;
    if (!oidc) return { provider: null, isSignedIn: false };
    const caller = await this.identification.currentCaller(request, 'credential');
    return { provider: oidc.providerName, isSignedIn: caller.kind === 'operator' };
  }
}
