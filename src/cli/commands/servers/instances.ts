import type { Command } from 'commander';
import { APP_CONFIG } from '../../../platform/config/app-config.js';
import { instanceIdOf } from '../../../platform/config/instance-id.js';
import { InstanceList } from '../../../admin/instances/instance-list.js';
import type { InstanceView } from '../../../admin/instances/instances.schemas.js';
import type { CommandContext, CommandRunners } from '../../session/command-context.js';

const COLUMNS = [
  { title: 'NAME', value: ({ name, worker }: InstanceView) => (worker === null ? name : `${name}/${worker}`) },
  { title: 'ID', value: ({ id }: InstanceView) => id },
  { title: 'PID', value: ({ pid }: InstanceView) => pid },
  { title: 'STATE', value: ({ isSilent }: InstanceView) => (isSilent ? 'silent' : 'running') },
  { title: 'SINCE', value: ({ startedAt }: InstanceView) => startedAt },
  { title: 'CONNECTIONS LENT', value: ({ servers }: InstanceView) => servers.map(describe).join(', ') },
];

/** `instances` */
export function defineInstances(command: Command, { run }: CommandRunners): void {
  command.action(() => run(list));
}

/** Without the command's own process, which is one as well. */
async function list({ output, session }: CommandContext): Promise<void> {
  const own = instanceIdOf(session.get<object>(APP_CONFIG));
  const items = (await session.get(InstanceList).list()).filter(({ id }) => id !== own);
  output.print(items, () => output.table(items, COLUMNS, 'no instance is running'));
}

function describe({ server, lent, needed }: InstanceView['servers'][number]): string {
  return `${server} ${lent} (needs ${needed})`;
}
