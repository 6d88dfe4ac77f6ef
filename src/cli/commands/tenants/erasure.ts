import { writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { z } from 'zod';
import { erasureDocument } from '../../../admin/deprovisioning/erasure-document.js';
import { ErasureReports } from '../../../admin/deprovisioning/erasure-reports.js';
import { parseOrThrow } from '../../../platform/errors/parse-or-throw.js';
import type { CommandContext, CommandRunners } from '../../session/command-context.js';
import { FileNotWrittenError } from '../../terminal/cli.errors.js';
import { printable } from '../../terminal/table.js';

const EXAMPLES = `
Examples:
  $ npm run tenantry -- tenants erasure-report 7f1f3f2e-8f9c-4a4e-9a51-0c1f7d3c2b10
  $ npm run tenantry -- tenants erasure-report 7f1f3f2e-8f9c-4a4e-9a51-0c1f7d3c2b10 --to erasure.md

The tenant has its pseudonym: its slug is not kept. The command that deletes it prints both.`;

const operationId = z.guid('an operation id is a UUID');

/** `tenants erasure-report` */
export function defineErasureReport(command: Command, { run }: CommandRunners): void {
  command
    .command('erasure-report <id>')
    .description('what the deletion of a tenant has removed, and what remains, as a document for the customer')
    .option('--to <file>', 'write it to a file that does not exist yet, instead of printing it')
    .addHelpText('after', EXAMPLES)
    .action((id, options) => run((context) => report(context, id, options)));
}

async function report(
  { output, session, terminal }: CommandContext,
  id: string,
  { to }: { readonly to?: string },
): Promise<void> {
  const found = await session.get(ErasureReports).read(parseOrThrow(operationId, id));
  if (to === undefined) return output.print(found, () => erasureDocument(found).map(printable));
  const text = output.json ? JSON.stringify(found, null, 2) : erasureDocument(found).join('\n');
  const path = resolve(terminal.cwd, to);
  await writeFile(path, `${text}\n`, { flag: 'wx' }).catch((error: unknown) => {
    throw new FileNotWrittenError(path, error);
  });
  output.print({ written: path }, () => [`The report is in ${path}`]);
}
