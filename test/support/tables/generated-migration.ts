import typescript from 'typescript';
import type { MigrationStep } from '../../../src/database/table-migrations/generation/migration-step.js';
import { migrationSource } from '../../../src/database/table-migrations/generation/migration-source.js';
import type { Migration } from '../../../src/database/table-migrations/versions/migration-names.js';
import { createTenantTable, dropTenantTable } from '../../../src/database/table-migrations/tenant-table.js';

/** The class that the source of a generated migration declares, compiled and evaluated. */
export function compiledMigration(className: string, steps: readonly MigrationStep[]): Migration {
  const { outputText } = typescript.transpileModule(migrationSource(className, steps), {
    compilerOptions: { module: typescript.ModuleKind.CommonJS, target: typescript.ScriptTarget.ES2022 },
  });
  const exported: Record<string, Migration> = {};
  const requirePackage = (): object => ({ createTenantTable, dropTenantTable });
  // oxlint-disable-next-line typescript/no-implied-eval -- what the generator wrote
  new Function('require', 'exports', outputText)(requirePackage, exported);
  const migration = exported[className];
  if (!migration) throw new Error(`the source does not export ${className}`);
  return migration;
}
