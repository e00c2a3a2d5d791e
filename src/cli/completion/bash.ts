import { type CompletedCommand, type CompletedValue, valueOptions } from './command-tree.js';

const words = (list: readonly string[]): string => list.join(' ');

/** What a value is completed with, as an assignment; null where any text may follow. */
const offer = ({ values, kind }: CompletedValue, list: string): string | null => {
  if (values.length > 0) return `${list}='${words(values)}'`;
  return kind === null ? null : `kind='${kind}'`;
};

function branch({ path, commands, options, arguments: given }: CompletedCommand): string {
  const names = commands.map(({ name }) => name);
  const lists = options.flatMap((option) => {
    const offered = offer(option, 'values');
    return offered === null ? [] : [`      ${option.names.join('|')}) ${offered}; valued=yes ;;`];
  });
  const files = options
    .filter((option) => option.takesValue && offer(option, 'values') === null)
    .flatMap((option) => option.names);
  const positions = given.flatMap((argument, index) => {
    const offered = offer(argument, 'words');
    return offered === null ? [] : [`        ${index}) ${offered} ;;`];
  });
  return [
    `  '${words(path)}')`,
    `    words='${words(names)}'`,
    `    options='${words(options.flatMap((option) => option.names))}'`,
    '    case "$previous" in',
    ...lists,
    ...(files.length === 0 ? [] : [`      ${files.join('|')}) files=yes ;;`]),
    ...(positions.length === 0 ? [] : ['      *) case "$position" in', ...positions, '        esac ;;']),
    '    esac ;;',
  ].join('\n');
}

/**
 * A completion script for bash 3.2 and newer, such as `source <(promptos completion bash)`. The program is called as it was
 * typed, by `eval`, so that an alias is followed.
 */
export function bashCompletion(program: string, commands: readonly CompletedCommand[]): string {
  const paths = commands.slice(1).map(({ path }) => `'${words(path)}'`);
  return `# ${program}: completion for bash
_${program}() {
  local current="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD-1]}"
  local command='' word longer skip='' index position=0
  local words='' options='' values='' files='' kind='' valued=''
  for ((index = 1; index < COMP_CWORD; index++)); do
    word="\${COMP_WORDS[index]}"
    if [ -n "$skip" ]; then skip=''; continue; fi
    case "$word" in
      ${valueOptions(commands).join('|')}) skip=yes; continue ;;
      -*) continue ;;
    esac
    longer="\${command:+$command }$word"
    case "$longer" in
      ${paths.join('|')}) command="$longer"; position=0 ;;
      *) position=$((position + 1)) ;;
    esac
  done
  case "$command" in
${commands.map(branch).join('\n')}
  esac
  COMPREPLY=()
  if [ -n "$kind" ] && { [ -n "$valued" ] || [ "\${current:0:1}" != '-' ]; }; then
    words="$(eval "\${COMP_WORDS[0]} completion words $kind -- $(printf '%q ' "\${COMP_WORDS[@]:1:COMP_CWORD-1}")" 2>/dev/null)" || true
    if [ -n "$valued" ]; then values="$words"; fi
    # The newest run first, not the first of the alphabet; bash before 4.4 cannot.
    compopt -o nosort 2>/dev/null || true
  fi
  if [ -n "$valued" ]; then COMPREPLY=($(compgen -W "$values" -- "$current"))
  elif [ -n "$files" ]; then COMPREPLY=($(compgen -f -- "$current"))
  elif [ "\${current:0:1}" = '-' ]; then COMPREPLY=($(compgen -W "$options" -- "$current"))
  elif [ -n "$words" ]; then COMPREPLY=($(compgen -W "$words" -- "$current"))
  fi
  return 0
}
complete -o bashdefault -o default -F _${program} ${program}
`;
}
