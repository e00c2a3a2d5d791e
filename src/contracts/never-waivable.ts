/** Findings of these rules can never be waived, whatever a policy says. */
export const NEVER_WAIVABLE_RULES = ['secrets', 'paths'] as const;

/** Findings of these rules are waived one by one: by fingerprint, with a reason. */
export const WAIVED_BY_NAME_RULES = ['secret_candidates'] as const;
