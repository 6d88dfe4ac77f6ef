import type ts from 'typescript';
import { parseSource, type TypeScript } from './host-typescript.js';
import { indentationAt, type Insertion, lineBreakOf, withInsertions } from './text-edit.js';

/** Names to import from a module: `{ names: ['TenantryModule'], from: 'tenantry' }`. */
export interface NamedImport {
  readonly names: readonly string[];
  readonly from: string;
}

/** Raised when a file has a form that is not edited; the message names it. */
export class UneditableFileError extends Error {}

/** Lines of an expression; a tab in front is one step of the file's indentation. */
export type Element = readonly string[];

/**
 * Adds elements to the `imports` of a Nest module, and the import declarations that they need, in the file's own quotes,
 * indentation and line breaks.
 *
 * @param className the module's class
 * @throws UneditableFileError
 */
export function addToModule(
  typescript: TypeScript,
  { text, className }: { readonly text: string; readonly className: string },
  { elements, imports }: { readonly elements: readonly Element[]; readonly imports: readonly NamedImport[] },
): string {
  const source = parseSource(typescript, 'module.ts', text);
  const metadata = moduleMetadata(typescript, source, className);
  const list = propertyOf(typescript, metadata, 'imports');
  const insertions = list
    ? appendElements(source, arrayOf(typescript, list, 'imports'), elements)
    : addProperty(source, metadata, elements);
  return withInsertions(text, [...addImports(typescript, source, imports), ...insertions]);
}

/**
 * Adds an element to an array in the argument of a call such as `TenantryModule.forFeature({ migrations: [ … ] })`.
 *
 * @returns undefined when the file has no such call, or several
 * @throws UneditableFileError
 */
export function addToCall(
  typescript: TypeScript,
  text: string,
  { callee, property, element, from }: { callee: string; property: string; element: string; from: string },
): string | undefined {
  const source = parseSource(typescript, 'module.ts', text);
  const found: ts.ObjectLiteralExpression[] = [];
  const visit = (node: ts.Node): void => {
    if (typescript.isCallExpression(node) && node.expression.getText(source) === callee) {
      const [argument] = node.arguments;
      if (argument && typescript.isObjectLiteralExpression(argument)) found.push(argument);
    }
    typescript.forEachChild(node, visit);
  };
  visit(source);
  const lists = found.flatMap((argument) => propertyOf(typescript, argument, property) ?? []);
  const [list, ...others] = lists;
  if (!list || others.length > 0) return undefined;
  const insertions = appendElements(source, arrayOf(typescript, list, property), [[element]]);
  return withInsertions(text, [...addImports(typescript, source, [{ names: [element], from }]), ...insertions]);
}

function moduleMetadata(typescript: TypeScript, source: ts.SourceFile, className: string): ts.ObjectLiteralExpression {
  const declaration = source.statements.find(
    (statement): statement is ts.ClassDeclaration =>
      typescript.isClassDeclaration(statement) && statement.name?.text === className,
  );
  if (!declaration) throw new UneditableFileError(`it has no class ${className}`);
  for (const { expression } of typescript.getDecorators(declaration) ?? []) {
    if (!typescript.isCallExpression(expression) || expression.expression.getText(source) !== 'Module') continue;
    const [argument] = expression.arguments;
    if (argument && typescript.isObjectLiteralExpression(argument)) return argument;
    throw new UneditableFileError('the argument of @Module is not an object literal');
  }
  throw new UneditableFileError(`${className} has no decorator @Module`);
}

function propertyOf(
  typescript: TypeScript,
  literal: ts.ObjectLiteralExpression,
  name: string,
): ts.PropertyAssignment | undefined {
  for (const property of literal.properties) {
    if (typescript.isSpreadAssignment(property))
      throw new UneditableFileError(
        `an object literal spreads ${property.expression.getText()}, which may hold ${name}`,
      );
    if (property.name.getText() !== name) continue;
    if (typescript.isPropertyAssignment(property)) return property;
    throw new UneditableFileError(`${name} is not given as an array literal`);
  }
  return undefined;
}

