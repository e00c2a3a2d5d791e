/** A small library in the manner of those that people have, with a fault to mend. */
export interface StoryProject {
  readonly name: string;
  /** The program that its tests need. */
  readonly needs: string;
  readonly files: Readonly<Record<string, string>>;
  /** What an agent changes: a file, what is in it, and what comes in its place. */
  readonly change: readonly [file: string, old: string, replacement: string];
}

/** JavaScript with line endings by attribute, names beyond ASCII, and tests of node's own runner. */
const JAVASCRIPT: StoryProject = {
  name: 'a JavaScript library',
  needs: 'node',
  files: {
    '.gitattributes': '* text=auto\n*.cmd eol=crlf\n',
    'package.json': '{ "name": "totals", "version": "1.0.0", "scripts": { "test": "node --test test/*.test.js" } }\n',
    'README.md': '# Totals\n',
    'run.cmd': 'node src\\totals.js\n',
    'src/totals.js': "'use strict';\n\nexports.round = (total) => Math.round(total);\n",
    'src/größe.js': "'use strict';\n\nexports.size = 1;\n",
    'test/totals.test.js': [
      "'use strict';",
      "const { test } = require('node:test');",
      "const assert = require('node:assert');",
      "const { round } = require('../src/totals.js');",
      "test('whole totals stay', () => assert.equal(round(2), 2));",
      '',
    ].join('\n'),
  },
  change: [
    'src/totals.js',
    'Math.round(total)',
    'Math.abs(total % 1) === 0.5 ? 2 * Math.round(total / 2) : Math.round(total)',
  ],
};

/** A Go module with its tests beside the code. */
const GO: StoryProject = {
  name: 'a Go module',
  needs: 'go',
  files: {
    'go.mod': 'module example.org/totals\n\ngo 1.21\n',
    LICENSE: 'MIT\n',
    'round.go':
      'package totals\n\nimport "math"\n\n// Round gives whole totals.\nfunc Round(total float64) float64 {\n\treturn math.Round(total)\n}\n',
    'round_test.go':
      'package totals\n\nimport "testing"\n\nfunc TestWhole(t *testing.T) {\n\tif Round(2) != 2 {\n\t\tt.Fatal("a whole total changed")\n\t}\n}\n',
  },
  change: ['round.go', 'math.Round(total)', 'math.RoundToEven(total)'],
};

export const STORY_PROJECTS: readonly StoryProject[] = [JAVASCRIPT, GO];
