import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from '@jest/globals';
import { loadAll } from 'js-yaml';
import ts from 'typescript';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const manifests = ['tenantry.yaml', 'migrate.yaml'].flatMap(
  (name) => loadAll(readFileSync(`${ROOT}ops/kubernetes/${name}`, 'utf8')) as { kind: string }[],
);

/** The module of kubernetes-types with the type of each kind. */
const MODULES: Readonly<Record<string, string>> = {
  ConfigMap: 'core/v1',
  Service: 'core/v1',
  Deployment: 'apps/v1',
  PodDisruptionBudget: 'policy/v1',
  Job: 'batch/v1',
};

/** What TypeScript says of objects that are declared as what Kubernetes accepts: unknown and missing properties, wrong types. */
function problemsOf(all: readonly { kind: string }[]): string[] {
  const path = `${ROOT}test/manifests.ts`; // where imports are found; the file is in memory only
  const source = all
    .map((manifest, n) => {
      const type = `import('kubernetes-types/${MODULES[manifest.kind]}').${manifest.kind}`;
      return `export const m${n}: ${type} = ${JSON.stringify(manifest)};`;
    })
    .join('\n');
  const options: ts.CompilerOptions = {
    ...{ strict: true, noEmit: true, types: [], lib: ['lib.es2022.d.ts'], target: ts.ScriptTarget.ES2022 },
    ...{ module: ts.ModuleKind.ESNext, moduleResolution: ts.ModuleResolutionKind.Bundler },
  };
  const host = ts.createCompilerHost(options);
  const { getSourceFile } = host;
  host.getSourceFile = (name, ...rest) =>
    name === path ? ts.createSourceFile(name, source, ts.ScriptTarget.ES2022) : getSourceFile(name, ...rest);
  const program = ts.createProgram([path], options, host);
  return ts.getPreEmitDiagnostics(program).map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n'));
}

it('the manifests are what Kubernetes accepts, without a property that it does not know', () => {
  expect(problemsOf(manifests)).toEqual([]);
  const misspelt = { ...manifests.find(({ kind }) => kind === 'Service')!, spce: {} };
  expect(problemsOf([misspelt])).toEqual([expect.stringContaining('spce')]);
});
