import { shellWord } from '../app/printable.js';

/** By this line a hook is known to be ours. */
export const HOOK_MARKER = '# promptos: lint staged prompt packs';

/** Settings of a repository's git that name what its commits are held to. */
export const JOB_SETTING = 'promptos.job';
export const PLAN_SETTING = 'promptos.plan';

/**
 * The text of the pre-commit hook. It lints, as they are staged, the packs of which something is staged; and where the
 * repository's git has a job, it judges what is staged by the rules on patches.
 * @param program the promptos to call when the repository has none of its own; null to look on PATH only
 */
export const preCommitHook = (program: string | null): string => `#!/bin/sh
${HOOK_MARKER}
# Written by \`promptos hooks install\`; remove the file to be rid of it.
set -u
program=${program === null ? "''" : shellWord(program)}
if [ -x node_modules/.bin/promptos ]; then program=$PWD/node_modules/.bin/promptos
elif [ -n "$program" ] && [ -x "$program" ]; then :
elif command -v promptos >/dev/null 2>&1; then program=promptos
else program=
fi
status=0
need() {
  [ -n "$program" ] && return 0
  echo "promptos: not found, so $1 cannot be checked; install it, or commit with --no-verify" >&2
  return 1
}
job=$(git config --type=path --get ${JOB_SETTING}) || job=
if [ -n "$job" ] && ! git diff --cached --quiet; then
  if [ -e "$(git rev-parse --git-path MERGE_HEAD)" ]; then
    echo 'promptos: a merge is not checked here; check the branch: promptos check --base COMMIT' >&2
  elif ! need 'what is staged'; then
    status=1
  else
    plan=$(git config --type=path --get ${PLAN_SETTING}) || plan=
    "$program" check --staged --job "$job" \${plan:+--plan "$plan"} >&2 || {
      status=1
      echo 'promptos: the commit is refused; docs/rules.md explains each rule. To commit all the same: git commit --no-verify' >&2
      echo 'promptos: continuous integration judges the branch again by the same rules.' >&2
    }
  fi
fi
packs=$(git -c core.quotePath=false ls-files -- 'prompts.index.json' '*/prompts.index.json') || exit 1
[ -n "$packs" ] || exit "$status"
staged=$(mktemp -d) || exit 1
trap 'rm -rf "$staged"' EXIT
trap 'exit 1' HUP INT TERM
while IFS= read -r index; do
  pack=$(dirname -- "$index")
  git --literal-pathspecs diff --cached --quiet -- "$pack" && continue
  git --literal-pathspecs ls-files -z -- "$pack" | git checkout-index -z --stdin --force --prefix="$staged/" || exit 1
  if need 'the staged prompt pack'; then ( cd "$staged" && "$program" lint "$pack" ) || status=1; else status=1; fi
done <<PACKS
$packs
PACKS
exit "$status"
`;
