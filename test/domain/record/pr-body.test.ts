import { describe, expect, test } from 'vitest';
import { compareBlock, findPrBlocks } from '../../../src/domain/record/pr-block.js';

const BLOCK = '> **Governed Session**\n> - PromptOS Version: `v1`\n> - Prompts Used: `P00`';
const EXPECTED = BLOCK.split('\n');

describe('findPrBlocks', () => {
  test.each([
    ['alone', BLOCK],
    ['after text', `Fixes the sum.\n\n${BLOCK}\n\nThanks`],
    ['directly after text', `Fixes the sum.\n${BLOCK}`],
    ['with the line ends of a web form', BLOCK.replaceAll('\n', '\r\n')],
    ['after a comment opener in inline code', `The parser stumbled over a bare \`<!--\`.\n\n${BLOCK}`],
    ['after a comment opener in a code block', `Before:\n\n\`\`\`html\n<!-- left open\n\`\`\`\n\n${BLOCK}`],
    ['after inline code of three backticks', `\`\`\`npm test\`\`\` fails without this.\n\n${BLOCK}`],
    ['after a comment opener in a sentence', `It ends with <!-- and\n\n${BLOCK}`],
    ['after a comment opener in indented code', `Text\n\n    <!-- left open\n\n${BLOCK}`],
    ['after an escaped comment opener', `Text \\<!-- text\n\n${BLOCK}`],
    ['after a whole comment', `<!-- Describe the change\n\nhere. -->\n\n${BLOCK}`],
    ['after a comment in a sentence', `Text <!-- hidden --> text\n\n${BLOCK}`],
    ['after code with a longer fence', `\`\`\`\`md\n\`\`\`\n\`\`\`\`\n\n${BLOCK}`],
    ['after a fence of the other kind', `~~~\n\`\`\`\n~~~\n\n${BLOCK}`],
    ['after a fence inside a list', `- a\n\n  \`\`\`\n  x\n\n${BLOCK}`],
    ['after a closed details', `<details>\n\nMore.\n\n</details>\n\n${BLOCK}`],
    ['inside an open details', `<details open>\n<summary>Run</summary>\n\n${BLOCK}\n\n</details>`],
    ['inside a division', `<div align="center">\n\n${BLOCK}\n\n</div>`],
    ['after another quote', `> Somebody said this.\n\n${BLOCK}`],
  ])('findPrBlocks: the block %s is found', (_, body) => {
    expect(findPrBlocks(body)).toEqual([EXPECTED]);
  });

  test.each([
    ['no block', 'Fixes the sum.'],
    ['in a comment', `<!--\n${BLOCK}\n-->`],
    ['in a comment with empty lines', `<!-- text\n\n${BLOCK}\n\n-->`],
    ['in a comment that is never closed', `<!-- text\n\n${BLOCK}`],
    ['in a fence', `\`\`\`\n${BLOCK}\n\`\`\``],
    ['in a fence that is never closed', `~~~~md\n${BLOCK}`],
    ['in a fence that another fence does not close', `\`\`\`\`\n\`\`\`\n${BLOCK}\n\`\`\`\``],
    ['in indented code', `Text\n\n${BLOCK.replaceAll(/^/gm, '    ')}`],
    ['in inline code', `\`> **Governed Session**\``],
    ['in code inside a quote', `> \`\`\`\n${BLOCK}\n> \`\`\``],
    ['in preformatted HTML', `<pre>\n${BLOCK}\n</pre>`],
    ['in a script', `<script>\n${BLOCK}\n</script>`],
    ['in an HTML block', `<div>\n${BLOCK}\n</div>`],
    ['in a comment that begins in an HTML block', `<div><!--\n\n${BLOCK}\n\n-->`],
    ['in an attribute', `<div title="\n\n${BLOCK}\n\n">`],
    ['in a collapsed details', `<details>\n<summary>Run</summary>\n\n${BLOCK}\n\n</details>`],
    ['in a collapsed details of an open one', `<details open>\n\n<details>\n\n${BLOCK}\n\n</details>\n\n</details>`],
    ['in a list', `- See:\n\n${BLOCK.replaceAll(/^/gm, '  ')}`],
    ['in a quote of a quote', BLOCK.replaceAll(/^/gm, '> ')],
    ['as plain text', BLOCK.replaceAll('> ', '')],
    ['in the middle of a sentence', '> What is a **Governed Session**?'],
  ])('findPrBlocks: the block %s is not found', (_, body) => {
    expect(findPrBlocks(body)).toEqual([]);
  });

  test('findPrBlocks: two blocks are both found, also in one quote', () => {
    expect(findPrBlocks(`${BLOCK}\n\n${BLOCK}`)).toHaveLength(2);
    expect(findPrBlocks(`${BLOCK}\n>\n${BLOCK}`)).toHaveLength(2);
  });
});

test.each([
  '> - Waiver E1: P06 `checks-1`, waived by `grace` without an end: `why`',
  '> - Sandbox: none for P05',
  '> - Models: P05 asked for `m-1`, answered by `n-2`',
  '> - Independence: verifier and writer are of one vendor',
  '> - Budget: spent 2 times, more granted by `grace`',
])('compareBlock: a block may not leave out %s', (line) => {
  const head = Array.from({ length: 6 }, (_, index) => `> - Line ${index}: x`);
  const expected = [...head, '> - Approvals: none', line];
  expect(compareBlock(expected, expected)).toEqual([]);
  expect(compareBlock(head, expected)).toEqual([`the line ${JSON.stringify(line)} is missing`]);
});
