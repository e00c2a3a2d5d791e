/** An unsigned policy of the example repository, for tests of gates alone. @param parts YAML lines that are added, `checks` among them */
export const checksPolicy = (parts: string): string => `
schema_version: 1
name: example
principals: { ada: { kind: human }, grace: { kind: human }, nina: { kind: agent }, vera: { kind: agent }, rex: { kind: agent } }
roles: { writer: nina, verifier: vera, reviewer: rex, integrator: [grace] }
decisions: { authentication: optional }
attestations: optional
${parts}
`;
