import { type CompletedCommand, type CompletedOption, type CompletedValue, valueOptions } from './command-tree.js';

/** Text inside fish's single quotes, where only the quote and the backslash need another backslash. */
const quoted = (text: string): string => `'${text.replaceAll(/[\\']/g, '\\$&').replaceAll('\n', ' ')}'`;

/** What completes a value; null where any text may follow. The newest run comes first (-k keeps the order). */
const offer = (program: string, { values, kind }: CompletedValue): string | null => {
  if (values.length > 0) return `-a ${quoted(values.join(' '))}`;
  return kind === null ? null : `-k -a '(__${program}_words ${kind})'`;
};

function optionLine(program: string, path: string, option: CompletedOption): string {
  const { names, description, takesValue } = option;
  const spellings = names.map((name) => (name.startsWith('--') ? `-l ${name.slice(2)}` : `-s ${name.slice(1)}`));
  const offered = offer(program, option);
  const value = offered !== null ? ` -x ${offered}` : takesValue ? ' -r' : '';
  return `complete -c ${program} -n "__${program}_at '${path}'" ${spellings.join(' ')}${value} -d ${quoted(description)}`;
}

function lines(program: string, { path, commands, options, arguments: given }: CompletedCommand): readonly string[] {
  const at = path.join(' ');
  return [
    ...commands.map(
      ({ name, description }) =>
        `complete -c ${program} -f -n "__${program}_at '${at}'" -a ${quoted(name)} -d ${quoted(description)}`,
    ),
    ...given.flatMap((argument, index) => {
      const offered = offer(program, argument);
      return offered === null ? [] : [`complete -c ${program} -f -n "__${program}_at '${at}' ${index}" ${offered}`];
    }),
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
  set -l position 0
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
    if contains -- "$longer" ${paths.join(' ')}
      set command "$longer"
      set position 0
    else
      set position (math $position + 1)
    end
  end
  test "$command" = "$argv[1]"; and begin
    not set -q argv[2]; or test "$position" = "$argv[2]"
  end
end
function __${program}_words
  set -l typed (commandline -opc)
  $typed[1] completion words $argv[1] -- $typed[2..-1] 2>/dev/null
end
${commands.flatMap((command) => lines(program, command)).join('\n')}
`;
}
