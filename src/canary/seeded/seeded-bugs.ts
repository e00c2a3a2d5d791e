import { GO_BUGS } from './go-bugs.js';
import { JAVASCRIPT_BUGS } from './javascript-bugs.js';
import { PYTHON_BUGS } from './python-bugs.js';
import type { SeededBug } from './seeded-bug.js';

/** One bug of each class in each language. */
export const SEEDED_BUGS: readonly SeededBug[] = [...JAVASCRIPT_BUGS, ...PYTHON_BUGS, ...GO_BUGS];
