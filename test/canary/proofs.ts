/** A test for each seeded bug, in its language, that passes without the bug and fails with it. */
export const PROOFS: Readonly<Record<string, string>> = {
  'javascript-pages': `assert.strictEqual(require('./pages.js').pageCount(6, 3), 2);`,
  'javascript-settings': `require('node:fs').writeFileSync('broken.json', '{');
assert.throws(() => require('./settings.js').readSettings('broken.json'), SyntaxError);`,
  'javascript-discount': `assert.strictEqual(require('./discount.js').discount({ member: false, total: 150 }), 0);`,
  'javascript-header': `const fs = require('node:fs');
let open = 0;
const { openSync, closeSync } = fs;
fs.openSync = (...args) => { open += 1; return openSync(...args); };
fs.closeSync = (file) => { open -= 1; return closeSync(file); };
fs.writeFileSync('empty.txt', '');
open = 0;
assert.strictEqual(require('./header.js').firstLine('empty.txt'), null);
assert.strictEqual(open, 0);`,
  'javascript-counter': `const values = new Map();
const store = { get: async (name) => values.get(name), set: async (name, value) => { values.set(name, value); } };
const counter = require('./counter.js').createCounter(store);
Promise.all([counter.add('a', 1), counter.add('a', 1)]).then(() => assert.strictEqual(values.get('a'), 2));`,
  'javascript-link': `assert.ok(!require('./link.js').link('/', '<b>').includes('<b>'));`,
  'python-batches': `from batches import batches
assert batches([1, 2, 3], 2) == [[1, 2], [3]]`,
  'python-totals': `from totals import total
assert total([{"amount": None}, {"amount": 2}]) == 2`,
  'python-access': `from access import may_change
assert not may_change("bob", {"owner": "ann", "editors": ["bob"], "locked": True})`,
  'python-borrow': `from borrow import with_connection
class Pool:
    free = 1
    def acquire(self):
        self.free -= 1
    def release(self, connection):
        self.free += 1
pool = Pool()
try:
    with_connection(pool, lambda connection: 1 / 0)
except ZeroDivisionError:
    pass
assert pool.free == 1`,
  // The first load goes on until a second one has begun, or would have.
  'python-cache': `import threading
from cache import LoadOnce
loads = []
second = threading.Event()
def load(key):
    loads.append(key)
    if len(loads) > 1:
        second.set()
    second.wait(1)
    return key
cache = LoadOnce(load)
threads = [threading.Thread(target=cache.get, args=("a",)) for _ in range(2)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
assert loads == ["a"], loads`,
  'python-customers': `import sqlite3
from customers import find
database = sqlite3.connect(":memory:")
database.execute("CREATE TABLE customers (id INTEGER, name TEXT)")
database.execute("INSERT INTO customers VALUES (1, 'Ann')")
assert find(database, "x' OR '1'='1") == []`,
  'go-last': `if got := Last([]string{"a", "b", "c"}, 2); len(got) != 2 {
	t.Fatal(got)
}`,
  'go-amounts': `if _, err := Sum([]string{"1", "two"}); err == nil {
	t.Fatal("no error")
}`,
  'go-retry': `if !ShouldRetry(500, 1, 3) {
	t.Fatal("500 is not tried again")
}`,
  'go-load': `closed := false
_, err := Load(func() (io.ReadCloser, error) { return &broken{&closed}, nil })
if err == nil || !closed {
	t.Fatal("not closed")
}`,
  'go-once': `var loads atomic.Int32
second := make(chan struct{})
once := Once{Load: func(key string) string {
	if loads.Add(1) == 2 {
		close(second)
	}
	select {
	case <-second:
	case <-time.After(time.Second):
	}
	return key
}}
var group sync.WaitGroup
for range []int{1, 2} {
	group.Add(1)
	go func() { defer group.Done(); once.Get("a") }()
}
group.Wait()
if loads.Load() != 1 {
	t.Fatal(loads.Load())
}`,
  'go-place': `if _, err := Place("/data", "../secret"); err == nil {
	t.Fatal("no error")
}`,
};

const GO_IMPORTS: Readonly<Record<string, readonly string[]>> = {
  'go-load': ['errors', 'io'],
  'go-once': ['sync', 'sync/atomic', 'time'],
};
const GO_TYPES: Readonly<Record<string, string>> = {
  'go-load': `type broken struct{ closed *bool }

func (b *broken) Read([]byte) (int, error) { return 0, errors.New("broken") }
func (b *broken) Close() error             { *b.closed = true; return nil }
`,
};

/** The proof of a Go bug as a test file. */
export const goProof = (name: string): string => `package tools

import (
${[...(GO_IMPORTS[name] ?? []), 'testing'].map((one) => `\t"${one}"`).join('\n')}
)

${GO_TYPES[name] ?? ''}
func TestProof(t *testing.T) {
${PROOFS[name]}
}
`;
