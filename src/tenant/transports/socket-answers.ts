import type { SocketClient } from './handshake-request.js';

/** What a client of a gateway or of a microservice receives instead of an answer. */
export interface RefusedMessage {
  readonly status: 'error';
  readonly code: string;
  readonly message: string;
}

/** "Policy violation". Source: RFC 6455 §7.4.1. */
const POLICY_VIOLATION = 1008;

/** As Nest sends exceptions of gateways: the event `exception`. */
export function sendException(client: SocketClient, payload: RefusedMessage): void {
  if (isNative(client)) client.send?.(JSON.stringify({ event: 'exception', data: payload }));
  else client.emit('exception', payload);
}

/** Sends what is still to be sent first. */
export function closeSocket(client: SocketClient, code: string): void {
  if (isNative(client)) client.close?.(POLICY_VIOLATION, code);
  else client.disconnect?.(true);
}

/** A client of `ws`: its `emit` only calls its own listeners. */
function isNative(client: SocketClient): boolean {
  return typeof client.readyState === 'number' && typeof client.send === 'function';
}
