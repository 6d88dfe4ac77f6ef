import type { IncomingMessage } from 'node:http';
import { type HttpResponse, nodeResponse } from '../http/requests/http-request.js';

const ROOT = '/admin/v1/';

/** Express keeps the URL as it arrived, also in routers that are mounted below a path. */
type NodeRequest = IncomingMessage & { readonly originalUrl?: string };

/** Sets the `Location` header to a path under `/admin/v1/`, behind the prefix that the application has given to all routes. */
export function setLocation(response: HttpResponse, path: string): void {
  const { originalUrl, url = '' } = nodeResponse(response).req as NodeRequest;
  const [prefix = ''] = (originalUrl ?? url).split(ROOT);
  void response.header('location', `${prefix}/${path}`);
}
