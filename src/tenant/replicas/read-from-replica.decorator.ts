import { type CallHandler, type ExecutionContext, type NestInterceptor, UseInterceptors } from '@nestjs/common';
import { Observable } from 'rxjs';
import { type ReplicaReadOptions, runInReplicaScope } from './replica-scope.js';

/**
 * Lets the handlers that it decorates, all of a controller's or one, read from a read replica of their tenant's server, where one has what the
 * caller has written and is not too far behind; from the server itself otherwise. Behind it nothing can be written.
 *
 *     @Get('report')
 *     @ReadFromReplica({ maxStalenessMs: 60_000 })
 *     report(): Promise<Report> { … }
 *
 * The same for resolvers of GraphQL and handlers of messages.
 *
 * @throws InvalidStalenessError, when the class is loaded
 */
export const ReadFromReplica = (options: ReplicaReadOptions = {}): ClassDecorator & MethodDecorator =>
  UseInterceptors(new ReplicaScopeInterceptor(options));

class ReplicaScopeInterceptor implements NestInterceptor {
  constructor(private readonly options: ReplicaReadOptions) {
    runInReplicaScope(() => undefined, options); // refuses what is not valid before the first call
  }

  intercept(_context: ExecutionContext, next: CallHandler): Observable<unknown> {
    return new Observable((subscriber) => runInReplicaScope(() => next.handle().subscribe(subscriber), this.options));
  }
}
