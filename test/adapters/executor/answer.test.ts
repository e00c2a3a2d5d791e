import { describe, expect, test } from 'vitest';
import { readPrintedJson } from '../../../src/adapters/executor/output/printed-json.js';
import { locateAnswer, locateServedModel } from '../../../src/adapters/executor/read-execution.js';

const locate = (location: Parameters<typeof locateAnswer>[0], text: string) =>
  locateAnswer(location, text, readPrintedJson(text));

const fenced = (text: string, language = 'json') => `\`\`\`${language}\n${text}\n\`\`\``;

describe('locateAnswer: pointer', () => {
  test('a string found there goes on as text', () => {
    expect(locate({ pointer: '/result' }, '{"result":"{\\"kind\\":\\"output\\"}"}')).toEqual({
      ok: true,
      text: '{"kind":"output"}',
    });
  });

  test('anything else is the answer as JSON', () => {
    expect(locate({ pointer: '/a/1' }, '{"a":[0,{"kind":"output"}]}')).toEqual({
      ok: true,
      text: '{"kind":"output"}',
    });
  });

  test('RFC 6901 escapes and the empty pointer are understood', () => {
    expect(locate({ pointer: '/a~1b/m~0n' }, '{"a/b":{"m~n":[1]}}')).toEqual({ ok: true, text: '[1]' });
    expect(locate({ pointer: '' }, '[1]')).toEqual({ ok: true, text: '[1]' });
  });

  test.each([
    ['/b', '{"a":1}', 'there is no "b"'],
    ['/a/b', '{"a":1}', 'there is no "b"'],
    ['/01', '[1,2]', 'there is no "01"'],
    ['/-', '[1,2]', 'there is no "-"'],
    ['/__proto__', '{}', 'there is no "__proto__"'],
    ['/length', '[1]', 'there is no "length"'],
    ['/a~2', '{"a~2":1}', 'has a "~"'],
    ['/a', 'not JSON', 'neither JSON nor JSON Lines'],
  ])('%s into %s is a problem', (pointer, text, problem) => {
    expect(locate({ pointer }, text)).toEqual({ ok: false, problem: expect.stringContaining(problem) });
  });

  test('JSON Lines: the last line in which the pointer leads somewhere counts', () => {
    const lines = '{"item":{"text":"{\\"n\\":1}"}}\nnoise\n{"item":{"text":"{\\"n\\":2}"}}\n{"type":"done"}\n';
    expect(locate({ pointer: '/item/text' }, lines)).toEqual({ ok: true, text: '{"n":2}' });
    expect(locate({ pointer: '/nothing' }, lines)).toMatchObject({ ok: false });
  });
});

describe('locateAnswer: pointer into messages', () => {
  const result = { type: 'result', result: '{"n":1}' };
  const messages = [{ type: 'system' }, { type: 'assistant', message: {} }, result];
  const wanted = { ok: true, text: '{"n":1}' };
  const line = (value: unknown) => JSON.stringify(value);

  test.each([
    ['an array', line(messages)],
    ['a pretty-printed array', JSON.stringify(messages, null, 2)],
    ['an array of batches', line([messages.slice(0, 2), [result]])],
    ['an array whose last message is another', line([...messages, { type: 'system' }])],
    ['an array whose last message has null there', line([...messages, { type: 'system', result: null }])],
    ['lines', messages.map(line).join('\n')],
    ['lines that end with CR LF', messages.map(line).join('\r\n')],
    ['lines that end with CR', messages.map(line).join('\r')],
    ['lines that are arrays', `${line(messages.slice(0, 2))}\n${line([result])}\n`],
    ['an array behind a warning', `warning: old configuration\n${line(messages)}\n`],
    ['a pretty-printed array behind a warning', `warning\n${JSON.stringify(messages, null, 2)}\nbye\n`],
    ['pretty-printed objects', messages.map((one) => JSON.stringify(one, null, 2)).join('\n')],
    ['a JSON text sequence', messages.map((one) => `\u001e${line(one)}\n`).join('')],
    ['server-sent events', messages.map((one) => `event: message\ndata: ${line(one)}\n\n`).join('')],
  ])('%s: the last message in which it leads to a value counts', (_shape, text) => {
    expect(locate({ pointer: '/result' }, text)).toEqual(wanted);
  });

  test('an index still points into the whole array, and into a line that is one', () => {
    expect(locate({ pointer: '/2/result' }, line(messages))).toEqual(wanted);
    expect(locate({ pointer: '/1/result' }, `["a"]\n${line(['event', result])}`)).toEqual(wanted);
  });

  test('a null counts where there is no other value', () => {
    expect(locate({ pointer: '/result' }, '[{"result":null},{}]')).toEqual({ ok: true, text: 'null' });
  });

  test.each([
    ['{"error":"x","type":"error"}', 'it saw an object of type "error" with the members "error", "type"'],
    ['[{"type":"system"},{"a":1}]', 'it saw 2 JSON values, the last an object with the members "a"'],
    ['[]', 'it saw an array of 0'],
    ['{"a":1}\n"text"\n', 'it saw 2 JSON values, the last a string'],
    ['{"a":1}\nnoise\n', 'it saw an object with the members "a"'],
    ['Please log in first.\n', 'begins with "Please log in first.\\n"'],
    [`${'word '.repeat(1_000)}`, `begins with "${'word '.repeat(16)}…"`],
    [
      JSON.stringify(Object.fromEntries(Array.from({ length: 20 }, (_, index) => [`m${index}`, 0]))),
      '"m7" and 12 more',
    ],
  ])('%j: a pointer that finds nothing says what it saw', (text, seen) => {
    expect(locate({ pointer: '/result' }, text)).toEqual({ ok: false, problem: expect.stringContaining(seen) });
  });

  test('an output of many unclosed brackets is read in linear time', () => {
    expect(locate({ pointer: '/result' }, '{\n'.repeat(500_000))).toMatchObject({ ok: false });
  });
});

