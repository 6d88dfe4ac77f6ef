// Part of `npm run build`: bundles the operators' console into dist/console. Names of scripts and styles contain a hash of their
// content, so that browsers may keep them.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const SOURCE = fileURLToPath(new URL('.', import.meta.url));
const OUTPUT = fileURLToPath(new URL('../dist/console', import.meta.url));

rmSync(OUTPUT, { recursive: true, force: true });
mkdirSync(OUTPUT, { recursive: true });

const { metafile } = await build({
  absWorkingDir: SOURCE,
  entryPoints: ['src/main.tsx', 'src/console.css'],
  entryNames: '[name]-[hash]',
  outdir: OUTPUT,
  bundle: true,
  minify: true,
  format: 'esm',
  target: ['es2023'],
  jsx: 'automatic',
  jsxImportSource: 'preact',
  legalComments: 'none',
  metafile: true,
  logLevel: 'warning',
});

const outputs = Object.keys(metafile.outputs).map((path) => basename(path));
const page = readFileSync(join(SOURCE, 'index.html'), 'utf8')
  .replace('{{script}}', one('.js'))
  .replace('{{style}}', one('.css'));
writeFileSync(join(OUTPUT, 'index.html'), page);

function one(extension) {
  const [name, ...others] = outputs.filter((output) => output.endsWith(extension));
  if (name === undefined || others.length > 0) throw new Error(`expected one ${extension} file: ${outputs.join(', ')}`);
  return name;
}
