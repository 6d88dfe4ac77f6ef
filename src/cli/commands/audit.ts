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
    .option('--subject <name>', 'slug or id of a tenant, name of a server, or any other id')
    .option('--action <action>', 'for example tenant.suspend')
    .option('--limit <n>', 'page size (default: 100)')
    .option('--cursor <cursor>', 'continue from the cursor of a previous page')
    .addHelpText('after', EXAMPLES)
    .action((options) => run((context) => list(context, options)));
}

const COLUMNS = [
  { title: 'AT', value: (entry: AuditEntryView) => entry.at },
  { title: 'WHO', value: (entry: AuditEntryView) => entry.actor },
  { title: 'FROM', value: (entry: AuditEntryView) => entry.address },
  { title: 'REQUEST', value: (entry: AuditEntryView) => entry.requestId },
  { title: 'WHAT', value: (entry: AuditEntryView) => entry.action },
  { title: 'SUBJECT', value: (entry: AuditEntryView) => entry.subject },
  { title: 'REFUSED', value: (entry: AuditEntryView) => entry.refusedAttempts },
  { title: 'BEFORE', value: (entry: AuditEntryView) => entry.before && JSON.stringify(entry.before) },
  { title: 'AFTER', value: (entry: AuditEntryView) => entry.after && JSON.stringify(entry.after) },
];

async function list({ output, session }: CommandContext, options: object): Promise<void> {
  const page = await session.get(AuditRecords).list(parseOrThrow(auditFilter, options));
  output.print(page, () => output.table(page.items, COLUMNS, 'no changes'));
  if (page.nextCursor !== null) output.note(`More results: --cursor ${page.nextCursor}`);
}
