import { type MonoTypeOperatorFunction, Observable } from 'rxjs';
import { currentContext, runInContext } from '../../platform/context.js';

/**
 * Makes what follows it in a pipe run in the context of the stream's subscriber. Without it, the operators behind a `Subject` run in
 * the context of the call that emits, which may be another tenant's: put it directly behind what is shared.
 */
export function keepTenantContext<T>(): MonoTypeOperatorFunction<T> {
  return (source) =>
    new Observable<T>((subscriber) => {
      const context = currentContext() ?? {};
      return source.subscribe({
        next: (value) => runInContext(context, () => subscriber.next(value)),
        error: (error: unknown) => runInContext(context, () => subscriber.error(error)),
        complete: () => runInContext(context, () => subscriber.complete()),
      });
    });
}
