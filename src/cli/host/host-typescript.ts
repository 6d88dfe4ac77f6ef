import { createRequire } from 'node:module';
import { join } from 'node:path';
import type ts from 'typescript';

export type TypeScript = typeof ts;

/**
 * The TypeScript of the application in a folder, with which it is compiled: this package depends on none. Undefined when
 * there is none, or one without the compiler's API.
 */
export function hostTypeScript(root: string): TypeScript | undefined {
  try {
    const loaded = createRequire(join(root, 'package.json'))('typescript') as Partial<TypeScript>;
    return loaded.createSourceFile && loaded.parseJsonConfigFileContent ? (loaded as TypeScript) : undefined;
  } catch {
    return undefined;
  }
}

/** Parses a file, with parents, so that positions of nodes are those in the text. */
export function parseSource(typescript: TypeScript, path: string, text: string): ts.SourceFile {
  return typescript.createSourceFile(path, text, typescript.ScriptTarget.Latest, true);
}
