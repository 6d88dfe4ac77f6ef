import assert from 'node:assert/strict';
import { cpSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Service } from './commands.mjs';
import { environmentOf } from './node-versions.mjs';
import { Terminal } from './terminal.mjs';

const EXAMPLES = fileURLToPath(new URL('../../examples', import.meta.url));
/** Where the README's readers find the application. */
const URL_OF_READERS = 'http://localhost:3000';
const SERVER = 'node dist/main.js';
const HERMETIC = {
  PORT: '0',
  ENABLE_REDIS_CACHE: 'false',
  npm_config_prefer_offline: 'true',
  npm_config_audit: 'false',
};

/** Runs the commands of an example's README, from top to bottom: they print what the blocks without a language below them show. */
export async function checkReadme(name, { folder }) {
  const host = join(folder, 'examples', name);
  const example = join(EXAMPLES, name);
  const isOwn = (path) => !['node_modules', 'dist', '.data'].includes(relative(example, path));
  cpSync(example, host, { recursive: true, filter: isOwn });
  const env = { ...(await environmentOf('22')), ...HERMETIC };
  for (const variable of ['DATABASE_URL', 'TENANTRY_TEST_DATABASE_URL']) delete env[variable];
  const terminal = new Terminal({ cwd: host, env });
  let service;
  let printed;
  try {
    for (const { language, text } of blocksOf(readFileSync(join(host, 'README.md'), 'utf8'))) {
      if (language === 'sh' && text === SERVER) {
        service = await start({ cwd: host, env });
        await terminal.run(`export URL=${service.url}`);
      } else if (language === 'sh') {
        printed = await terminal.run(service ? text.replaceAll(URL_OF_READERS, service.url) : text);
      } else if (language === '') {
        assert.equal(printed.trimEnd(), text, `${name}/README.md`);
      }
    }
    assert.ok(printed !== undefined && service, `${name}/README.md starts the application`);
  } finally {
    await terminal.close();
    await service?.stop();
  }
  console.log(`passed  ${name}`);
}

function blocksOf(markdown) {
  return Array.from(markdown.matchAll(/^```(\w*)\n([^]*?)\n```$/gm), ([, language, text]) => ({ language, text }));
}

async function start(host) {
  const [command, ...args] = SERVER.split(' ');
  const service = await Service.start(command, args, { ...host, ready: /listening on (\S+)/ });
  return Object.assign(service, { url: service.match[1].replace('[::1]', 'localhost') });
}