describe('locateAnswer: fence', () => {
  test('the last block with the info string is taken, others are not', () => {
    const text = `${fenced('{"n":1}')}\n${fenced('{"n":2}', 'JSON title')}\n${fenced('x', 'js')}\n`;
    expect(locate({ fence: 'json' }, text)).toEqual({ ok: true, text: '{"n":2}' });
  });

  test('fences inside a longer fence are its content', () => {
    const text = `${fenced('{"n":1}')}\n\`\`\`\`md\n${fenced('{"n":2}')}\n\`\`\`\`\n`;
    expect(locate({ fence: 'json' }, text)).toEqual({ ok: true, text: '{"n":1}' });
  });

  test('tildes, indentation and CRLF are understood', () => {
    expect(locate({ fence: 'json' }, '  ~~~ json\r\n  {"n":1}\r\n  ~~~\r\n')).toEqual({
      ok: true,
      text: '{"n":1}',
    });
  });

  test('a block that was cut off is a problem', () => {
    expect(locate({ fence: 'json' }, '```json\n{"kind":')).toMatchObject({ ok: false });
  });

  test('pointer first, fence after', () => {
    const text = JSON.stringify({ result: `words\n${fenced('{"n":1}')}\n` });
    expect(locate({ pointer: '/result', fence: 'json' }, text)).toEqual({ ok: true, text: '{"n":1}' });
    expect(locate({ pointer: '/result', fence: 'yaml' }, text)).toMatchObject({ ok: false });
  });
});

describe('locateAnswer: nothing configured', () => {
  const wanted = { ok: true, text: '{"n":1}' };

  test.each([
    ['one object', ' {"n":1}\n'],
    ['a byte order mark', '\uFEFF{"n":1}'],
    ['the last line', 'working…\n{"n":0}\n{"n":1}\n\n'],
    ['the last json block', `${fenced('{"n":0}')}\n${fenced('{"n":1}')}\ngoodbye`],
    ['an object line with words after it', '{"n":1}\nbye\n'],
  ])('%s is taken', (_case, text) => {
    expect(locate({}, text)).toEqual(wanted);
  });

  test('an inner line of a fenced answer is not mistaken for it', () => {
    const inner = '{\n"items": [\n{ "id": "C1" }\n]\n}';
    expect(locate({}, fenced(inner))).toEqual({ ok: true, text: inner });
  });

  test.each(['', ' \n', '[1]', '"text"', 'garbage', '{"n":', '  { "id": "C1" }\n]'])('%j is a problem', (text) => {
    expect(locate({}, text)).toMatchObject({ ok: false });
  });
});

describe('locateServedModel', () => {
  test('takes a string, or the member names of an object', () => {
    expect(locateServedModel('/model', readPrintedJson('{"model":"m-1"}'))).toBe('m-1');
    expect(locateServedModel('/modelUsage', readPrintedJson('{"modelUsage":{"m-2":{},"m-1":{}}}'))).toBe('m-1, m-2');
  });

  test('is null without a pointer, for a missing value, and for a value that is no name', () => {
    expect(locateServedModel(undefined, readPrintedJson('{"model":"m-1"}'))).toBeNull();
    expect(locateServedModel('/other', readPrintedJson('{"model":"m-1"}'))).toBeNull();
    expect(locateServedModel('/model', readPrintedJson('{"model":7}'))).toBeNull();
    expect(locateServedModel('/model', readPrintedJson('garbage'))).toBeNull();
  });
});
