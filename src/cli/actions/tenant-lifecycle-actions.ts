import { OperationRecords } from '../../admin/operations/operation-records.js';
import { parseOrThrow } from '../../platform/errors/parse-or-throw.js';
import { deletion, maintenance, type TenantView } from '../../admin/tenants/tenant.schemas.js';
import { TenantLifecycle } from '../../admin/tenants/tenant-lifecycle.js';
import { TenantRecords } from '../../admin/tenants/tenant-records.js';
import type { CommandContext } from '../session/command-context.js';
import { confirm } from '../terminal/confirm.js';
import { runToCompletion } from '../session/run-to-completion.js';

interface DeleteOptions {
  readonly grace?: number;
  readonly yes?: boolean;
  readonly wait: boolean;
}

export async function suspend(context: CommandContext, slug: string): Promise<void> {
  told(context, await context.session.get(TenantLifecycle).suspend(slug, context.actor));
}

export async function resume(context: CommandContext, slug: string): Promise<void> {
  told(context, await context.session.get(TenantLifecycle).resume(slug, context.actor));
}

export async function beginMaintenance(
  context: CommandContext,
  slug: string,
  options: { readonly message?: string },
): Promise<void> {
  const asked = parseOrThrow(maintenance, options);
  told(context, await context.session.get(TenantLifecycle).beginMaintenance(slug, asked, context.actor));
}

export async function endMaintenance(context: CommandContext, slug: string): Promise<void> {
  told(context, await context.session.get(TenantLifecycle).endMaintenance(slug, context.actor));
}

export async function remove(context: CommandContext, slug: string, options: DeleteOptions): Promise<void> {
  const { session, actor, output, terminal } = context;
  const asked = parseOrThrow(deletion, { graceSeconds: options.grace });
  const tenant = await session.get(TenantRecords).read(slug);
  if (!options.yes)
    await confirm(terminal, `This ends the service of ${tenant.slug} and removes its data.`, tenant.slug);
  const { id } = await session.get(TenantLifecycle).delete(tenant.id, asked, actor);
  const answer = async (): Promise<void> => {
    const operation = await session.get(OperationRecords).read(id);
    const isDone = operation.status === 'succeeded';
    output.answer(operation, () => [
      isDone
        ? `${tenant.slug} is removed`
        : `${tenant.slug} is not served any more; its data is removed from ${operation.runAfter} on (operation ${id})`,
      ...(isDone || asked.graceSeconds === 0 ? [] : [`Until then: tenants restore ${tenant.slug}`]),
    ]);
  };
  await runToCompletion(context, id, { wait: options.wait && asked.graceSeconds === 0, answer });
}

export async function restore(context: CommandContext, slug: string): Promise<void> {
  told(context, await context.session.get(TenantLifecycle).restore(slug, context.actor));
}

function told({ output }: CommandContext, tenant: TenantView): void {
  output.answer(tenant, () => [`${tenant.slug} is ${tenant.status}`]);
}
