import { Argument, Command, type CommandUnknownOpts, type Option } from '@commander-js/extra-typings';
import type { CommandContext } from './app/context.js';
import { positiveNumber } from './app/options.js';
import { shellWord } from './app/printable.js';
import type { WordKind } from './known-words.js';

/**
 * The hidden command that shells call while a line is typed. It prints what may come next, one candidate a line, and nothing
 * else. It never fails.
 */
export const completeCommand = (context: CommandContext): CommandUnknownOpts =>
  new Command('__complete')
    .description('print what may complete a line: for the scripts of "completion"')
    .argument('[words...]', 'the words of the line, behind --; the last is the one that is being typed')
    .action(async (words, _options, command: CommandUnknownOpts) => {
      const { parent } = command;
      if (parent === null) return;
      const lines = await candidates(context, parent, words);
      // As help is printed: the same where an alias has --json.
      command.configureOutput().writeOut?.(lines.map((line) => `${line}\n`).join(''));
    });

/**
 * The candidates for the last word of a line. They follow from the program's own definition, so that a new command needs
 * nothing of its own. The shell leaves out those that do not begin as the word does.
 */
async function candidates(
  context: CommandContext,
  program: CommandUnknownOpts,
  words: readonly string[],
): Promise<readonly string[]> {
  // Bash takes `--gate=P05` for three words, the others for one.
  const before = words.slice(0, -1).filter((word) => word !== '=');
  const current = words.at(-1) ?? '';
  const asksForHelp = before[0] === 'help';
  const place = placeOf(program, asksForHelp ? before.slice(1) : before);
  if (place === null) return [];
  const { command, operands, option } = place;
  const values = (of: Option | Argument) => valuesOf(context, of, before);
  if (option !== null && (option.owed || !current.startsWith('-'))) return values(option.of);
  if (asksForHelp && current.startsWith('-')) return [];
  const [, name] = /^(--[^=]+)=/.exec(current) ?? [];
  if (name !== undefined) {
    const named = command.options.find((each) => each.long === name && takesValue(each));
    return named === undefined ? [] : (await values(named)).map((value) => joined(`${name}=`, value));
  }
  if (current.startsWith('-')) return optionLines(place);
  const commands = operands === 0 ? command.createHelp().visibleCommands(command) : [];
  const lines = commands.map((each) => described(each.name(), each.description()));
  if (words.length === 1) lines.push(described('help', 'show the help of a command'));
  const argument = command.registeredArguments[operands] ?? command.registeredArguments.findLast((one) => one.variadic);
  return asksForHelp || argument === undefined ? lines : [...lines, ...(await values(argument))];
}

/** What the words before the one that is typed have come to. */
interface Place {
  readonly command: CommandUnknownOpts;
  /** How many arguments of the command there are. */
  readonly operands: number;
  readonly used: ReadonlySet<Option>;
  /** The option that the next word may be a value of; it must be one where it is owed. */
  readonly option: { readonly of: Option; readonly owed: boolean } | null;
}

/** Null behind `--`, where nothing is completed. */
function placeOf(program: CommandUnknownOpts, words: readonly string[]): Place | null {
  let [command, operands, used]: [CommandUnknownOpts, number, Set<Option>] = [program, 0, new Set()];
  let option: Place['option'] = null;
  for (const word of words) {
    if (option !== null && (option.owed || !word.startsWith('-'))) {
      option = option.of.variadic ? { of: option.of, owed: false } : null;
    } else if (word === '--') {
      return null;
    } else if (word.startsWith('-')) {
      const [name = '', value] = word.startsWith('--') ? word.split('=', 2) : [word];
      const found = command.options.find(({ long, short }) => long === name || short === name);
      if (found !== undefined) used.add(found);
      option =
        found !== undefined && takesValue(found) && value === undefined ? { of: found, owed: found.required } : null;
    } else {
      option = null;
      const below = operands === 0 ? command.commands.find((each) => each.name() === word) : undefined;
      if (below === undefined) operands += 1;
      else [command, used] = [below, new Set()];
    }
  }
  return { command, operands, used, option };
}

const takesValue = ({ required, optional }: Option): boolean => required || optional;

/** Parsers of our own collect values, but for that of a number. */
const isRepeatable = ({ variadic, parseArg, argChoices }: Option): boolean =>
  variadic || (parseArg !== undefined && parseArg !== positiveNumber && argChoices === undefined);

const optionLines = ({ command, used }: Place): readonly string[] =>
  command
    .createHelp()
    .visibleOptions(command)
    .filter((option) => !used.has(option) || isRepeatable(option))
    .flatMap(({ short, long, description }) =>
      [short, long].filter((name) => name !== undefined).map((name) => described(name, description)),
    );

const described = (value: string, description: string): string => `${value}\t${description.replaceAll(/\s+/g, ' ')}`;

/** What asks the shell for paths stays as it is. */
const joined = (prefix: string, value: string): string => (value.startsWith(':') ? value : prefix + value);

/** Options whose value is a name of the policy, whatever their help calls it. */
const OF_OPTION: ReadonlyMap<string | undefined, WordKind> = new Map([
  ['--as', 'people'],
  ['--decide-as', 'people'],
  ['--developer', 'people'],
  ['--integrator', 'people'],
  ['--for', 'principals'],
]);

/** By what the help of a command calls a value. */
const OF_VALUE: ReadonlyMap<string, WordKind> = new Map([
  ['run', 'runs'],
  ['run-id', 'runs'],
  ['tree-or-run', 'runs'],
  ['escalation', 'escalations'],
  ['person', 'people'],
  ['principal', 'principals'],
]);

/** Folders by what the help calls the value; files where any text may follow. */
async function valuesOf(
  context: CommandContext,
  of: Option | Argument,
  line: readonly string[],
): Promise<readonly string[]> {
  if (of.argChoices !== undefined) return of.argChoices;
  const [name, long] = 'flags' in of ? [/[<[]([\w-]+)/.exec(of.flags)?.[1] ?? '', of.long] : [of.name(), undefined];
  const kind = OF_OPTION.get(long) ?? OF_VALUE.get(name);
  if (kind === undefined) return [name === 'dir' || name === 'path' ? ':folders' : ':files'];
  const { knownWords } = await import('./known-words.js');
  // A shell puts the word into the line as it is: one that needs quotes could be a command there.
  const known = (await knownWords(context, kind, line)).filter((word) => shellWord(word) === word);
  return name === 'tree-or-run' ? [...known, ':files'] : known;
}

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
