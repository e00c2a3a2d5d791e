import { type CompletedCommand, type CompletedOption, valueOptions } from './command-tree.js';

/** Text inside fish's single quotes, where only the quote and the backslash need another backslash. */
const quoted = (text: string): string => `'${text.replaceAll(/[\\']/g, '\\$&').replaceAll('\n', ' ')}'`;

function optionLine(
  program: string,
  path: string,
  { names, description, takesValue, values }: CompletedOption,
): string {
  const spellings = names.map((name) => (name.startsWith('--') ? `-l ${name.slice(2)}` : `-s ${name.slice(1)}`));
  const value = values.length > 0 ? ` -x -a ${quoted(values.join(' '))}` : takesValue ? ' -r' : '';
  return `complete -c ${program} -n "__${program}_at '${path}'" ${spellings.join(' ')}${value} -d ${quoted(description)}`;
}

function lines(program: string, { path, commands, options, values }: CompletedCommand): readonly string[] {
  const at = path.join(' ');
  const offer = (name: string, description: string): string =>
    `complete -c ${program} -f -n "__${program}_at '${at}'" -a ${quoted(name)} -d ${quoted(description)}`;
  return [
    ...commands.map(({ name, description }) => offer(name, description)),
    ...values.map((value) => offer(value, '')),
    ...options.map((option) => optionLine(program, at, option)),
  ];
}

/** A completion script for fish, such as `promptos completion fish | source`. */
export function fishCompletion(program: string, commands: readonly CompletedCommand[]): string {
  const paths = commands.slice(1).map(({ path }) => quoted(path.join(' ')));
  return `# ${program}: completion for fish
function __${program}_at
  set -l command ''
  set -l skip ''
  for word in (commandline -opc)[2..-1]
    if test -n "$skip"
      set skip ''
      continue
    end
    switch "$word"
      case ${valueOptions(commands).join(' ')}
        set skip yes
        continue
      case '-*'
        continue
    end
    set -l longer (string trim -- "$command $word")
    contains -- "$longer" ${paths.join(' ')}; and set command "$longer"
  end
  test "$command" = "$argv[1]"
end
${commands.flatMap((command) => lines(program, command)).join('\n')}
`;
}
