import type { FastifyReply } from 'fastify';

export const OPERATIONS_PATH = 'admin/v1/operations';

/** Sets the `Location` header to the operation's path. */
export function setLocation(reply: FastifyReply, { id }: { readonly id: string }): void {
  void reply.header('location', `/${OPERATIONS_PATH}/${id}`);
}
