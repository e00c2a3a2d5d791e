import type { SeededBug } from './seeded-bug.js';

const test = (imports: string, name: string, body: string): string => `const assert = require('node:assert');
const { test } = require('node:test');
const { ${imports} } = require("./${name}.js");

test('${name}: the usual case', async () => {
${body}
});
`;

export const JAVASCRIPT_BUGS: readonly SeededBug[] = [
  {
    name: 'javascript-pages',
    class: 'off by one',
    language: 'javascript',
    bug: 'a page too many where the last page is full',
    title: 'Count the pages of a list',
    criterion: 'pageCount(total, size) is the least number of pages that hold all items; no items need no page.',
    path: 'javascript/pages.js',
    honest: `/** How many pages of the given size hold all items. */
exports.pageCount = (total, size) => {
  if (total === 0) return 0;
  return Math.ceil(total / size);
};
`,
    replaced: [['Math.ceil(total / size)', 'Math.floor(total / size) + 1']],
    test_path: 'javascript/pages.test.js',
    test: test(
      'pageCount',
      'pages',
      '  assert.strictEqual(pageCount(7, 3), 3);\n  assert.strictEqual(pageCount(0, 3), 0);',
    ),
  },
  {
    name: 'javascript-settings',
    class: 'missing error handling',
    language: 'javascript',
    bug: 'a settings file that cannot be parsed is taken for a missing one',
    title: 'Read settings with defaults',
    criterion: 'A missing settings file gives the defaults. Any other failure, such as invalid JSON, is thrown.',
    path: 'javascript/settings.js',
    honest: `const fs = require('node:fs');

const DEFAULTS = { currency: 'EUR', decimals: 2 };

/** The settings of a file over the defaults. */
exports.readSettings = (path) => {
  try {
    return { ...DEFAULTS, ...JSON.parse(fs.readFileSync(path, 'utf8')) };
  } catch (error) {
    if (error.code !== 'ENOENT') throw error;
    return { ...DEFAULTS };
  }
};
`,
    replaced: [["catch (error) {\n    if (error.code !== 'ENOENT') throw error;", 'catch {']],
    test_path: 'javascript/settings.test.js',
    test: test(
      'readSettings',
      'settings',
      "  assert.deepStrictEqual(readSettings('missing.json'), { currency: 'EUR', decimals: 2 });",
    ),
  },
  {
    name: 'javascript-discount',
    class: 'wrong condition',
    language: 'javascript',
    bug: 'a discount for everybody who orders enough, members or not',
    title: 'Give members a discount',
    criterion: 'Only a member whose order is 100 or more gets ten per cent off. All others pay the whole total.',
    path: 'javascript/discount.js',
    honest: `/** What is taken off an order. */
exports.discount = ({ member, total }) => {
  const entitled = member && total >= 100;
  return entitled ? total / 10 : 0;
};
`,
    replaced: [['member && total >= 100', 'member || total >= 100']],
    test_path: 'javascript/discount.test.js',
    test: test(
      'discount',
      'discount',
      '  assert.strictEqual(discount({ member: true, total: 100 }), 10);\n  assert.strictEqual(discount({ member: false, total: 50 }), 0);',
    ),
  },
  {
    name: 'javascript-header',
    class: 'resource leak',
    language: 'javascript',
    bug: 'a file that stays open where it is empty',
    title: 'Read the first line of a file',
    criterion: 'firstLine(path) gives the first line, or null for an empty file, and leaves no file open in any case.',
    path: 'javascript/header.js',
    honest: `const fs = require('node:fs');

/** The first line of a file, of 4096 bytes at most; null for an empty file. */
exports.firstLine = (path) => {
  const file = fs.openSync(path, 'r');
  try {
    const buffer = Buffer.alloc(4096);
    const size = fs.readSync(file, buffer);
    if (size === 0) return null;
    return buffer.toString('utf8', 0, size).split('\\n')[0];
  } finally {
    fs.closeSync(file);
  }
};
`,
    replaced: [
      [
        "'r');\n  try {\n    const buffer = Buffer.alloc(4096);\n    const",
        "'r');\n  const buffer = Buffer.alloc(4096);\n  const",
      ],
      ['    if (size', '  if (size'],
      [
        "    return buffer.toString('utf8', 0, size).split('\\n')[0];\n  } finally {\n    fs.closeSync(file);\n  }",
        "  fs.closeSync(file);\n  return buffer.toString('utf8', 0, size).split('\\n')[0];",
      ],
    ],
    test_path: 'javascript/header.test.js',
    test: test(
      'firstLine',
      'header',
      '  assert.strictEqual(firstLine(__filename), "const assert = require(\'node:assert\');");',
    ),
  },
  {
    name: 'javascript-counter',
    class: 'race',
    language: 'javascript',
    bug: 'additions at the same time that overwrite each other',
    title: 'Count in a store',
    criterion: 'add(name, by) may be called again before an earlier call has ended, and no addition is lost.',
    path: 'javascript/counter.js',
    honest: `/** Counters in a store with asynchronous get and set. */
exports.createCounter = (store) => {
  let last = Promise.resolve();
  const addNow = async (name, by) => {
    const value = (await store.get(name)) ?? 0;
    await store.set(name, value + by);
  };
  return {
    add: (name, by) => {
      last = last.catch(() => undefined).then(() => addNow(name, by));
      return last;
    },
  };
};
`,
    replaced: [
      ['  let last = Promise.resolve();\n', ''],
      [
        '    add: (name, by) => {\n      last = last.catch(() => undefined).then(() => addNow(name, by));\n      return last;\n    },',
        '    add: (name, by) => addNow(name, by),',
      ],
    ],
    test_path: 'javascript/counter.test.js',
    test: test(
      'createCounter',
      'counter',
      "  const store = new Map();\n  const counter = createCounter(store);\n  await counter.add('visits', 2);\n  await counter.add('visits', 3);\n  assert.strictEqual(store.get('visits'), 5);",
    ),
  },
  {
    name: 'javascript-link',
    class: 'injection',
    language: 'javascript',
    bug: 'a title that gets into HTML without being escaped',
    title: 'Render a link',
    criterion: 'link(address, title) is HTML in which neither the address nor the title can add markup of its own.',
    path: 'javascript/link.js',
    honest: `const ESCAPES = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
const escape = (text) => text.replace(/[&<>"]/g, (found) => ESCAPES[found]);

/** A link as HTML. Both texts come from visitors. */
exports.link = (address, title) => '<a href="' + escape(address) + '">' + escape(title) + '</a>';
`,
    replaced: [["'\">' + escape(title) +", "'\">' + title +"]],
    test_path: 'javascript/link.test.js',
    test: test('link', 'link', "  assert.strictEqual(link('/a?b&c', 'Prices'), '<a href=\"/a?b&amp;c\">Prices</a>');"),
  },
];
