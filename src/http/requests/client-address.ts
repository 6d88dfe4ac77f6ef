import { isIP } from 'node:net';
import type { HttpRequest } from './http-request.js';

/** An IPv4 address as a socket for both families reports it. */
const MAPPED_IPV4 = /^::ffff:(?=\d+\.)/i;
/** Some proxies forward `203.0.113.7:52100` or `[2001:db8::1]:52100`. */
const WITH_PORT = /^(?:(\d+(?:\.\d+){3})|\[([^\]]+)\])(?::\d+)?$/;

type AddressedRequest = Pick<HttpRequest, 'ip'> & {
  readonly socket?: { readonly remoteAddress?: string | undefined };
};

/**
 * The address that the request came from: the connection's, or what `TRUSTED_PROXIES` forwarded. What was forwarded and is
 * no address counts as the proxy's own.
 */
export function clientAddress({ ip, socket }: AddressedRequest): string {
  return addressIn(ip) ?? addressIn(socket?.remoteAddress) ?? 'unknown';
}

function addressIn(forwarded: string | undefined): string | undefined {
  const [, withPort4, withPort6] = WITH_PORT.exec(forwarded ?? '') ?? [];
  const address = (withPort4 ?? withPort6 ?? forwarded ?? '').replace(MAPPED_IPV4, '');
  return isIP(address) === 0 ? undefined : address;
}
