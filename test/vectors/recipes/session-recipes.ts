import { type PromptSessionFields, promptSessionSidecar } from '../../../src/domain/record/prompt-session.js';
import { TREE_PATHS } from '../../../src/domain/record/published-tree.js';
import { patchRecord, seal } from '../../support/forge-tree.js';
import type { Loose, MutableTree } from '../../support/mutable-tree.js';
import { type Recipe, recipesOf } from './recipe.js';
import { editSessionText, resession } from './session-edits.js';

const OTHER = 'f'.repeat(64);

const SESSION_FLIPS: Readonly<Record<string, (session: Loose<PromptSessionFields>) => void>> = {
  timestamp_utc: (session) => {
    session.timestamp_utc = '2026-02-01T00:00:00Z';
  },
  prompt_os_version: (session) => {
    session.prompt_os_version = 'v9.9.9';
  },
  'prompts_used, one fewer': (session) => {
    session.prompts_used.pop();
  },
  'prompts_used, in another order': (session) => {
    session.prompts_used.reverse();
  },
  developer: (session) => {
    session.developer = 'grace';
  },
  target_repo: (session) => {
    session.target_repo = 'another';
  },
  notes: (session) => {
    session.notes = 'approved by telephone';
  },
  lint_passed: (session) => {
    session.lint_passed = !session.lint_passed;
  },
  pas: (session) => {
    session.pas = { stack_id: 's', stack_version: '1', compiled_hash: OTHER };
  },
};

/** The prompt session, its sidecar and the reports of escalations say something that is not so. */
export const SESSION_RECIPES: readonly Recipe[] = [
  ...recipesOf('straight', [
    ...Object.entries(SESSION_FLIPS).map(
      ([field, change]) =>
        [
          `session: ${field} flipped, hashes made again, signed by the engine`,
          (tree: MutableTree) => resession(tree, change),
          'SESSION_OTHER_RUN',
        ] as const,
    ),
    [
      'session: developer flipped and nothing made again',
      (tree) =>
        tree.editSession((session) => {
          session.developer = 'grace';
        }),
      'DIGEST_MISMATCH',
    ],
    [
      'session: the sidecar and the record regenerated without keys',
      (tree) =>
        resession(
          tree,
          (session) => {
            session.developer = 'grace';
          },
          [],
        ),
      'SESSION_OTHER_RUN',
    ],
    [
      'session: artifact_hash of something else',
      (tree) => editSessionText(tree, (text) => text.replace(/("artifact_hash": ")[0-9a-f]{64}/, `$1${OTHER}`)),
      'SESSION_HASH_INVALID',
    ],
    [
      'session: chain_hash of something else',
      (tree) => editSessionText(tree, (text) => text.replace(/("chain_hash": ")[0-9a-f]{64}/, `$1${OTHER}`)),
      'SESSION_HASH_INVALID',
    ],
    [
      'session: a field more',
      (tree) => editSessionText(tree, (text) => text.replace('"notes"', '"approved": true,\n  "notes"')),
      'SHAPE_INVALID',
    ],
    [
      'session: fields in another order',
      (tree) =>
        editSessionText(tree, (text) => text.replace(/( {2}"developer": .*\n)( {2}"target_repo": .*\n)/, '$2$1')),
      'JSON_NOT_STRICT',
    ],
    [
      'session: a key twice',
      (tree) => editSessionText(tree, (text) => text.replace('"developer":', '"developer": "grace",\n  "developer":')),
      'JSON_NOT_STRICT',
    ],
    ['session: a byte order mark', (tree) => editSessionText(tree, (text) => `\ufeff${text}`), 'JSON_MALFORMED'],
    [
      'session: that of another run',
      (tree, genuine) => {
        const other = genuine('reworked');
        for (const path of [TREE_PATHS.session, TREE_PATHS.sidecar]) tree.put(path, other.bytes(path));
        tree.editRecord((record) => {
          record.governance = other.record().governance;
        });
        return seal(patchRecord(tree));
      },
      'SESSION_OTHER_RUN',
    ],
    [
      'sidecar: another digest',
      (tree) => seal(patchRecord(tree.put(TREE_PATHS.sidecar, promptSessionSidecar(OTHER)))),
      'SIDECAR_DIFFERS',
    ],
    [
      'sidecar: another file',
      (tree) =>
        seal(patchRecord(tree.replace(TREE_PATHS.sidecar, 'prompt_session.json', 'evidence/prompt_session.json'))),
      'SIDECAR_DIFFERS',
    ],
    ['sidecar: CRLF', (tree) => seal(patchRecord(tree.replace(TREE_PATHS.sidecar, '\n', '\r\n'))), 'SIDECAR_DIFFERS'],
    [
      'sidecar: a second line',
      (tree) => seal(patchRecord(tree.edit(TREE_PATHS.sidecar, (text) => text + text))),
      'SIDECAR_DIFFERS',
    ],
  ]),
  ...recipesOf('escalated', [
    [
      'escalation file: another resolution, listed so by the engine',
      (tree) =>
        seal(
          patchRecord(
            tree.editJson<{ resolution: { resolution: { choice: string } } }>(
              'evidence/escalations/E1.json',
              ({ resolution }) => {
                resolution.resolution.choice = 'continue';
              },
            ),
          ),
        ),
      'ESCALATION_DIFFERS',
    ],
    [
      'escalation file: another report, listed so by the engine',
      (tree) =>
        seal(
          patchRecord(
            tree.editJson<{ report: { issue: string } }>('evidence/escalations/E2.json', ({ report }) => {
              report.issue = 'Nothing.';
            }),
          ),
        ),
      'ESCALATION_DIFFERS',
    ],
    [
      'escalation file: gone, the list too',
      (tree) => seal(patchRecord(tree.remove('evidence/escalations/E1.json'))),
      'FILE_MISSING',
    ],
    [
      'escalation file: one that was never raised',
      (tree) => seal(patchRecord(tree.put('evidence/escalations/E3.json', tree.bytes('evidence/escalations/E2.json')))),
      'ARTIFACTS_DIFFER',
    ],
  ]),
];
