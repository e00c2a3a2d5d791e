import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { z } from 'zod';
import { GATE_ANSWER_SCHEMAS } from '../contracts/answers/gate-outputs.js';
import { type Artifact, type ArtifactSchema, RUN_ARTIFACTS } from '../contracts/artifacts.js';
import { workerConfigSchema } from '../contracts/config/worker-config.js';
import { prettyJson } from '../contracts/json.js';
import { GATE_IDS, GATES } from '../contracts/names.js';
import { policySchema } from '../contracts/policy/policy.js';
import { durationSchema, durationText } from '../contracts/primitives.js';
import { ARTIFACT_SCHEMAS } from '../contracts/record/artifact-schemas.js';
import { decisionSchema, resolutionSchema } from '../contracts/run/decisions.js';
import { escalationReportSchema } from '../contracts/run/escalation.js';
import { runRequestSchema } from '../contracts/run/run-request.js';
import { writeCommandsPage } from './commands-page.js';
import { writeReferencePages, writeRulesPage } from './reference-pages.js';

interface PublishedSchema {
  readonly title: string;
  readonly schema: z.ZodType;
  /** Whether people and models write such a file, or the engine does: the one may leave out what has a default. */
  readonly io: 'input' | 'output';
  /**
   * Part of the schema's `$id`; 1 when absent. It is that of `schema_version` where files have one. It goes up when files
   * that were valid are not any more; whatever only adds keeps it.
   */
  readonly version?: number;
}

/** The schema that the table of artifacts names for a file, or for a line of it. */
const ofArtifact = ({ path, schema }: Artifact & { readonly schema: ArtifactSchema }, title = path) => ({
  [schema]: { title, schema: ARTIFACT_SCHEMAS[schema], io: 'output' as const },
});

/** Every schema that ships, by the name of its file. */
const PUBLISHED_SCHEMAS: Readonly<Record<string, PublishedSchema>> = {
  'run-request': { title: 'Run request', schema: runRequestSchema, io: 'input' },
  policy: { title: 'Policy', schema: policySchema, io: 'input' },
  'worker-config': { title: 'Worker config', schema: workerConfigSchema, io: 'input' },
  ...Object.fromEntries(
    GATE_IDS.map((gate) => [
      `gate-output-${gate.toLowerCase()}`,
      { title: `Output of ${gate} ${GATES[gate].title}`, schema: GATE_ANSWER_SCHEMAS[gate], io: 'input' },
    ]),
  ),
  decision: { title: 'Decision', schema: decisionSchema, io: 'input' },
  resolution: { title: 'Resolution of an escalation', schema: resolutionSchema, io: 'input' },
  escalation: { title: 'Escalation report (P08)', schema: escalationReportSchema, io: 'output' },
  ...ofArtifact(RUN_ARTIFACTS.ledger, `A line of ${RUN_ARTIFACTS.ledger.path}`),
  ...ofArtifact(RUN_ARTIFACTS.session),
  ...ofArtifact(RUN_ARTIFACTS.record),
  ...ofArtifact(RUN_ARTIFACTS.incomplete),
  ...ofArtifact(RUN_ARTIFACTS.attempt, 'attempt.json'),
};

/** A duration is parsed to milliseconds, so zod leaves the default out of a schema whose files have durations as text. */
const stateDuration: NonNullable<z.core.ToJSONSchemaParams['override']> = ({ zodSchema, jsonSchema }) => {
  const { def } = zodSchema._zod;
  if (def.type !== 'default' || def.innerType !== durationSchema || jsonSchema.type !== 'string') return;
  jsonSchema.default = durationText(Number(def.defaultValue));
};

/**
 * The JSON Schemas (2020-12) as they ship: file name → text. What a schema cannot say (a rule over several fields) the
 * engine checks all the same.
 */
export const renderSchemas = (): ReadonlyMap<string, string> =>
  new Map(
    Object.entries(PUBLISHED_SCHEMAS).map(([name, { title, schema, io, version = 1 }]) => {
      const { $schema, ...body } = z.toJSONSchema(schema, { target: 'draft-2020-12', io, override: stateDuration });
      const $id = `urn:promptos-temporal:schema:${name}:${version}`;
      return [`${name}.schema.json`, prettyJson({ $schema, $id, title, ...body })];
    }),
  );

/** Writes every schema into a folder. */
export async function writeSchemas(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (const [file, text] of renderSchemas()) await writeFile(join(folder, file), text);
}

const started = process.argv[1];
if (started !== undefined && import.meta.url === pathToFileURL(started).href) {
  await writeSchemas(fileURLToPath(new URL('../../schemas', import.meta.url)));
  await writeReferencePages(renderSchemas());
  await writeRulesPage();
  await writeCommandsPage();
}
