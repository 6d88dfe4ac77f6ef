import type { Command } from 'commander';
import { newImpersonation } from '../../../admin/operators/impersonation.schemas.js';
import { Impersonations } from '../../../admin/operators/impersonations.js';
import { parseOrThrow } from '../../../platform/errors/parse-or-throw.js';
import type { CommandContext, CommandRunners } from '../../session/command-context.js';
import { wholeNumber } from '../../terminal/values.js';

interface ImpersonateOptions {
  readonly reason: string;
  readonly minutes?: number;
}

/** `tenants impersonate` */
export function defineImpersonation(command: Command, { run }: CommandRunners): void {
  command
    .command('impersonate <slug>')
    .description('work as a tenant for some minutes; the last line is the token, which is shown only once')
    .requiredOption('--reason <text>', 'why; it is in the audit log')
    .option('--minutes <n>', 'until the token expires, at most 60 (default: 15)', wholeNumber)
    .action((slug, options) => run((context) => impersonate(context, slug, options)));
}

async function impersonate(context: CommandContext, slug: string, options: ImpersonateOptions): Promise<void> {
  const { output, session, actor } = context;
  const request = parseOrThrow(newImpersonation, options);
  const begun = await session.catalog.transaction((catalog) =>
    session.get(Impersonations).begin(catalog, slug, request, actor),
  );
  output.note(`Until ${begun.expiresAt}; to end it before: keys revoke ${slug} ${begun.keyId}`);
  output.print(begun, () => [begun.token]);
}
