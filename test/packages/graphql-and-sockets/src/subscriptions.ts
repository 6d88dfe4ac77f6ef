import { createClient } from 'graphql-ws';
import WebSocket from 'ws';

/** What a client of graphql-ws has received for one subscription. */
export interface OpenSubscription {
  readonly results: unknown[];
  readonly isEnded: boolean;
  close(): void;
}

/** @param credential sent as the connection's parameter `authorization` */
export function subscribe(url: string, query: string, credential: string): OpenSubscription {
  const client = createClient({
    url: `${url.replace('http', 'ws')}/graphql`,
    webSocketImpl: WebSocket,
    retryAttempts: 0,
    connectionParams: { authorization: `Bearer ${credential}` },
  });
  const subscription = { results: [] as unknown[], isEnded: false, close: () => void client.dispose() };
  client.subscribe(
    { query },
    {
      next: (result) => void subscription.results.push(result),
      error: (error) => {
        subscription.results.push(error);
        subscription.isEnded = true;
      },
      complete: () => (subscription.isEnded = true),
    },
  );
  return subscription;
}
