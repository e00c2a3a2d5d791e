/** Where a model comes from, as its name shows. A distilled model can have several origins. */
export interface ModelOrigin {
  readonly vendors: readonly string[];
  readonly families: readonly string[];
}

/** Words of names of models, by family. Digits that follow directly, as in `llama3` or `gpt4o`, are part of the word. */
const FAMILIES: readonly (readonly [family: string, vendor: string, words: readonly string[]])[] = [
  ['claude', 'anthropic', ['claude', 'sonnet', 'opus', 'haiku']],
  ['gpt', 'openai', ['gpt', 'chatgpt', 'codex', 'davinci', 'o1', 'o3', 'o4']],
  ['gemini', 'google', ['gemini', 'palm', 'bison']],
  ['gemma', 'google', ['gemma', 'codegemma']],
  ['qwen', 'alibaba', ['qwen', 'qwq', 'codeqwen', 'tongyi']],
  ['llama', 'meta', ['llama', 'codellama']],
  ['mistral', 'mistral', ['mistral', 'mixtral', 'codestral', 'devstral', 'ministral', 'magistral', 'pixtral']],
  ['deepseek', 'deepseek', ['deepseek']],
  ['grok', 'xai', ['grok']],
  ['kimi', 'moonshot', ['kimi', 'moonshot']],
  ['glm', 'zhipu', ['glm', 'chatglm', 'codegeex']],
  ['phi', 'microsoft', ['phi']],
  ['command', 'cohere', ['command', 'aya']],
  ['nova', 'amazon', ['nova', 'titan']],
  ['granite', 'ibm', ['granite']],
  ['nemotron', 'nvidia', ['nemotron']],
  ['minimax', 'minimax', ['minimax', 'abab']],
  ['ernie', 'baidu', ['ernie']],
  ['hunyuan', 'tencent', ['hunyuan']],
  ['doubao', 'bytedance', ['doubao']],
  ['yi', '01ai', ['yi']],
  ['jamba', 'ai21', ['jamba']],
  ['olmo', 'allenai', ['olmo', 'tulu']],
  ['smollm', 'huggingface', ['smollm']],
  ['falcon', 'tii', ['falcon']],
  ['starcoder', 'bigcode', ['starcoder']],
];

/** Vendors in the names of models and before them, such as `anthropic/…` or `bedrock/us.meta.…`. */
const VENDORS: Readonly<Record<string, string>> = {
  ...Object.fromEntries(FAMILIES.map(([, vendor]) => [vendor, vendor])),
  ...{ moonshotai: 'moonshot', zai: 'zhipu', thudm: 'zhipu', mistralai: 'mistral', x: 'xai', ibmgranite: 'ibm' },
};

const FAMILY_OF_WORD = new Map(
  FAMILIES.flatMap(([family, vendor, words]) => words.map((word) => [word, { family, vendor }] as const)),
);

const wordsOf = (text: string): readonly string[] => text.split(/[^a-z0-9]+/).filter((word) => word !== '');

/** A word as it is, then without the digits and the size that follow it: `gpt4o` → `gpt`. */
const stemsOf = (word: string): readonly string[] => [word, word.replace(/\d[a-z0-9]*$/, '')];

const distinct = (values: readonly string[]): readonly string[] => [...new Set(values)].sort();

/**
 * The vendors and families that a model's name shows, whatever gateway it was asked through; none where it shows none. Of
 * several models that answered together, none where one of them shows none.
 */
export function modelOrigin(names: string): ModelOrigin {
  const origins = names.split(', ').map(originOf);
  if (origins.some(({ vendors }) => vendors.length === 0)) return { vendors: [], families: [] };
  const unknownFamily = origins.some(({ families }) => families.length === 0);
  return {
    vendors: distinct(origins.flatMap(({ vendors }) => vendors)),
    families: unknownFamily ? [] : distinct(origins.flatMap(({ families }) => families)),
  };
}

function originOf(name: string): ModelOrigin {
  const segments = name.toLowerCase().split('/');
  const words = wordsOf(segments.at(-1) ?? '');
  const found = words.flatMap((word) => {
    const known = stemsOf(word).map((stem) => FAMILY_OF_WORD.get(stem));
    return known.find((origin) => origin !== undefined) ?? [];
  });
  if (found.length > 0) {
    return {
      vendors: distinct(found.map(({ vendor }) => vendor)),
      families: distinct(found.map(({ family }) => family)),
    };
  }
  // The last vendor is the model's own: a gateway comes before it.
  const vendor = segments.flatMap(wordsOf).findLast((word) => Object.hasOwn(VENDORS, word));
  return { vendors: vendor === undefined ? [] : [VENDORS[vendor] ?? vendor], families: [] };
}
