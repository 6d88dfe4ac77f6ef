import type { HttpResponse } from '../../http/requests/http-request.js';
import { setLocation } from '../location.js';

export const OPERATIONS_PATH = 'admin/v1/operations';

/** Sets the `Location` header to the operation's path. */
export function setOperationLocation(response: HttpResponse, { id }: { readonly id: string }): void {
  setLocation(response, `${OPERATIONS_PATH}/${id}`);
}
