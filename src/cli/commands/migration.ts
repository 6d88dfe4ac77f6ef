import type { Command } from 'commander';
import { TemplateDataSource } from '../../database/data-source/template-data-source.js';
import { generateMigration } from '../../database/table-migrations/generation/generate-migration.js';
import { orderedNames, timestampOrZero } from '../../database/table-migrations/versions/migration-names.js';
import { TENANT_SCHEMA, type TenantSchema } from '../../database/table-migrations/tenant-schema/tenant-schema.js';
import { applyChanges } from '../host/file-change.js';
import { readHostProject } from '../host/host-project.js';
import { migrationChanges, newMigration, relativeImport } from '../migration/migration-file.js';
import { inScratchDatabase } from '../migration/scratch-database.js';
import type { CommandContext, CommandRunners } from '../session/command-context.js';

const EXAMPLES = `
Examples:
  $ npm run tenantry -- migration add-tags
  $ npm run tenantry -- migration add-tags --dry-run
  $ npm run tenantry -- migration add-tags --folder src/notes/migrations

Build the application first: entities and migrations are read from the compiled root module. The migrations run in a scratch
schema, and so does the new one, which must leave no difference. Read it before you commit it.`;

interface MigrationOptions {
  readonly project?: string;
  readonly folder?: string;
  readonly dryRun?: boolean;
}

/** `migration` */
export function defineMigration(command: Command, { run }: CommandRunners): void {
  command
    .argument('<name>', 'what it does, as add-tags')
    .option(
      '--folder <folder>',
      'where to write it; default: beside the newest migration, or migrations in the sources',
    )
    .option('--project <name>', 'which project of a monorepo; default: that of sourceRoot in nest-cli.json')
    .option('--dry-run', 'print the migration and write nothing')
    .addHelpText('after', EXAMPLES)
    .action((name: string, options: MigrationOptions) => run((context) => writeMigration(context, name, options)));
}

async function writeMigration(context: CommandContext, name: string, options: MigrationOptions): Promise<void> {
  const { session, output, terminal } = context;
  const { project: wanted, folder, dryRun = false } = options;
  const project = await readHostProject(terminal.cwd, { project: wanted });
  const schema = session.get<TenantSchema>(TENANT_SCHEMA);
  const newest = Math.max(0, ...orderedNames(schema.migrations).map(timestampOrZero));
  const migration = await newMigration(project, { name, newest, folder });
  const entities = await TemplateDataSource.build(schema);
  const { migrations, trustedFunctions = [], typeorm } = schema;
  const given = { migrations, trustedFunctions, namingStrategy: typeorm?.namingStrategy };
  const { steps, notCompared } = await inScratchDatabase(session, (client) =>
    generateMigration(client, entities, given),
  );
  for (const what of notCompared) output.note(`not compared: ${what}`);
  if (steps.length === 0) {
    return output.print({ migration: null }, () => ['The migrations make what the entities map: nothing to write.']);
  }
  const { changes, isRegistered } = await migrationChanges(project, migration, steps);
  if (!dryRun) await applyChanges(project.root, changes);
  const { className, path } = migration;
  const source = changes[0]?.after ?? '';
  const document = { migration: className, path, registered: isRegistered, written: !dryRun, source };
  output.print(document, () =>
    dryRun
      ? [source]
      : changes.map((change) => `${change.before === undefined ? 'created' : 'updated'} ${change.path}`),
  );
  if (isRegistered) return;
  const from = relativeImport(project, `${project.sourceRoot}/app.module.ts`, path);
  output.note(
    `Register it: import { ${className} } from '${from}'; TenantryModule.forFeature({ migrations: [${className}] })`,
  );
}
