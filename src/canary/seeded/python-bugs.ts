import type { SeededBug } from './seeded-bug.js';

const test = (imports: string, name: string, body: string): string => `import unittest

from ${name} import ${imports}


class ${imports.replace(/(?:^|_)([a-z])/g, (_, letter: string) => letter.toUpperCase())}Test(unittest.TestCase):
    def test_usual_case(self):
${body}
`;

export const PYTHON_BUGS: readonly SeededBug[] = [
  {
    name: 'python-batches',
    class: 'off by one',
    language: 'python',
    bug: 'a last batch that is lost unless it is full',
    title: 'Cut a list into batches',
    criterion: 'batches(items, size) gives lists of the size, the last of which may be shorter; no item is lost.',
    path: 'python/batches.py',
    honest: `def batches(items, size):
    """Lists of the given size, in order."""
    return [items[start:start + size] for start in range(0, len(items), size)]
`,
    replaced: [['len(items), size)', 'len(items) - size + 1, size)']],
    test_path: 'python/test_batches.py',
    test: test('batches', 'batches', '        self.assertEqual(batches([1, 2, 3, 4], 2), [[1, 2], [3, 4]])'),
  },
  {
    name: 'python-totals',
    class: 'missing error handling',
    language: 'python',
    bug: 'an order without an amount that ends the sum with an error',
    title: 'Add up the amounts of orders',
    criterion: 'total(orders) adds the amounts; an order whose amount is missing or None counts as 0.',
    path: 'python/totals.py',
    honest: `def total(orders):
    """The sum of the amounts of orders, which are dictionaries as the shop exports them."""
    return sum(order.get("amount") or 0 for order in orders)
`,
    replaced: [['order.get("amount") or 0', 'order.get("amount", 0)']],
    test_path: 'python/test_totals.py',
    test: test('total', 'totals', '        self.assertEqual(total([{"amount": 3}, {"amount": 4}, {}]), 7)'),
  },
  {
    name: 'python-access',
    class: 'wrong condition',
    language: 'python',
    bug: 'editors that may change a locked document',
    title: 'Decide who may change a document',
    criterion:
      'The owner and editors may change a document that is not locked. A locked one may be changed by no person.',
    path: 'python/access.py',
    honest: `def may_change(person, document):
    """Whether a person may change a document."""
    is_owner = document["owner"] == person
    is_editor = person in document["editors"]
    return not document["locked"] and (is_owner or is_editor)
`,
    replaced: [['(is_owner or is_editor)', 'is_owner or is_editor']],
    test_path: 'python/test_access.py',
    test: test(
      'may_change',
      'access',
      '        document = {"owner": "ann", "editors": ["bob"], "locked": False}\n        self.assertTrue(may_change("bob", document))\n        self.assertFalse(may_change("eve", document))\n        self.assertFalse(may_change("ann", {**document, "locked": True}))',
    ),
  },
  {
    name: 'python-borrow',
    class: 'resource leak',
    language: 'python',
    bug: 'a connection that is not given back where the work fails',
    title: 'Work with a connection of a pool',
    criterion: 'with_connection(pool, work) gives the result of the work, and gives the connection back in any case.',
    path: 'python/borrow.py',
    honest: `def with_connection(pool, work):
    """Does work with a connection of the pool."""
    connection = pool.acquire()
    try:
        return work(connection)
    finally:
        pool.release(connection)
`,
    replaced: [
      [
        '    try:\n        return work(connection)\n    finally:\n        pool.release(connection)\n',
        '    result = work(connection)\n    pool.release(connection)\n    return result\n',
      ],
    ],
    test_path: 'python/test_borrow.py',
    test: test(
      'with_connection',
      'borrow',
      `        class Pool:
            free = 1

            def acquire(self):
                self.free -= 1
                return "connection"

            def release(self, connection):
                self.free += 1

        pool = Pool()
        self.assertEqual(with_connection(pool, len), 10)
        self.assertEqual(pool.free, 1)`,
    ),
  },
  {
    name: 'python-cache',
    class: 'race',
    language: 'python',
    bug: 'a value that two threads load at the same time',
    title: 'Load values once',
    criterion: 'get(key) of a LoadOnce may be called by several threads at a time; each value is loaded once.',
    path: 'python/cache.py',
    honest: `import threading


class LoadOnce:
    """Values that are loaded when they are first asked for."""

    def __init__(self, load):
        self._load = load
        self._values = {}
        self._lock = threading.Lock()

    def get(self, key):
        with self._lock:
            if key not in self._values:
                self._values[key] = self._load(key)
            return self._values[key]
`,
    replaced: [
      [
        '        with self._lock:\n            if key not in self._values:\n                self._values[key] = self._load(key)\n            return self._values[key]\n',
        '        if key not in self._values:\n            value = self._load(key)\n            with self._lock:\n                self._values[key] = value\n        return self._values[key]\n',
      ],
    ],
    test_path: 'python/test_cache.py',
    test: test(
      'LoadOnce',
      'cache',
      '        loaded = []\n        cache = LoadOnce(lambda key: loaded.append(key) or key.upper())\n        self.assertEqual([cache.get("a"), cache.get("a")], ["A", "A"])\n        self.assertEqual(loaded, ["a"])',
    ),
  },
  {
    name: 'python-customers',
    class: 'injection',
    language: 'python',
    bug: 'a name that becomes part of an SQL statement',
    title: 'Find customers by name',
    criterion: 'find(database, name) gives the ids of the customers with exactly that name, whatever is in the name.',
    path: 'python/customers.py',
    honest: `def find(database, name):
    """The ids of customers; the name is what a visitor typed."""
    rows = database.execute("SELECT id FROM customers WHERE name = ? ORDER BY id", (name,))
    return [row[0] for row in rows]
`,
    replaced: [
      [
        '"SELECT id FROM customers WHERE name = ? ORDER BY id", (name,)',
        'f"SELECT id FROM customers WHERE name = \'{name}\' ORDER BY id"',
      ],
    ],
    test_path: 'python/test_customers.py',
    test: test(
      'find',
      'customers',
      '        import sqlite3\n\n        database = sqlite3.connect(":memory:")\n        database.execute("CREATE TABLE customers (id INTEGER, name TEXT)")\n        database.execute("INSERT INTO customers VALUES (1, \'Ann\'), (2, \'Bob\')")\n        self.assertEqual(find(database, "Bob"), [2])\n        database.close()',
    ),
  },
];
