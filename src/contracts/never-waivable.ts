/** Findings of these rules can never be waived, whatever a policy says. */
export const NEVER_WAIVABLE_RULES = ['secrets', 'paths'] as const;
