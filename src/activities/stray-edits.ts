import { PromptOsError } from '../contracts/errors.js';
import type { Checkout } from '../ports/workspace.js';

/** Edits in a gate that changes no files. */
export interface StrayEdits {
  readonly message: string;
  /** Whether the checkout can be made clean, and the executor asked again. */
  readonly resettable: boolean;
}

const CHANGED = 'The executor changed files in a gate that changes none; thrown away';
const NAMED_FILES = 10;

/**
 * What an executor left in a checkout whose changes do not count. Edits that cannot be listed do not count either, so
 * they are no failure of the gate.
 */
export async function findStrayEdits(checkout: Checkout): Promise<StrayEdits | null> {
  try {
    const { files } = await checkout.diff();
    if (files.length === 0) return null;
    const named = files.slice(0, NAMED_FILES).map(({ path }) => path);
    const rest = files.length > named.length ? ` and ${files.length - named.length} more` : '';
    return { message: `${CHANGED}: ${named.join(', ')}${rest}.`, resettable: true };
  } catch (error) {
    if (!(error instanceof PromptOsError)) throw error;
    if (error.code === 'PATCH_TOO_LARGE') return { message: `${CHANGED}. ${error.summary}`, resettable: true };
    if (error.code === 'CHECKOUT_LOST') return { message: `${CHANGED}. ${error.summary}`, resettable: false };
    throw error;
  }
}
