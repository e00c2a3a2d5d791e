/** What a rule asks, and what whoever broke it can do: for SARIF, `promptos check` and docs/rules.md. */
export interface RuleText {
  /** One sentence. */
  readonly asks: string;
  /** One or two sentences. */
  readonly help: string;
}

/** Rules on patches: P05, P06, `promptos verify` and `promptos check` judge with them. */
const ON_PATCHES = {
  applies: {
    asks: 'The patch applies to the base commit.',
    help: 'Make the change again on the base commit.',
  },
  empty: { asks: 'The patch changes something.', help: 'Stage or commit the change, or name the right range.' },
  scope: {
    asks: 'Every path that the patch touches is in the scope of the request and of the job.',
    help: 'Leave the file as it is, or start a run whose scope has it.',
  },
  plan: {
    asks: 'Every path that the patch touches is one that the plan names.',
    help: 'Leave the file as it is, or have the plan name it.',
  },
  plan_files: {
    asks: 'The patch touches every file that the plan names.',
    help: 'Make the missing change, or plan without the file.',
  },
  protected_tests: {
    asks: 'A protected test that existed before is changed only where the plan names it.',
    help: 'Add a new test in place of changing this one, or have the plan name it.',
  },
  weakened_tests: {
    asks: 'Tests that are removed, turned off or emptied are reported.',
    help: 'Restore the test, or say why it goes.',
  },
  check_definitions: {
    asks: 'Changes of what judges a change are reported: CI, configuration of tools, scripts, thresholds.',
    help: 'Compare both sides of the definition.',
  },
  dependencies: {
    asks: 'Manifests and lock files of dependencies change only where the plan names them.',
    help: 'Have the plan name the file.',
  },
  generated_files: {
    asks: 'Changes of generated and vendored files are reported.',
    help: 'Run the tool in place of editing its output.',
  },
  licences: { asks: 'Removed notices and changed licence files are reported.', help: 'Restore the notice.' },
  prompt_injection: {
    asks: 'No added line instructs an agent that judges.',
    help: 'Remove the line, or have it waived.',
  },
  agent_files: {
    asks: 'A file that steers coding agents is changed only where plan and policy name it.',
    help: 'Leave the file as it is. To change it, name it in the plan and in agent_files.allow of the policy.',
  },
  paths: {
    asks: 'No path and no symbolic link leaves the tree or reaches a .git folder.',
    help: 'Use paths inside the repository. This rule is never waived.',
  },
  links: { asks: 'Symbolic links are reported.', help: 'Look at where the link leads.' },
  submodules: {
    asks: 'The patch changes no submodule, nested repository or .gitmodules.',
    help: 'Change submodules outside of a governed run.',
  },
  modes: {
    asks: 'File modes are those that git writes; files that become executable are reported.',
    help: 'Restore the mode of the file.',
  },
  attributes: {
    asks: 'Every file is clean in a checkout with the attributes of the repository.',
    help: 'Write the file with the line endings and the encoding that .gitattributes asks for.',
  },
  binary: {
    asks: 'Binary files are reported: no rule reads them.',
    help: 'Look at the file with a program for its type.',
  },
  hidden_text: {
    asks: 'No line has characters that hide or reorder what it says.',
    help: 'Remove the characters that the message names.',
  },
  conflict_markers: { asks: 'No file has conflict markers.', help: 'Finish the merge of the file.' },
  size: {
    asks: "The patch is within the policy's limits.patch_bytes and limits.patch_files.",
    help: 'Split the change.',
  },
  secrets: {
    asks: 'The patch adds no credential.',
    help: 'Remove the credential, and revoke it if it was shared. This rule is never waived.',
  },
  secret_candidates: {
    asks: 'The patch adds no value that may be a credential.',
    help: 'Remove the value, or have an integrator waive it by its fingerprint.',
  },
  home_paths: {
    asks: 'No added line names a path in a home folder.',
    help: 'Use a path relative to the repository, or a variable.',
  },
  patch_form: {
    asks: 'The text of the patch says what git makes of it.',
    help: 'Have git write the patch: git diff --binary --full-index.',
  },
} as const satisfies Readonly<Record<string, RuleText>>;

