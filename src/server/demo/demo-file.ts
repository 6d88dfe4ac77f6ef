import { randomBytes } from 'node:crypto';
import { chmod, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';

const DemoFile = z.object({
  url: z.url(),
  admin: z.object({ apiKey: z.string() }),
  tenants: z.array(
    z.object({ slug: z.string(), isolation: z.enum(['row', 'schema', 'database']), apiKey: z.string() }),
  ),
});

/** URL and API keys of the demo tenants for users and scripts: `DATA_DIR/demo.json`, readable by its owner only. */
export type DemoFile = z.infer<typeof DemoFile>;

/** Undefined when the file is missing or invalid; it will be overwritten. */
export async function readDemoFile(dataDir: string): Promise<DemoFile | undefined> {
  try {
    return DemoFile.parse(JSON.parse(await readFile(path(dataDir), 'utf8')));
  } catch {
    return undefined;
  }
}

export async function writeDemoFile(dataDir: string, demo: DemoFile): Promise<void> {
  const temporary = `${path(dataDir)}.${randomBytes(4).toString('hex')}`;
  await writeFile(temporary, `${JSON.stringify(demo, null, 2)}\n`, { mode: 0o600 });
  await chmod(temporary, 0o600);
  await rename(temporary, path(dataDir));
}

function path(dataDir: string): string {
  return join(dataDir, 'demo.json');
}
