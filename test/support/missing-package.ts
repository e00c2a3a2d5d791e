import type NodeModule from 'node:module';

/** The one package that is looked for in vain; empty while there is none. */
export const missing = { name: '' };

/** For `vi.mock('node:module')`: the real module, whose `createRequire` does not find the package that `missing` names. */
export function withoutMissing(module: typeof NodeModule): typeof NodeModule {
  const createRequire = (from: string | URL): NodeJS.Require => {
    const required = module.createRequire(from);
    const resolve = (name: string): string => required.resolve(name === missing.name ? `${name}-missing` : name);
    return Object.assign((name: string) => required(name), required, {
      resolve: Object.assign(resolve, required.resolve),
    });
  };
  return { ...module, createRequire } as typeof NodeModule;
}
