import { singleQuoted } from '../app/printable.js';
import { type CompletedCommand, type CompletedOption, type CompletedValue, valueOptions } from './command-tree.js';

/** Text in a description of `_describe`: a colon would end the word before it. */
const described = (name: string, description: string): string =>
  singleQuoted(`${name.replaceAll(':', '\\:')}:${description.replaceAll('\n', ' ')}`);

const optionLines = (options: readonly CompletedOption[]): string =>
  options.flatMap(({ names, description }) => names.map((name) => described(name, description))).join(' ');

/** What completes a value, as commands; null where any text may follow. */
const offer = (program: string, { values, kind }: CompletedValue): string | null => {
  if (values.length > 0) return `compadd -V values -- ${values.join(' ')}`;
  return kind === null ? null : `_${program}_words ${kind}`;
};

function branch(program: string, { path, commands, options, arguments: given }: CompletedCommand): string {
  const lists = options.flatMap((option) => {
    const offered = offer(program, option);
    return offered === null ? [] : [`      ${option.names.join('|')}) ${offered}; return ;;`];
  });
  const files = options
    .filter((option) => option.takesValue && offer(program, option) === null)
    .flatMap((option) => option.names);
  const positions = given.flatMap((argument, index) => {
    const offered = offer(program, argument);
    return offered === null ? [] : [`        ${index}) ${offered} && return ;;`];
  });
  return [
    `  '${path.join(' ')}')`,
    '    case "$words[CURRENT-1]" in',
    ...lists,
    ...(files.length === 0 ? [] : [`      ${files.join('|')}) _files; return ;;`]),
    '    esac',
    ...(positions.length === 0
      ? []
      : [
          '    if [[ "$words[CURRENT]" != -* ]]; then',
          '      case "$position" in',
          ...positions,
          '      esac',
          '    fi',
        ]),
    `    options=(${optionLines(options)})`,
    `    commands=(${commands.map(({ name, description }) => described(name, description)).join(' ')}) ;;`,
  ].join('\n');
}

/**
 * A completion script for zsh: a file `_promptos` on `fpath`, or `source <(promptos completion zsh)`. The program is called
 * as it was typed, by `eval`, so that an alias is followed.
 */
export function zshCompletion(program: string, commands: readonly CompletedCommand[]): string {
  const paths = commands.slice(1).map(({ path }) => `'${path.join(' ')}'`);
  return `#compdef ${program}
_${program}_words() {
  local -a found
  found=(\${(f)"$(eval "$words[1] completion words $1 -- \${(@q)words[2,CURRENT-1]}" 2>/dev/null)"})
  (( $#found )) && compadd -V "$1" -- $found
}
_${program}() {
  local -a options commands
  local word longer command='' skip='' position=0
  for word in "\${(@)words[2,CURRENT-1]}"; do
    if [[ -n "$skip" ]]; then skip=''; continue; fi
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
${commands.map((command) => branch(program, command)).join('\n')}
  esac
  if [[ "$words[CURRENT]" == -* ]]; then _describe option options
  elif (( $#commands )); then _describe command commands
  else _files
  fi
}
if [ "$funcstack[1]" = "_${program}" ]; then _${program} "$@"; else compdef _${program} ${program}; fi
`;
}
