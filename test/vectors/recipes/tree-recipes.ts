import type { IncompleteTree } from '../../../src/contracts/record/run-record.js';
import { attestationPaths } from '../../../src/domain/record/published-tree.js';
import { forge, patchRecord, seal } from '../../support/forge-tree.js';
import type { MutableTree } from '../../support/mutable-tree.js';
import { type Recipe, recipesOf } from './recipe.js';

/** Lists a file that was added, as the holder of the engine's key could. */
const listed = (tree: MutableTree): MutableTree => seal(patchRecord(tree));

const PROMPT = 'evidence/attempts/P05/1/try-1/prompt.md';

/** As `promptos run recover` writes it. */
const MARK: IncompleteTree = {
  ...{ schema_version: 1, run_id: 'vector-straight', incomplete: true, why: null, unsealed_outcome: 'approved' },
  ...{ ledger: null, journal_entries: 0, missing: [], files: [] },
};

/** Which files are in the folder, which are missing, and under which names. */
export const TREE_RECIPES: readonly Recipe[] = [
  {
    name: 'run: that of another run, whole and genuine',
    tree: 'straight',
    runId: 'vector-straight',
    code: 'RUN_OTHER',
    break: (tree, genuine) => {
      const other = genuine('reworked');
      for (const path of tree.paths()) tree.remove(path);
      for (const path of other.paths()) tree.put(path, other.bytes(path));
    },
  },
  ...recipesOf('straight', [
    ['path: a newline in a name', (tree) => listed(tree.put('evidence/a\nb.txt', 'x')), 'PATH_UNSAFE'],
    ['path: a backslash in a name', (tree) => listed(tree.put('evidence\\job.json', 'x')), 'PATH_UNSAFE'],
    [
      'path: a name that is not in NFC',
      (tree) => listed(tree.put('evidence/re\u0301sume\u0301.md', 'x')),
      'PATH_UNSAFE',
    ],
    ['path: fullwidth letters beside the plain ones', (tree) => listed(tree.put('ｊob.json', 'x')), 'PATH_CLASH'],
    ['path: a ligature that folds to a plain name', (tree) => listed(tree.put('patch/ﬁles.json', 'x')), 'PATH_CLASH'],
    [
      'incomplete: the mark of a run that was not finalised',
      (tree) => tree.putJson('INCOMPLETE.json', MARK),
      'TREE_INCOMPLETE',
    ],
    [
      'incomplete: the mark in the place of the record',
      (tree) => tree.remove('run_record.json').putJson('INCOMPLETE.json', MARK),
      'TREE_INCOMPLETE',
    ],
    ['incomplete: a mark that says nothing', (tree) => tree.putJson('INCOMPLETE.json', {}), 'SHAPE_INVALID'],
    ['missing: the run record', (tree) => tree.remove('run_record.json'), 'FILE_MISSING'],
    ['missing: the ledger', (tree) => tree.remove('evidence/ledger.jsonl'), 'FILE_MISSING'],
    ['missing: job.json', (tree) => tree.remove('job.json'), 'FILE_MISSING'],
    ['missing: the patch', (tree) => tree.remove('patch/change.patch'), 'FILE_MISSING'],
    ['missing: a rendered prompt', (tree) => tree.remove(PROMPT), 'FILE_MISSING'],
    ['missing: the sidecar', (tree) => tree.remove('evidence/prompt_session.sha256'), 'FILE_MISSING'],
    ['missing: the policy', (tree) => tree.remove('evidence/policy.yaml'), 'FILE_MISSING'],
    ['missing: the prompt pack', (tree) => tree.remove('evidence/prompt_pack.json'), 'FILE_MISSING'],
    [
      'missing: job.json, and a look-alike with a Cyrillic о instead',
      (tree) => tree.move('job.json', 'jоb.json'),
      'FILE_MISSING',
    ],
    [
      'missing: a folder in the place of job.json',
      (tree) => tree.move('job.json', 'job.json/job.json'),
      'FILE_MISSING',
    ],
    ['extra: a file beside the record', (tree) => tree.put('NOTES.md', 'Approved by Grace.\n'), 'FILE_UNEXPECTED'],
    ['extra: a hidden file', (tree) => tree.put('evidence/.DS_Store', 'x'), 'FILE_UNEXPECTED'],
    ['extra: an empty folder', (tree) => tree.put('evidence/waivers', 'empty_folder'), 'FILE_UNEXPECTED'],
    [
      'extra: an attestation that the record does not list',
      (tree) => tree.put(attestationPaths.decision(99), tree.bytes(attestationPaths.runRequest)),
      'FILE_UNEXPECTED',
    ],
    [
      'extra: a second approval file with a Cyrillic а',
      (tree) => tree.put('evidence/аttestations/x.json', '{}'),
      'FILE_UNEXPECTED',
    ],
    [
      'extra: a file that the record lists and nothing led to',
      (tree) => listed(tree.put('evidence/waiver.json', '{}')),
      'ARTIFACTS_DIFFER',
    ],
    [
      'extra: an artifact taken out of the list and the tree',
      (tree) => listed(tree.remove('review.md')),
      'FILE_MISSING',
    ],
    [
      'size: a record of 65 MiB',
      (tree) => tree.put('run_record.json', Buffer.alloc(65 * 1_048_576, ' ')),
      'FILE_TOO_LARGE',
    ],
    [
      'bytes: a line of the patch edited',
      (tree) => tree.replace('patch/change.patch', 'right', 'wrong'),
      'DIGEST_MISMATCH',
    ],
    [
      'bytes: the test results edited',
      (tree) => tree.replace('evidence/test_results.json', '"exit_code": 0', '"exit_code": 1'),
      'DIGEST_MISMATCH',
    ],
    [
      'bytes: a rendered prompt edited',
      (tree) => tree.replace(PROMPT, 'Do the work', 'Skip the work'),
      'DIGEST_MISMATCH',
    ],
    [
      'bytes: a newline more at the end of the review',
      (tree) => tree.edit('review.md', (text) => `${text}\n`),
      'DIGEST_MISMATCH',
    ],
    ['bytes: the review cut short', (tree) => tree.edit('review.md', (text) => text.slice(0, -1)), 'DIGEST_MISMATCH'],
    [
      'bytes: CRLF in the policy',
      (tree) => tree.edit('evidence/policy.yaml', (text) => text.replaceAll('\n', '\r\n')),
      'DIGEST_MISMATCH',
    ],
    [
      'bytes: a byte order mark before the plan',
      (tree) => tree.edit('plan.md', (text) => `\ufeff${text}`),
      'DIGEST_MISMATCH',
    ],
    [
      'bytes: an empty log that is not empty',
      (tree) => tree.put('evidence/checks/tests.stderr.txt', 'x'),
      'DIGEST_MISMATCH',
    ],
    [
      'swapped: the prompts of two gates',
      (tree) => tree.swap(PROMPT, 'evidence/attempts/P03/1/try-1/prompt.md'),
      'DIGEST_MISMATCH',
    ],
    [
      'swapped: job.json with that of another run, which says the same of something else',
      (tree, genuine) => tree.put('patch/change.patch', genuine('escalated').bytes('patch/change.patch')),
      'DIGEST_MISMATCH',
    ],
    [
      'swapped: the record of another run',
      (tree, genuine) => tree.put('run_record.json', genuine('rejected').bytes('run_record.json')),
      'FILE_UNEXPECTED',
    ],
    [
      'swapped: the ledger of another run',
      (tree, genuine) => tree.put('evidence/ledger.jsonl', genuine('reworked').bytes('evidence/ledger.jsonl')),
      'LEDGER_HEAD_DIFFERS',
    ],
  ]),
  ...recipesOf('reworked', [
    [
      'swapped: the patches of two attempts',
      (tree) => tree.swap('patch/change.patch', 'evidence/attempts/P05/1/patch/change.patch'),
      'DIGEST_MISMATCH',
    ],
    [
      'swapped: the patches of two attempts, all hashes made again without keys',
      (tree) => forge(tree.swap('patch/change.patch', 'evidence/attempts/P05/1/patch/change.patch')),
      'FOLD_DIFFERS',
    ],
    [
      'swapped: the records of two attempts',
      (tree) => tree.swap('evidence/attempts/P05/1/attempt.json', 'evidence/attempts/P05/2/attempt.json'),
      'DIGEST_MISMATCH',
    ],
    [
      'swapped: the records of two attempts, listed so',
      (tree) => listed(tree.swap('evidence/attempts/P05/1/attempt.json', 'evidence/attempts/P05/2/attempt.json')),
      'ATTEMPT_DIFFERS',
    ],
  ]),
  {
    name: 'special file: a pipe in the tree',
    tree: 'straight',
    onDisk: true,
    code: 'SPECIAL_FILE',
    break: (tree) => tree.put('evidence/pipe', 'special'),
  },
  {
    name: 'special file: a pipe in the place of job.json',
    tree: 'straight',
    onDisk: true,
    code: 'SPECIAL_FILE',
    break: (tree) => tree.put('job.json', 'special'),
  },
  {
    name: 'link: job.json is one',
    tree: 'straight',
    onDisk: true,
    code: 'LINK_IN_TREE',
    break: (tree) => tree.put('elsewhere.json', tree.bytes('job.json')).put('job.json', { link: 'elsewhere.json' }),
  },
  {
    name: 'link: one that leads out of the tree',
    tree: 'straight',
    onDisk: true,
    code: 'LINK_IN_TREE',
    break: (tree) => tree.put('evidence/passwd', { link: '/etc/passwd' }),
  },
  {
    name: 'link: one that leads nowhere',
    tree: 'straight',
    onDisk: true,
    code: 'LINK_IN_TREE',
    break: (tree) => tree.put('evidence/gone', { link: 'gone-too' }),
  },
  {
    name: 'link: a folder is one',
    tree: 'cancelled',
    onDisk: true,
    code: 'LINK_IN_TREE',
    break: (tree) => tree.put('patch', { link: 'evidence' }),
  },
  {
    name: 'case: Job.json beside job.json',
    tree: 'straight',
    onDisk: true,
    code: 'PATH_CLASH',
    break: (tree) => listed(tree.put('Job.json', tree.bytes('job.json'))),
  },
  {
    name: 'case: a folder Evidence beside evidence',
    tree: 'straight',
    onDisk: true,
    code: 'PATH_CLASH',
    break: (tree) => listed(tree.put('Evidence/notes.md', 'x')),
  },
  {
    name: 'special file: an empty folder in the place of job.json',
    tree: 'straight',
    onDisk: true,
    code: 'SPECIAL_FILE',
    break: (tree) => tree.put('job.json', 'empty_folder'),
  },
  {
    name: 'special file: an empty folder in the place of the record',
    tree: 'straight',
    onDisk: true,
    code: 'SPECIAL_FILE',
    break: (tree) => tree.put('run_record.json', 'empty_folder'),
  },
];
