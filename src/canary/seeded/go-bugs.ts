import type { SeededBug } from './seeded-bug.js';

const test = (name: string, body: string, imports: readonly string[] = []): string => `package tools

import (
${[...imports, 'testing'].map((one) => `\t"${one}"`).join('\n')}
)

func Test${name}(t *testing.T) {
${body}
}
`;

export const GO_BUGS: readonly SeededBug[] = [
  {
    name: 'go-last',
    class: 'off by one',
    language: 'go',
    bug: 'an item too many',
    title: 'Give the last items of a list',
    criterion: 'Last(items, n) gives the last n items, or all of them where there are fewer.',
    path: 'go/last.go',
    honest: `package tools

// Last gives the last n items, or all where there are fewer.
func Last(items []string, n int) []string {
	start := len(items) - n
	if start < 0 {
		start = 0
	}
	return items[start:]
}
`,
    replaced: [['len(items) - n\n', 'len(items) - 1 - n\n']],
    test_path: 'go/last_test.go',
    test: test(
      'Last',
      '\tif got := Last([]string{"a", "b"}, 2); len(got) != 2 {\n\t\tt.Fatalf("got %v", got)\n\t}\n\tif got := Last([]string{"a"}, 5); len(got) != 1 {\n\t\tt.Fatalf("got %v", got)\n\t}',
    ),
  },
  {
    name: 'go-amounts',
    class: 'missing error handling',
    language: 'go',
    bug: 'an amount that is no number and counts as 0',
    title: 'Add up amounts',
    criterion: 'Sum(texts) adds whole numbers; a text that is no whole number gives an error.',
    path: 'go/amounts.go',
    honest: `package tools

import "strconv"

// Sum adds amounts as they are written in a file.
func Sum(texts []string) (int, error) {
	sum := 0
	for _, text := range texts {
		amount, err := strconv.Atoi(text)
		if err != nil {
			return 0, err
		}
		sum += amount
	}
	return sum, nil
}
`,
    replaced: [
      [
        'amount, err := strconv.Atoi(text)\n\t\tif err != nil {\n\t\t\treturn 0, err\n\t\t}',
        'amount, _ := strconv.Atoi(text)',
      ],
    ],
    test_path: 'go/amounts_test.go',
    test: test(
      'Sum',
      '\tif got, err := Sum([]string{"3", "-1"}); got != 2 || err != nil {\n\t\tt.Fatalf("got %v, %v", got, err)\n\t}',
    ),
  },
  {
    name: 'go-retry',
    class: 'wrong condition',
    language: 'go',
    bug: 'the status 500, which is not tried again',
    title: 'Decide what is tried again',
    criterion: 'A request is tried again after the status 429 and every status from 500 on, while attempts are left.',
    path: 'go/retry.go',
    honest: `package tools

// ShouldRetry reports whether a request is sent again.
func ShouldRetry(status, attempt, attempts int) bool {
	return attempt < attempts && (status == 429 || status >= 500)
}
`,
    replaced: [['status >= 500', 'status > 500']],
    test_path: 'go/retry_test.go',
    test: test(
      'ShouldRetry',
      '\tif !ShouldRetry(503, 1, 3) || !ShouldRetry(429, 1, 3) || ShouldRetry(404, 1, 3) || ShouldRetry(503, 3, 3) {\n\t\tt.Fatal("wrong decision")\n\t}',
    ),
  },
  {
    name: 'go-load',
    class: 'resource leak',
    language: 'go',
    bug: 'a source that is not closed where it cannot be read',
    title: 'Read a source',
    criterion: 'Load(open) gives everything that the source has, and closes it in any case.',
    path: 'go/load.go',
    honest: `package tools

import "io"

// Load reads all of a source.
func Load(open func() (io.ReadCloser, error)) ([]byte, error) {
	source, err := open()
	if err != nil {
		return nil, err
	}
	defer source.Close()
	return io.ReadAll(source)
}
`,
    replaced: [
      [
        '\tdefer source.Close()\n\treturn io.ReadAll(source)\n',
        '\tcontent, err := io.ReadAll(source)\n\tif err != nil {\n\t\treturn nil, err\n\t}\n\treturn content, source.Close()\n',
      ],
    ],
    test_path: 'go/load_test.go',
    test: test(
      'Load',
      '\topen := func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader("text")), nil }\n\tif got, err := Load(open); string(got) != "text" || err != nil {\n\t\tt.Fatalf("got %s, %v", got, err)\n\t}',
      ['io', 'strings'],
    ),
  },
  {
    name: 'go-once',
    class: 'race',
    language: 'go',
    bug: 'a value that two goroutines load at the same time',
    title: 'Load values once',
    criterion: 'Get of a Once may be called by several goroutines at a time; each value is loaded once.',
    path: 'go/once.go',
    honest: `package tools

import "sync"

// Once has values that are loaded when they are first asked for.
type Once struct {
	Load   func(key string) string
	mutex  sync.Mutex
	values map[string]string
}

// Get gives the value of a key.
func (o *Once) Get(key string) string {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	value, found := o.values[key]
	if found {
		return value
	}
	value = o.Load(key)
	if o.values == nil {
		o.values = map[string]string{}
	}
	o.values[key] = value
	return value
}
`,
    replaced: [
      [
        '\to.mutex.Lock()\n\tdefer o.mutex.Unlock()\n\tvalue, found := o.values[key]\n',
        '\to.mutex.Lock()\n\tvalue, found := o.values[key]\n\to.mutex.Unlock()\n',
      ],
      ['\tvalue = o.Load(key)\n', '\tvalue = o.Load(key)\n\to.mutex.Lock()\n\tdefer o.mutex.Unlock()\n'],
    ],
    test_path: 'go/once_test.go',
    test: test(
      'Once',
      '\tloads := 0\n\tonce := Once{Load: func(key string) string { loads++; return key + "!" }}\n\tif once.Get("a") != "a!" || once.Get("a") != "a!" || loads != 1 {\n\t\tt.Fatalf("%d loads", loads)\n\t}',
    ),
  },
  {
    name: 'go-place',
    class: 'injection',
    language: 'go',
    bug: 'a name with .. that leads out of the folder',
    title: 'Find the place of an upload',
    criterion: 'Place(folder, name) is a path below the folder; a name that leads out of it gives an error.',
    path: 'go/place.go',
    honest: `package tools

import (
	"errors"
	"path/filepath"
)

// Place gives the path of an upload; the name comes from a visitor.
func Place(folder, name string) (string, error) {
	if !filepath.IsLocal(name) {
		return "", errors.New("the name leads out of the folder")
	}
	return filepath.Join(folder, name), nil
}
`,
    replaced: [['!filepath.IsLocal(name)', 'filepath.IsAbs(name)']],
    test_path: 'go/place_test.go',
    test: test(
      'Place',
      '\tif got, err := Place("/data", "a/b.txt"); got != "/data/a/b.txt" || err != nil {\n\t\tt.Fatalf("got %v, %v", got, err)\n\t}\n\tif _, err := Place("/data", "/etc/passwd"); err == nil {\n\t\tt.Fatal("no error")\n\t}',
    ),
  },
];
