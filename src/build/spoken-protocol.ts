import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);

/** Where `@temporalio/proto` has the protocol: services, messages and enums of every version of the server. */
export const PROTOCOL_MODULE = require.resolve('@temporalio/proto/protos/json-module.js');

/** A node of the protocol: a namespace, a service, a message or an enum. */
interface Node {
  readonly nested?: Record<string, Node>;
  readonly fields?: Readonly<Record<string, { readonly type: string }>>;
  readonly values?: object;
  readonly methods?: Record<string, { readonly requestType: string; readonly responseType: string }>;
}

/**
 * What programs of some code can speak of the protocol, as JSON: every service, message and enum that they name in full, of
 * services the calls whose names they write, and all that those are made of. Building the types of the whole takes longer than most commands.
 */
export function spokenProtocol(code: string): string {
  const root = (require(PROTOCOL_MODULE) as { toJSON(): Node }).toJSON();
  const nodes = new Map<string, Node>();
  const visit = (path: string, { nested = {} }: Node): void => {
    for (const [name, node] of Object.entries(nested)) {
      nodes.set(path + name, node);
      visit(`${path}${name}.`, node);
    }
  };
  visit('', root);
  const kept = new Set<string>();
  /** As protobuf resolves names: from the innermost scope outwards. */
  const keep = (name: string, scope: string): void => {
    const found = [...outwards(scope), ''].map((place) => place + name).find((path) => nodes.has(path));
    if (found === undefined || kept.has(found)) return;
    for (const path of [found, ...outwards(found).map((place) => place.slice(0, -1))]) {
      if (kept.has(path)) continue;
      kept.add(path);
      for (const { type } of Object.values(nodes.get(path)?.fields ?? {})) keep(type, `${path}.`);
    }
  };
  for (const [name] of code.matchAll(/\b(?:temporal\.api|google|grpc)(?:\.\w+)+/g)) {
    const path = [name, ...outwards(name).map((place) => place.slice(0, -1))].find((one) => nodes.has(one));
    if (path !== undefined) keep(path, '');
  }
  const called = new Set(Array.from(code.matchAll(/service\??\.(\w+)/gi), ([, name = '']) => name));
  for (const [path, { methods = {} }] of nodes) {
    for (const [name, { requestType, responseType }] of kept.has(path) ? Object.entries(methods) : []) {
      if (!called.has(name.charAt(0).toLowerCase() + name.slice(1))) delete methods[name];
      else for (const type of [requestType, responseType]) keep(type, `${path}.`);
    }
  }
  for (const path of nodes.keys()) {
    const at = path.lastIndexOf('.');
    if (!kept.has(path)) delete (at < 0 ? root : nodes.get(path.slice(0, at)))?.nested?.[path.slice(at + 1)];
  }
  return JSON.stringify(root.nested);
}

/** `a.b.c` → `a.b.`, `a.`. */
const outwards = (path: string): readonly string[] =>
  path.split('.').flatMap((_, count, names) => (count === 0 ? [] : [`${names.slice(0, -count).join('.')}.`]));
