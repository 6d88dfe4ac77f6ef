import type { FastifyReply } from 'fastify';

export const OPERATIONS_PATH = 'admin/v1/operations';

/** Tells the caller where to read the operation. */
export function setLocation(reply: FastifyReply, { id }: { readonly id: string }): void {
  void reply.header('location', `/${OPERATIONS_PATH}/${id}`);
}
