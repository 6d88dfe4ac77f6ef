import { Controller, Get } from '@nestjs/common';

/** What the host had before: no tenant, no credentials. */
@Controller()
export class AppController {
  @Get('hello')
  hello(): { hello: string } {
    return { hello: 'world' };
  }
}
