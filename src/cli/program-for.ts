import { type CommandContext, programOf } from './context.js';
import { shellWord } from './printable.js';
import { findProject, type Project } from './project.js';

/** How a command must begin to reach a run's project from here: another repository than the one around is named. */
export async function programFor(context: CommandContext, { files }: Project): Promise<string> {
  const here = await findProject(context);
  if (here.files.home === files.home || files.repository === null) return programOf(context);
  return `${programOf(context)} -C ${shellWord(files.repository)}`;
}
