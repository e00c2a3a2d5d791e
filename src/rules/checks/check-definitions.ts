/** What decides whether a change counts as good: `ci` runs checks, `runner` tests, `lint` judges code, `task` has commands. */
export type CheckDefinition = 'ci' | 'runner' | 'lint' | 'task';

const ROWS: readonly (readonly [kind: CheckDefinition, pattern: RegExp])[] = [
  ['ci', /(?:^|\/)\.(?:github|gitea|forgejo)\/(?:workflows|actions)\//],
  ['ci', /(?:^|\/)\.(?:circleci|buildkite|tekton|woodpecker|teamcity|azure-pipelines|gitlab\/ci)\//],
  [
    'ci',
    /(?:^|\/)(?:\.gitlab-ci|\.travis|\.drone|\.appveyor|appveyor|\.woodpecker|bitbucket-pipelines|buildspec|cloudbuild)\.ya?ml$/,
  ],
  [
    'ci',
    /(?:^|\/)(?:azure-pipelines[\w.-]{0,60}\.ya?ml|jenkinsfile[\w.-]{0,60}|\.pre-commit-config\.yaml|lefthook\.ya?ml)$/,
  ],
  ['ci', /(?:^|\/)\.(?:husky|githooks)\/|(?:^|\/)codeowners$|^(?:.*\/)?action\.ya?ml$/],
  [
    'runner',
    /(?:^|\/)(?:vitest|jest|playwright|cypress|karma|ava|wdio|nightwatch|jasmine)[\w.-]{0,40}\.(?:config|conf|setup|workspace|projects)\.[a-z]{1,5}$/,
  ],
  ['runner', /(?:^|\/)(?:vitest|jest)\.[\w-]{1,20}\.[cm]?[jt]s$/],
  ['runner', /(?:^|\/)(?:\.mocharc|\.nycrc|\.c8rc|\.taprc|nyc\.config|jasmine)[\w.-]{0,12}$/],
  [
    'runner',
    /(?:^|\/)(?:pytest\.ini|tox\.ini|noxfile\.py|conftest\.py|\.coveragerc|phpunit(?:\.dist)?\.xml(?:\.dist)?|\.rspec|nextest\.toml)$/,
  ],
  [
    'runner',
    /(?:^|\/)\.?codecov\.ya?ml$|(?:^|\/)(?:sonar-project\.properties|\.simplecov|tarpaulin\.toml|stryker\.conf[\w.-]{1,12})$/,
  ],
  [
    'runner',
    /(?:^|\/)vite\.config\.[cm]?[jt]s$|(?:^|\/)(?:\.config\/nextest\.toml|karma\.conf\.[a-z]{1,5}|testng\.xml)$/,
  ],
  [
    'task',
    /(?:^|\/)(?:(?:gnu)?makefile|[\w.-]{1,40}\.mk|\.?justfile|taskfile\.ya?ml|rakefile|turbo\.json|nx\.json|magefile\.go)$/,
  ],
  [
    'lint',
    /(?:^|\/)(?:biome\.jsonc?|tsconfig[\w.-]{0,40}\.json|knip\.jsonc?|\.?oxlintrc\.json|tslint\.json|\.pylintrc|ruff\.toml|\.ruff\.toml|mypy\.ini|\.flake8|pyrightconfig\.json)$/,
  ],
  [
    'lint',
    /(?:^|\/)(?:\.?eslint(?:rc|\.config|ignore)[\w.-]{0,12}|\.golangci\.ya?ml|\.?clippy\.toml|\.rubocop\.ya?ml|phpstan[\w.-]{0,20}\.neon(?:\.dist)?)$/,
  ],
];

/** What a path is to whoever judges changes; null for any other file. */
export function checkDefinitionOf(path: string): CheckDefinition | null {
  const lower = path.toLowerCase();
  return ROWS.find(([, pattern]) => pattern.test(lower))?.[0] ?? null;
}
