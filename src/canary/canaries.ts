import { ANSWER_CANARIES } from './answer-canaries.js';
import type { Canary } from './canary.js';
import { PATCH_CANARIES } from './patch-canaries.js';
import { SECRET_CANARIES } from './secret-canaries.js';

/** Every violation that the engine itself must catch. */
export const CANARIES: readonly Canary[] = [...ANSWER_CANARIES, ...PATCH_CANARIES, ...SECRET_CANARIES];
