import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join, posix } from 'node:path';
import type ts from 'typescript';
import { parseSource, type TypeScript } from './host-typescript.js';

/** The file with the module that an application starts with. */
export interface RootModule {
  /** From the application's folder, with slashes. */
  readonly path: string;
  readonly className: string;
  readonly text: string;
  /** The relative paths that it imports. */
  readonly relativeImports: readonly string[];
}

/**
 * The module that the entry file hands to `NestFactory`; otherwise the class `AppModule` in `app.module.ts`.
 *
 * @returns undefined without either, or without TypeScript
 */
export async function findRootModule(
  typescript: TypeScript | undefined,
  root: string,
  { sourceRoot, entryFile }: { readonly sourceRoot: string; readonly entryFile: string },
): Promise<RootModule | undefined> {
  if (!typescript) return undefined;
  const entry = posix.join(sourceRoot, `${entryFile}.ts`);
  const started = existsSync(join(root, entry)) ? startedModule(typescript, entry, await read(root, entry)) : undefined;
  const { path, className } = started ?? { path: posix.join(sourceRoot, 'app.module.ts'), className: 'AppModule' };
  if (!existsSync(join(root, path))) return undefined;
  const text = await read(root, path);
  const imported = importsOf(typescript, parseSource(typescript, path, text));
  return { path, className, text, relativeImports: imported.map(({ from }) => from).filter(isRelative) };
}

function startedModule(
  typescript: TypeScript,
  entry: string,
  text: string,
): { readonly path: string; readonly className: string } | undefined {
  const source = parseSource(typescript, entry, text);
  const className = startedClass(typescript, source);
  const imported = importsOf(typescript, source).find(
    ({ names }) => className !== undefined && names.includes(className),
  );
  if (className === undefined || !imported || !isRelative(imported.from)) return undefined;
  return { path: posix.join(posix.dirname(entry), `${imported.from.replace(/\.js$/, '')}.ts`), className };
}

/** The first argument of `NestFactory.create(…)`, `createMicroservice(…)` and the like. */
function startedClass(typescript: TypeScript, source: ts.SourceFile): string | undefined {
  let found: string | undefined;
  const visit = (node: ts.Node): void => {
    if (typescript.isCallExpression(node) && /^NestFactory\.create\w*$/.test(node.expression.getText(source))) {
      const [module] = node.arguments;
      if (module && typescript.isIdentifier(module)) found ??= module.text;
    }
    typescript.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

function importsOf(typescript: TypeScript, source: ts.SourceFile): { names: string[]; from: string }[] {
  return source.statements.filter(typescript.isImportDeclaration).map(({ importClause, moduleSpecifier }) => {
    const bindings = importClause?.namedBindings;
    const names = bindings && typescript.isNamedImports(bindings) ? bindings.elements.map(({ name }) => name.text) : [];
    return { names, from: typescript.isStringLiteral(moduleSpecifier) ? moduleSpecifier.text : '' };
  });
}

function isRelative(specifier: string): boolean {
  return specifier.startsWith('.');
}

function read(root: string, path: string): Promise<string> {
  return readFile(join(root, path), 'utf8');
}
