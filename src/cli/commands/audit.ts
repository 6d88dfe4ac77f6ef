import type { Command } from 'commander';
import { AuditRecords } from '../../admin/audit/audit-records.js';
import { type AuditEntryView, auditFilter } from '../../admin/audit/audit.schemas.js';
import { parseOrThrow } from '../../platform/errors/parse-or-throw.js';
import type { CommandContext, CommandRunners } from '../session/command-context.js';

const EXAMPLES = `
Examples:
  $ npm run tenantry -- audit --subject hooli
  $ npm run tenantry -- audit --action tenant.suspend --limit 10 --json`;

/** `audit` */
export function defineAudit(command: Command, { run }: CommandRunners): void {
  command
    .option('--subject <name>', "a tenant's slug or id, a server's name, or the id of anything")
    .option('--action <action>', 'such as tenant.suspend')
    .option('--limit <n>', 'how many (default: 100)')
    .option('--cursor <cursor>', 'go on behind another page')
    .addHelpText('after', EXAMPLES)
    .action((options) => run((context) => audit(context, options)));
}

const COLUMNS = [
  { title: 'AT', of: (entry: AuditEntryView) => entry.at },
  { title: 'WHO', of: (entry: AuditEntryView) => entry.actor },
  { title: 'WHAT', of: (entry: AuditEntryView) => entry.action },
  { title: 'SUBJECT', of: (entry: AuditEntryView) => entry.subject },
  { title: 'BEFORE', of: (entry: AuditEntryView) => entry.before && JSON.stringify(entry.before) },
  { title: 'AFTER', of: (entry: AuditEntryView) => entry.after && JSON.stringify(entry.after) },
];

async function audit({ output, session }: CommandContext, options: object): Promise<void> {
  const page = await session.get(AuditRecords).list(parseOrThrow(auditFilter, options));
  output.answer(page, () => output.table(page.items, COLUMNS, 'no changes'));
  if (page.nextCursor !== null) output.note(`There are more: --cursor ${page.nextCursor}`);
}
