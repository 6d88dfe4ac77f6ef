import { readFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { dirname, resolve } from 'node:path';
import ts from 'typescript';
import { packageName } from '../../../package/declarations.mjs';

export interface PackageImports {
  /** Loaded with the entry. */
  readonly atOnce: ReadonlySet<string>;
  /** Loaded later, by a dynamic import or behind one. */
  readonly onDemand: ReadonlySet<string>;
  /** The files of `src/` that are reached either way. */
  readonly files: ReadonlySet<string>;
}

interface Import {
  readonly name: string;
  readonly isDynamic: boolean;
}

/** The packages that a source file needs at run time, itself and through what it imports. */
export function packageImports(entries: readonly string[]): PackageImports {
  const atOnce = reach(entries, ({ isDynamic }) => !isDynamic);
  const either = reach(entries, () => true);
  const onDemand = new Set([...either.packages].filter((name) => !atOnce.packages.has(name)));
  return { atOnce: atOnce.packages, onDemand, files: either.files };
}

function reach(entries: readonly string[], follows: (found: Import) => boolean) {
  const files = new Set<string>();
  const packages = new Set<string>();
  const pending = [...entries];
  for (let file = pending.pop(); file !== undefined; file = pending.pop()) {
    if (files.has(file)) continue;
    files.add(file);
    for (const { name } of importsOf(file).filter(follows)) {
      if (name.startsWith('.')) pending.push(resolve(dirname(file), name.replace(/\.js$/, '.ts')));
      else if (!isBuiltIn(name)) packages.add(packageName(name));
    }
  }
  return { files, packages };
}

function isBuiltIn(name: string): boolean {
  return name.startsWith('node:') || builtinModules.includes(name);
}

const parsed = new Map<string, readonly Import[]>();

function importsOf(file: string): readonly Import[] {
  const known = parsed.get(file);
  if (known) return known;
  const found: Import[] = [];
  const visit = (node: ts.Node): void => {
    if ((ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) && node.moduleSpecifier && !isTypeOnly(node)) {
      found.push({ name: textOf(node.moduleSpecifier), isDynamic: false });
    }
    if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
      const [specifier] = node.arguments;
      if (specifier && ts.isStringLiteral(specifier)) found.push({ name: specifier.text, isDynamic: true });
    }
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile(file, readFileSync(file, 'utf8'), ts.ScriptTarget.ES2023));
  parsed.set(file, found);
  return found;
}

/** What the compiler leaves out: `import type …`, and `import { type … }` of nothing else. */
function isTypeOnly(node: ts.ImportDeclaration | ts.ExportDeclaration): boolean {
  if (ts.isExportDeclaration(node)) return node.isTypeOnly || areTypes(node.exportClause);
  const { importClause: clause } = node;
  if (!clause) return false;
  return clause.isTypeOnly || (!clause.name && areTypes(clause.namedBindings));
}

function areTypes(bindings: ts.NamedImportBindings | ts.NamedExportBindings | undefined): boolean {
  if (!bindings || !(ts.isNamedImports(bindings) || ts.isNamedExports(bindings))) return false;
  return bindings.elements.every(({ isTypeOnly: isType }) => isType);
}

function textOf(specifier: ts.Expression): string {
  return ts.isStringLiteral(specifier) ? specifier.text : '';
}
