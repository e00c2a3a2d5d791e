import { nameOf } from '../patch/file-changes.js';

const CODE = /\.(?:[cm]?[jt]sx?|py|go|rs|java|kt|kts|groovy|scala|cs|fs|rb|php|swift|dart|ex|exs|c|cc|cpp|vue|svelte)$/;
const TEST_NAME =
  /[._-](?:test|tests|spec|specs|cy|e2e)\.[a-z]{1,5}$|^test_|^(?:test|tests)\.[a-z]{1,5}$|_(?:test|spec)\.[a-z]{1,4}$/;
const TEST_CLASS = /(?:Test|Tests|Spec|IT)\.(?:java|kt|groovy|scala|cs|fs|php|swift)$/;
const TEST_FOLDER = /(?:^|\/)(?:tests?|__tests__|specs?|e2e|cypress)\//;
/** What tests are given, in folders of tests. */
const SUPPORT = /(?:^|\/)(?:fixtures?|__fixtures__|support|helpers?|mocks?|__mocks__|testdata|data|vectors)\//;

const SNAPSHOT =
  /(?:^|\/)__snapshots?__\/|(?:^|\/)__image_snapshots__\/|\.(?:snap|snapshot|ambr|golden)$|\.approved\.[a-z]{1,5}$/;

/** Whether a path is that of a program's source. */
export const isCode = (path: string): boolean => CODE.test(path.toLowerCase());

/** Whether a path is that of a file of tests, by the conventions of common test runners. */
export function isTestFile(path: string): boolean {
  const lower = path.toLowerCase();
  if (!CODE.test(lower) || SUPPORT.test(lower)) return false;
  return TEST_NAME.test(nameOf(lower)) || TEST_CLASS.test(path) || TEST_FOLDER.test(lower);
}

/** Whether a file holds what tests are compared with, as a test runner wrote it. */
export const isSnapshot = (path: string): boolean => SNAPSHOT.test(path.toLowerCase());

/** Rust has tests beside the code that they test. */
export const mayHoldTests = (path: string): boolean => isTestFile(path) || path.endsWith('.rs');
