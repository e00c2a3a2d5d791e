import { XMLParser, XMLValidator } from 'fast-xml-parser';
import type { TestCounts } from '../../contracts/gate-outputs.js';
import { countOutcomes, type TestOutcome } from './outcomes.js';

/** Elements in order, so that suites of any depth are walked without knowing the writer's layout. */
const PARSER = new XMLParser({ preserveOrder: true, ignoreAttributes: false, processEntities: false });
/** No report needs a document type, and one may define entities that grow or name files. */
const DOCUMENT_TYPE = /<!(?:DOCTYPE|ENTITY)/i;
const SCRIPT_NAME = /\.[cm]?[jt]sx?$/;

type Element = Readonly<Record<string, unknown>>;

const childrenOf = (element: Element, name: string): readonly Element[] => {
  const children = element[name];
  return Array.isArray(children) ? (children as Element[]) : [];
};

const has = (children: readonly Element[], ...names: readonly string[]): boolean =>
  children.some((child) => names.some((name) => Object.hasOwn(child, name)));

function outcomeOf(children: readonly Element[]): TestOutcome {
  if (has(children, 'failure', 'error')) return 'failed';
  return has(children, 'skipped') ? 'skipped' : 'passed';
}

/** Node's runner reports a test file in which no test ran as a test that is named like the file and passed. */
function isFileItself(element: Element): boolean {
  const attributes = element[':@'];
  if (attributes === null || typeof attributes !== 'object') return false;
  const name: unknown = (attributes as Element)['@_name'];
  return typeof name === 'string' && SCRIPT_NAME.test(name);
}

/**
 * Counts the test cases of a JUnit XML report.
 * @throws Error when the text is no such report
 */
export function countJunit(text: string, options: { readonly filesAreTests: boolean }): TestCounts {
  if (DOCUMENT_TYPE.test(text)) throw new Error('it declares a document type or entities');
  const valid = XMLValidator.validate(text);
  if (valid !== true) throw new Error(`it is not well-formed XML: ${valid.err.msg}`);
  const roots = PARSER.parse(text) as Element[];
  if (!has(roots, 'testsuites', 'testsuite')) throw new Error('it has neither <testsuites> nor <testsuite>');
  const outcomes: TestOutcome[] = [];
  const open: Element[] = [...roots];
  for (let element = open.pop(); element !== undefined; element = open.pop()) {
    if (Object.hasOwn(element, 'testcase')) {
      if (options.filesAreTests || !isFileItself(element)) outcomes.push(outcomeOf(childrenOf(element, 'testcase')));
      continue;
    }
    // One by one: a suite may have more children than a call may have arguments.
    for (const name of ['testsuites', 'testsuite']) for (const child of childrenOf(element, name)) open.push(child);
  }
  return countOutcomes(outcomes);
}
