import { type CompletedCommand, valueOptions } from './command-tree.js';

const words = (list: readonly string[]): string => list.join(' ');

function branch({ path, commands, options, values }: CompletedCommand): string {
  const names = commands.map(({ name }) => name);
  const lists = options
    .filter(({ values: listed }) => listed.length > 0)
    .map((option) => `      ${option.names.join('|')}) values='${words(option.values)}' ;;`);
  const files = options
    .filter(({ takesValue, values: listed }) => takesValue && listed.length === 0)
    .flatMap((option) => option.names);
  return [
    `  '${words(path)}')`,
    `    words='${words([...names, ...values])}'`,
    `    options='${words(options.flatMap((option) => option.names))}'`,
    '    case "$previous" in',
    ...lists,
    ...(files.length === 0 ? [] : [`      ${files.join('|')}) files=yes ;;`]),
    '    esac ;;',
  ].join('\n');
}

/** A completion script for bash 3.2 and newer, such as `source <(promptos completion bash)`. */
export function bashCompletion(program: string, commands: readonly CompletedCommand[]): string {
  const paths = commands.slice(1).map(({ path }) => `'${words(path)}'`);
  return `# ${program}: completion for bash
_${program}() {
  local current="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD-1]}"
  local command='' word longer skip='' index words='' options='' values='' files=''
  for ((index = 1; index < COMP_CWORD; index++)); do
    word="\${COMP_WORDS[index]}"
    if [ -n "$skip" ]; then skip=''; continue; fi
    case "$word" in
      ${valueOptions(commands).join('|')}) skip=yes; continue ;;
      -*) continue ;;
    esac
    longer="\${command:+$command }$word"
    case "$longer" in
      ${paths.join('|')}) command="$longer" ;;
    esac
  done
  case "$command" in
${commands.map(branch).join('\n')}
  esac
  COMPREPLY=()
  if [ -n "$values" ]; then COMPREPLY=($(compgen -W "$values" -- "$current"))
  elif [ -n "$files" ]; then COMPREPLY=($(compgen -f -- "$current"))
  elif [ "\${current:0:1}" = '-' ]; then COMPREPLY=($(compgen -W "$options" -- "$current"))
  elif [ -n "$words" ]; then COMPREPLY=($(compgen -W "$words" -- "$current"))
  fi
}
complete -o bashdefault -o default -F _${program} ${program}
`;
}
