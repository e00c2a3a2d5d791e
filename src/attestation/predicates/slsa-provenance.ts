import type { AttemptRecord } from '../../contracts/attempt.js';
import type { ArtifactRef } from '../../contracts/primitives.js';
import type { Scope } from '../../contracts/run-request.js';
import { type Statement, statement } from '../statement.js';
import { byCommit, byDigest, byFile, type ResourceDescriptor } from './resource-descriptor.js';

/** SLSA Provenance v1 (https://slsa.dev/spec/v1.1/provenance). */
export const SLSA_PROVENANCE = 'https://slsa.dev/provenance/v1';

/** How a patch comes about: an executor edits a checkout of the base commit, and the engine computes the difference. */
export const CONSTRAINED_BUILD = 'https://promptos.dev/build-types/constrained-build/v0.1';

/** The URI that stands for a principal: its name counts within the policy among the resolved dependencies. */
export const builderId = (principal: string): string =>
  `https://promptos.dev/principals/${encodeURIComponent(principal)}`;

/** The predicate, as far as we fill it in. */
export interface SlsaProvenance {
  readonly buildDefinition: {
    readonly buildType: typeof CONSTRAINED_BUILD;
    readonly externalParameters: {
      readonly runId: string;
      readonly gate: string;
      readonly attempt: number;
      /** A path must be inside each of them. */
      readonly scopes: readonly Scope[];
    };
    readonly internalParameters: { readonly executor: Readonly<Record<string, string | null>> };
    readonly resolvedDependencies: readonly ResourceDescriptor[];
  };
  readonly runDetails: {
    readonly builder: { readonly id: string };
    readonly metadata: { readonly invocationId: string; readonly startedOn: string; readonly finishedOn: string };
    readonly byproducts: readonly ResourceDescriptor[];
  };
}

export interface ProvenanceInput {
  /** `patch/change.patch`. */
  readonly patch: ArtifactRef;
  readonly record: AttemptRecord;
  readonly targetRepo: string;
  /** The pack bundle's bytes. */
  readonly packObjectSha256: string;
  readonly scopes: readonly Scope[];
  /** Where the attempt's transcripts are published. */
  readonly folder: string;
  /** Instants by the clock of the worker that did the gate. */
  readonly startedOn: string;
  readonly finishedOn: string;
}

/** SLSA provenance about the patch of an attempt. Pure. */
export function provenanceStatement(input: ProvenanceInput): Statement<SlsaProvenance> {
  const { patch, record, targetRepo, packObjectSha256, scopes, folder, startedOn, finishedOn } = input;
  const { run_id, gate, attempt, executor } = record;
  const transcripts = record.transcripts.map((file) => ({ ...file, path: `${folder}/${file.path}` }));
  const isPrompt = ({ path }: ArtifactRef) => path.endsWith('/prompt.md');
  const { kind, program, arguments_sha256, requested_model, served_model } = executor;
  return statement(SLSA_PROVENANCE, [{ name: patch.path, digest: { sha256: patch.sha256 } }], {
    buildDefinition: {
      buildType: CONSTRAINED_BUILD,
      externalParameters: { runId: run_id, gate, attempt, scopes },
      internalParameters: {
        executor: {
          kind,
          program,
          argumentsSha256: arguments_sha256,
          requestedModel: requested_model,
          servedModel: served_model,
        },
      },
      resolvedDependencies: [
        byCommit(targetRepo, record.base_commit),
        byDigest('prompt pack', packObjectSha256),
        byDigest('policy', record.policy_sha256),
        byDigest('request', record.request_sha256),
        ...Object.entries(record.inputs).map(([earlier, sha256]) => byDigest(`attempt of ${earlier}`, sha256)),
        ...transcripts.filter(isPrompt).map(byFile),
      ],
    },
    runDetails: {
      builder: { id: builderId(record.principal) },
      metadata: { invocationId: `${run_id}/${gate}.${attempt}`, startedOn, finishedOn },
      byproducts: [
        ...record.artifacts.filter(({ path }) => path !== patch.path).map(byFile),
        ...transcripts.filter((file) => !isPrompt(file)).map(byFile),
      ],
    },
  });
}
