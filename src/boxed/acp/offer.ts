import type { AcpClientSettings } from '../../contracts/config/acp-executor.js';
import { isAllowed } from './permissions.js';

type Allowed = Pick<AcpClientSettings, 'permissions' | 'client_files'>;

/** What the client offers to the agent, as the permission rule allows it; files only where the agent is to use them. */
export const offerOf = ({ permissions, client_files }: Allowed) => ({
  fs: {
    readTextFile: client_files && isAllowed(permissions, 'read'),
    writeTextFile: client_files && isAllowed(permissions, 'edit'),
  },
  terminal: isAllowed(permissions, 'execute'),
});

/** The same as names, for the record. */
export function offeredNames(allowed: Allowed): readonly string[] {
  const { fs, terminal } = offerOf(allowed);
  return [
    ...(fs.readTextFile ? ['fs/read_text_file'] : []),
    ...(fs.writeTextFile ? ['fs/write_text_file'] : []),
    ...(terminal ? ['terminal'] : []),
  ];
}
