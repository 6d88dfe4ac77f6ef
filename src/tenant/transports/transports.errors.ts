import { CodedError } from '../../platform/errors/coded-error.js';

/** Raised when the same GraphQL context value is used for two requests: resolvers would work for the tenant of either. */
export class SharedGraphqlContextError extends CodedError {
  readonly code = 'SHARED_GRAPHQL_CONTEXT';

  constructor() {
    super(
      'the GraphQL context belongs to two requests: `context` must be a function that returns a new object each time',
    );
  }
}
