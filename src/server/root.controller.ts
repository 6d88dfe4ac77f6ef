import { Controller, Get, Inject, Redirect } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import { APP_CONFIG, type AppConfig } from '../platform/config/app-config.js';
import { NotFoundError } from '../platform/errors/request.errors.js';
import { Public } from '../tenant/access/access.decorators.js';
import { API_DOCS_PATH } from './openapi.js';

@ApiExcludeController()
@Public()
@Controller()
export class RootController {
  constructor(@Inject(APP_CONFIG) private readonly config: AppConfig) {}

  /** Redirects a browser at the root URL to the API documentation. */
  @Get()
  @Redirect(`/${API_DOCS_PATH}`)
  root(): void {
    if (!this.config.features.apiDocs) throw new NotFoundError('page');
  }
}