function arrayOf(
  typescript: TypeScript,
  { initializer }: ts.PropertyAssignment,
  name: string,
): ts.ArrayLiteralExpression {
  if (typescript.isArrayLiteralExpression(initializer)) return initializer;
  throw new UneditableFileError(`${name} is not given as an array literal`);
}

function appendElements(
  source: ts.SourceFile,
  array: ts.ArrayLiteralExpression,
  elements: readonly Element[],
): Insertion[] {
  const { text } = source;
  const [start, lineBreak] = [array.getStart(source), lineBreakOf(text)];
  const outerIndentation = indentationAt(text, start);
  const last = array.elements.at(-1);
  if (!text.slice(start, array.end).includes('\n')) {
    const lines = elements.map((element) => indented(element, outerIndentation, source).trimStart()).join(', ');
    return [{ at: last?.end ?? array.end - 1, text: last ? `, ${lines}` : lines }];
  }
  if (!last) {
    const lines = elements.map(
      (element) => `${indented(element, outerIndentation + indentationUnit(text), source)},${lineBreak}`,
    );
    return [{ at: array.end - 1, text: `${lines.join('').trimStart()}${outerIndentation}` }];
  }
  const indentation = indentationAt(text, last.getStart(source));
  const lines = elements.map((element) => `,${lineBreak}${indented(element, indentation, source)}`).join('');
  if (!array.elements.hasTrailingComma) return [{ at: last.end, text: lines }];
  const lineEnd = text.indexOf(lineBreak, array.elements.end); // behind a comment
  const at = lineEnd >= 0 && lineEnd < array.end ? lineEnd : array.elements.end;
  return [{ at, text: `${lines.slice(1)},` }];
}

function addProperty(
  source: ts.SourceFile,
  literal: ts.ObjectLiteralExpression,
  elements: readonly Element[],
): Insertion[] {
  const { text } = source;
  const lineBreak = lineBreakOf(text);
  const outerIndentation = indentationAt(text, literal.getStart(source));
  const indentation = outerIndentation + indentationUnit(text);
  const lines = elements.map(
    (element) => `${indented(element, indentation + indentationUnit(text), source)},${lineBreak}`,
  );
  const property = `${lineBreak}${indentation}imports: [${lineBreak}${lines.join('')}${indentation}],`;
  const isOnLines = /^\{\s*\n/.test(text.slice(literal.getStart(source)));
  return [
    { at: literal.getStart(source) + 1, text: isOnLines ? property : `${property}${lineBreak}${outerIndentation}` },
  ];
}

function indented(element: Element, indentation: string, { text }: ts.SourceFile): string {
  return element.map((line) => indentation + line.replace(/^\t/, indentationUnit(text))).join(lineBreakOf(text));
}

/** One step of the file's indentation. */
function indentationUnit(text: string): string {
  return /\n(\t| +)\S/.exec(text)?.[1] ?? '  ';
}

/** Behind the last import; a name that is imported already is left out. */
function addImports(typescript: TypeScript, source: ts.SourceFile, imports: readonly NamedImport[]): Insertion[] {
  const declarations = source.statements.filter((statement) => typescript.isImportDeclaration(statement));
  const last = declarations.at(-1);
  const { text } = source;
  const lineBreak = lineBreakOf(text);
  const quote = last?.moduleSpecifier.getText(source)[0] ?? "'";
  const end = !last || last.getText(source).endsWith(';') ? ';' : '';
  const imported = new Set(declarations.flatMap((declaration) => importedNames(typescript, declaration)));
  const lines = imports.flatMap(({ names, from }) => {
    const missing = names.filter((name) => !imported.has(name));
    return missing.length === 0 ? [] : [`import { ${missing.join(', ')} } from ${quote}${from}${quote}${end}`];
  });
  if (lines.length === 0) return [];
  if (!last) return [{ at: source.getStart(), text: `${lines.join(lineBreak)}${lineBreak}` }];
  return [{ at: last.end, text: `${lineBreak}${lines.join(lineBreak)}` }];
}

function importedNames(typescript: TypeScript, { importClause }: ts.ImportDeclaration): string[] {
  const bindings = importClause?.namedBindings;
  if (!bindings || !typescript.isNamedImports(bindings)) return [];
  return bindings.elements.map(({ name }) => name.text);
}
