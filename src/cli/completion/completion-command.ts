import { Argument, Command, type CommandUnknownOpts } from '@commander-js/extra-typings';
import type { CommandContext } from '../app/context.js';

/*
 * Each shell hands the words of the line to the program and offers what it prints; a line `:files` or `:folders` asks the
 * shell to complete a path too. The program is called as it was typed, so that an alias is followed.
 */

/** For bash 3.2 and newer, which takes `--gate=P05` for three words. */
const BASH = `# promptos: completion for bash
_promptos() {
  local IFS=$'\\n' line current="\${COMP_WORDS[COMP_CWORD]}"
  if [ "$current" = '=' ]; then current=''; fi
  COMPREPLY=()
  # The newest run first, not the first of the alphabet; bash before 4.4 cannot.
  compopt -o nosort 2>/dev/null || true
  while read -r line; do
    case "$line" in
      :files) compopt -o filenames 2>/dev/null || true; COMPREPLY+=($(compgen -f -- "$current")) || true ;;
      :folders) compopt -o filenames 2>/dev/null || true; COMPREPLY+=($(compgen -d -- "$current")) || true ;;
      "$current"*) COMPREPLY+=("\${line%%$'\\t'*}") ;;
    esac
  done < <(eval "\${COMP_WORDS[0]} __complete -- $(printf '%q ' "\${COMP_WORDS[@]:1:COMP_CWORD}")" 2>/dev/null)
  return 0
}
complete -o bashdefault -o default -F _promptos promptos
`;

/** A file `_promptos` on `fpath`, or `source <(promptos completion zsh)`. */
const ZSH = `#compdef promptos
_promptos() {
  local line paths=''
  local -a values shown typed=("\${(@Q)words[2,CURRENT]}")
  for line in "\${(@f)$(eval "$words[1] __complete -- \${(j: :)\${(@q)typed}}" 2>/dev/null)}"; do
    case "$line" in
      :files|:folders) paths="$line" ;;
      ?*) values+=("\${line%%$'\\t'*}"); shown+=("\${line/$'\\t'/  -- }") ;;
    esac
  done
  (( $#values )) && compadd -V promptos -l -d shown -- "\${values[@]}"
  [[ -n "$paths" && "$words[CURRENT]" == --*=* ]] && compset -P 1 '*='
  case "$paths" in
    :files) _files ;;
    :folders) _files -/ ;;
  esac
}
if [ "$funcstack[1]" = "_promptos" ]; then _promptos "$@"; else compdef _promptos promptos; fi
`;

const FISH = `# promptos: completion for fish
function __promptos_complete
  set -l typed (commandline -opc)
  type -q $typed[1]; or return
  set -l current (commandline -ct)
  set -l option (string match -r -- '^--[^=]+=' "$current")
  set -l path (string replace -r -- '^--[^=]+=' '' "$current")
  for line in ($typed[1] __complete -- $typed[2..-1] "$current" 2>/dev/null)
    switch "$line"
      case :files
        __fish_complete_path "$path" | string replace -r -- '^' "$option"
      case :folders
        __fish_complete_directories "$path" | string replace -r -- '^' "$option"
      case '*'
        echo $line
    end
  end
end
complete -c promptos -k -f -a '(__promptos_complete)'
`;

const SCRIPTS = { bash: BASH, zsh: ZSH, fish: FISH } as const;
const SHELLS = Object.keys(SCRIPTS) as (keyof typeof SCRIPTS)[];

const EXAMPLES = `
Examples:
  source <(promptos completion bash)                        bash: in ~/.bashrc
  promptos completion zsh > "\${fpath[1]}/_promptos"         zsh
  promptos completion fish > ~/.config/fish/completions/promptos.fish

Commands, options, gates, run ids (the newest first), escalations and names of the policy are completed. Runs and names come
from the files of the repository around; no server or bucket is asked.`;

/** `promptos completion SHELL`: a script by which a shell completes lines. */
export const completionCommand = (context: CommandContext): CommandUnknownOpts =>
  new Command('completion')
    .addArgument(new Argument('<shell>', 'the shell').choices(SHELLS))
    .addHelpText('after', EXAMPLES)
    .action((shell) => {
      const script = SCRIPTS[shell];
      const output = context.output();
      if (output.json) output.emit({ shell, script });
      else output.say(script.trimEnd());
    });
