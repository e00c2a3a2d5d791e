import { type CompletedCommand, type CompletedOption, singleQuoted, valueOptions } from './command-tree.js';

/** Text in a description of \`_describe\`: a colon would end the word before it. */
const described = (name: string, description: string): string =>
  singleQuoted(`${name.replaceAll(':', '\\:')}:${description.replaceAll('\n', ' ')}`);

const optionLines = (options: readonly CompletedOption[]): string =>
  options.flatMap(({ names, description }) => names.map((name) => described(name, description))).join(' ');

function branch({ path, commands, options, values }: CompletedCommand): string {
  const lists = options
    .filter((option) => option.values.length > 0)
    .map((option) => `      ${option.names.join('|')}) compadd -- ${option.values.join(' ')}; return ;;`);
  const files = options
    .filter((option) => option.takesValue && option.values.length === 0)
    .flatMap((option) => option.names);
  const names = [
    ...commands.map(({ name, description }) => described(name, description)),
    ...values.map((value) => singleQuoted(value)),
  ];
  return [
    `  '${path.join(' ')}')`,
    '    case "$words[CURRENT-1]" in',
    ...lists,
    ...(files.length === 0 ? [] : [`      ${files.join('|')}) _files; return ;;`]),
    '    esac',
    `    options=(${optionLines(options)})`,
    `    commands=(${names.join(' ')}) ;;`,
  ].join('\n');
}

/** A completion script for zsh: a file \`_promptos\` on \`fpath\`, or \`source <(promptos completion zsh)\`. */
export function zshCompletion(program: string, commands: readonly CompletedCommand[]): string {
  const paths = commands.slice(1).map(({ path }) => `'${path.join(' ')}'`);
  return `#compdef ${program}
_${program}() {
  local -a options commands
  local word longer command='' skip=''
  for word in "\${(@)words[2,CURRENT-1]}"; do
    if [[ -n "$skip" ]]; then skip=''; continue; fi
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
  if [[ "$words[CURRENT]" == -* ]]; then _describe option options
  elif (( $#commands )); then _describe command commands
  else _files
  fi
}
if [ "$funcstack[1]" = "_${program}" ]; then _${program} "$@"; else compdef _${program} ${program}; fi
`;
}
