import type { PermissionRule } from '../../contracts/acp-executor.js';
import { isAllowed } from './permissions.js';

/** What the client offers to the agent, as the permission rule allows it. */
export const offerOf = (permissions: PermissionRule) => ({
  fs: { readTextFile: isAllowed(permissions, 'read'), writeTextFile: isAllowed(permissions, 'edit') },
  terminal: isAllowed(permissions, 'execute'),
});

/** The same as names, for the record. */
export function offeredNames(permissions: PermissionRule): readonly string[] {
  const { fs, terminal } = offerOf(permissions);
  return [
    ...(fs.readTextFile ? ['fs/read_text_file'] : []),
    ...(fs.writeTextFile ? ['fs/write_text_file'] : []),
    ...(terminal ? ['terminal'] : []),
  ];
}
