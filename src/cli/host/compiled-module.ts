import { join, posix, relative, sep } from 'node:path';
import type { TypeScript } from './host-typescript.js';

/**
 * Where the compiler puts a source file, from the application's folder.
 *
 * @param outDir in place of the configured one
 * @returns undefined when the configuration does not say
 */
export function compiledPath(
  typescript: TypeScript,
  root: string,
  {
    tsConfig,
    source,
    outDir: givenOutDir,
  }: { readonly tsConfig: string; readonly source: string; readonly outDir?: string | undefined },
): string | undefined {
  const path = join(root, tsConfig);
  const { config } = typescript.readConfigFile(path, typescript.sys.readFile) as { config?: unknown };
  if (config === undefined) return undefined;
  const { options, fileNames } = typescript.parseJsonConfigFileContent(
    config,
    typescript.sys,
    join(path, '..'),
    undefined,
    path,
  );
  const outDir = givenOutDir === undefined ? options.outDir : join(root, givenOutDir);
  if (outDir === undefined) return undefined;
  // Files that are imported by an alias of `paths` are compiled, too, and widen the common folder.
  const withAliases = Object.keys(options.paths ?? {}).length > 0;
  const program = typescript.createProgram(fileNames, { ...options, noLib: true, types: [], noResolve: !withAliases });
  const { getCommonSourceDirectory } = program as typeof program & { getCommonSourceDirectory?: () => string };
  const common = options.rootDir ?? getCommonSourceDirectory?.call(program) ?? join(path, '..');
  const output = join(outDir, relative(common, join(root, source)).replace(/\.ts$/, '.js'));
  return `./${posix.normalize(relative(root, output).split(sep).join('/'))}`;
}
