import { type ArgumentsHost, Catch, type ExceptionFilter, ServiceUnavailableException } from '@nestjs/common';
import type { HttpResponse } from '../http/requests/http-request.js';

/** Responds to a failed health check with 503 and terminus's own report, a format that monitoring tools understand. */
@Catch(ServiceUnavailableException)
export class HealthFilter implements ExceptionFilter<ServiceUnavailableException> {
  catch(exception: ServiceUnavailableException, host: ArgumentsHost): void {
    void host.switchToHttp().getResponse<HttpResponse>().status(exception.getStatus()).send(exception.getResponse());
  }
}
