import { chown, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ParentWatch } from '../../../src/dev/embedded-postgres/parent-watch.js';
import { findServiceAccount, spawnOptions } from '../../../src/dev/embedded-postgres/service-account.js';
import type { HostAndPort } from '../../../src/platform/postgres/database-url.js';
import { removeFolder, temporaryFolder } from '../postgres/embedded-server.js';
import { freePort } from '../processes/free-port.js';
import { findProgram } from '../processes/system-program.mjs';
import type { PatroniNode } from './patroni-node.js';

const PACKAGES = { 'apt-get': 'haproxy', apk: 'haproxy', dnf: 'haproxy', brew: 'haproxy' };

/** HAProxy in front of a cluster: it leads to the node whose Patroni says that it is the primary. */
export class Haproxy {
  private constructor(
    readonly address: HostAndPort,
    private readonly folder: string,
    private readonly process: ParentWatch,
  ) {}

  static async before(nodes: readonly PatroniNode[]): Promise<Haproxy> {
    const program = await findProgram('haproxy', PACKAGES);
    const account = await findServiceAccount(undefined);
    const folder = await temporaryFolder();
    const address = { host: '127.0.0.1', port: await freePort() };
    const file = join(folder, 'haproxy.cfg');
    await writeFile(file, configuration(address, nodes));
    if (account) await Promise.all([folder, file].map((path) => chown(path, account.uid, account.gid)));
    const process = new ParentWatch(program, ['-db', '-f', file], spawnOptions(account));
    process.unref();
    return new Haproxy(address, folder, process);
  }

  async stop(): Promise<void> {
    await this.process.stop(['TERM', 'KILL'], 2_000);
    await removeFolder(this.folder);
  }
}

/** As in Patroni's own example: connections to a node that is no longer the primary are closed. */
function configuration({ host, port }: HostAndPort, nodes: readonly PatroniNode[]): string {
  const servers = nodes.map(({ name, address, restPort }) => {
    return `  server ${name} ${address.host}:${address.port} maxconn 200 check port ${restPort}`;
  });
  return `global
  maxconn 500
defaults
  mode tcp
  timeout connect 2s
  timeout check 1s
  timeout client 1h
  timeout server 1h
listen primary
  bind ${host}:${port}
  option httpchk OPTIONS /primary
  http-check expect status 200
  default-server inter 500ms fall 2 rise 1 on-marked-down shutdown-sessions
${servers.join('\n')}
`;
}