/** Rules on the outputs of gates, and on what the engine observed. */
const ON_GATES = {
  context: { asks: 'P00 restates every constraint of the request word for word.', help: 'Do P00 again.' },
  job: {
    asks: 'P01 has every criterion of the request word for word, with checks that exist.',
    help: 'Do P01 again.',
  },
  scope_widened: { asks: "The job's scope is within that of the request.", help: 'Narrow the scope of the job.' },
  plan_scope: { asks: 'Every file of the plan is in scope.', help: 'Plan without the file, or widen the request.' },
  plan_agent_files: {
    asks: 'The plan names no file that steers agents, unless the policy lets a patch change it.',
    help: 'Plan without the file, or have agent_files.allow of the policy name it.',
  },
  plan_criteria: {
    asks: 'The criteria that the plan serves are those of the job.',
    help: 'Correct the id in the plan, or have P01 add the criterion.',
  },
  open_questions: { asks: 'The plan leaves no question open.', help: 'Answer the questions in the guidance.' },
  build: { asks: 'The builder says of every criterion, and of no other, how it is met.', help: 'Do P05 again.' },
  checks: { asks: 'Every check of the run passes with the patch applied.', help: 'Read the log of the check.' },
  no_checks: { asks: 'The run has at least one check.', help: 'Name a check in the request or in a criterion.' },
  baseline: {
    asks: 'The checks pass on the base commit, where the policy asks for it.',
    help: 'Repair the base commit first, or change the policy.',
  },
  base_moved: {
    asks: 'The branch that the run started from has not moved on in files of the scope.',
    help: 'Continue if the change holds beside what came in; else start a run from the new commit.',
  },
  rollback: {
    asks: 'The plan says how the change is taken back and what it means for security; the reverse patch gives back the base tree.',
    help: 'Have P03 give rollback and security_impact, or P05 make the patch again.',
  },
  injected_input: {
    asks: 'No input of a prompt instructs the agent that reads it.',
    help: 'Remove the text from where it comes from: the request, an output, a log of a check, or feedback.',
  },
  claims: { asks: 'What a role says of tests is what the engine saw.', help: 'Read the checks, not the claim.' },
  verifier_contradicted: {
    asks: 'No verifier passes a change, or calls a criterion met, whose check did not pass.',
    help: 'Rely on the check. Waiving the rule checks waives this too.',
  },
  verifier: { asks: 'The verifier finds every criterion met.', help: 'Read the finding, and rework the change.' },
  review: { asks: 'The reviewer finds nothing that blocks.', help: 'Read the finding, and rework the change.' },
  review_work: {
    asks: 'A review says what it tried, and names a file of the patch.',
    help: 'Do P07 again; the reviewer says what it read and what it tried.',
  },
  stray_edits: {
    asks: 'An executor that does not build edits no file of its checkout.',
    help: 'The edits are thrown away; have the executor leave files as they are.',
  },
  served_model: {
    asks: 'The model that answered is the one that was asked for.',
    help: 'Look at the executor in the worker config.',
  },
  network_refused: {
    asks: 'A program asks the network for nothing that it is refused.',
    help: 'Look at what it asked for; grant the host in the worker config if it needs it.',
  },
  agent_inventory: {
    asks: 'The files that steer agents are the same in every attempt of a run.',
    help: 'Find out what changed them, then retry.',
  },
  usage_unknown: {
    asks: 'An executor with a budget says what it used.',
    help: 'Have the executor report tokens and cost, or change the budget.',
  },
  model_independence: {
    asks: 'Writer, verifier and reviewer are served by different vendors or model families, where the policy asks for it.',
    help: 'Give the role another model, or change the policy.',
  },
  session_repeated: {
    asks: 'Every try is a session of its own.',
    help: 'Have the executor begin a new session for each try, then retry.',
  },
  repository_changed: {
    asks: 'The repository is unchanged after a program without a sandbox ran.',
    help: 'Look at what changed. If it was you, continue with that as the reason.',
  },
  repository_used: { asks: 'Ordinary use of the repository during a gate is reported.', help: 'Nothing to do.' },
} as const satisfies Readonly<Record<string, RuleText>>;

/** The rules as docs/rules.md groups them. */
export const RULE_GROUPS: Readonly<Record<string, Readonly<Record<string, RuleText>>>> = {
  'Rules on patches': ON_PATCHES,
  'Rules on gates': ON_GATES,
};

/** Every rule, by the name that findings have. A rule of a later release may be missing here. */
export const RULE_TEXTS: Readonly<Record<string, RuleText>> = { ...ON_PATCHES, ...ON_GATES };

/** The page about a rule, as SARIF names it. The name is an identifier; docs/rules.md has the text. */
export const ruleUri = (rule: string): string => `https://promptos.dev/rules/${encodeURIComponent(rule)}`;
