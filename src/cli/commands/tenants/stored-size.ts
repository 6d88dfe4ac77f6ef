import type { Command } from 'commander';
import { StoredSizeRecords } from '../../../admin/stored-sizes/stored-size-records.js';
import type { StoredSizeView } from '../../../admin/stored-sizes/stored-size.schemas.js';
import { StoredSizes } from '../../../admin/stored-sizes/stored-sizes.js';
import { keyValues } from '../../terminal/table.js';
import type { CommandContext, CommandRunners } from '../../session/command-context.js';

/** `tenants stored`, `tenants measure` */
export function defineStoredSize(command: Command, { run }: CommandRunners): void {
  command
    .command('stored <slug>')
    .description('show what a tenant has stored, as it was last measured')
    .action((slug) => run(async (context) => show(context, await context.session.get(StoredSizeRecords).read(slug))));

  command
    .command('measure <slug>')
    .description('measure what a tenant has stored, now')
    .action((slug) => run(async (context) => show(context, await context.session.get(StoredSizes).measure(slug))));
}

function show({ output }: CommandContext, size: StoredSizeView): void {
  output.print(size, () =>
    keyValues([
      ['tenant', size.tenant],
      ['bytes', size.bytes ?? 'not measured yet'],
      ['rows', size.rows ?? 'not measured yet'],
      ['estimated', size.isEstimated ? 'yes, from a sample' : 'no'],
      ['measured at', size.measuredAt],
    ]),
  );
}
