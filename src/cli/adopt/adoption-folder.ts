import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { type AdoptionPlan, adoptionPlan } from '../../admin/adoption/adoption-plan.js';
import type { AdoptionReport } from '../../admin/adoption/adoptions.js';
import { adoptionSource } from '../../database/table-migrations/adoption/adoption-source.js';
import {
  describeTable,
  enumStatements,
  inCreationOrder,
} from '../../database/table-migrations/adoption/describe-table.js';
import { parseJson } from '../../platform/parse-json.js';
import { UsageError } from '../terminal/cli.errors.js';
import { reportText } from './report-text.js';
import { stepsText } from './steps-text.js';

const PLAN = 'plan.json';

/** Path and text of each file that `tenantry adopt` writes. */
export function folderFiles(plan: AdoptionPlan, report: AdoptionReport): ReadonlyMap<string, string> {
  const [first] = report.places;
  const files = new Map([
    [PLAN, `${JSON.stringify(plan, null, 2)}\n`],
    ['report.md', reportText(plan, report)],
    ['steps.sql', stepsText(report)],
  ]);
  if (first && first.plan.origins.size > 0)
    files.set(`migrations/${fileNameOf(plan.migration)}`, migrationText(plan, first));
  return files;
}

/** Writes them, over those of an earlier report. @returns the paths, from the working directory */
export async function writeFolder(
  cwd: string,
  folder: string,
  files: ReadonlyMap<string, string>,
): Promise<readonly string[]> {
  await mkdir(resolve(cwd, folder, 'migrations'), { recursive: true });
  for (const [path, text] of files) await writeFile(resolve(cwd, folder, path), text);
  return [...files.keys()].map((path) => join(folder, path));
}

/** @throws UsageError */
export async function readPlan(cwd: string, folder: string): Promise<AdoptionPlan> {
  const path = resolve(cwd, folder, PLAN);
  if (!existsSync(path)) throw new UsageError(`there is no ${join(folder, PLAN)}: write it with tenantry adopt`);
  const parsed = adoptionPlan.safeParse(parseJson(await readFile(path, 'utf8')));
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new UsageError(`${join(folder, PLAN)} is not valid: ${issue?.path.join('.') ?? ''} ${issue?.message ?? ''}`);
}

/** Keys that decide the tenants' ids must stay the same when a report is written again. */
export async function formerKeys(
  cwd: string,
  folder: string,
): Promise<Pick<AdoptionPlan, 'keys' | 'migration'> | undefined> {
  return existsSync(resolve(cwd, folder, PLAN)) ? readPlan(cwd, folder) : undefined;
}

function migrationText(plan: AdoptionPlan, { plan: { tables, origins } }: AdoptionReport['places'][number]): string {
  const names = new Set(origins.keys());
  const adopted = tables.filter(({ name }) => names.has(name));
  const described = adopted.map((table) => describeTable(table, origins.get(table.name)!, names));
  return adoptionSource(plan.migration, inCreationOrder(described), enumStatements(adopted));
}

/** `AdoptShop1764000000000` is in `1764000000000-adopt-shop.ts`. */
function fileNameOf(className: string): string {
  const words = className.slice(0, -13).replaceAll(/([a-z\d])([A-Z])/g, '$1-$2');
  return `${className.slice(-13)}-${words.toLowerCase()}.ts`;
}
