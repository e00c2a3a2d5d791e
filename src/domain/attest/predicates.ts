import type { TestResults } from '../../contracts/answers/gate-outputs.js';
import { GATE_PATHS } from '../../contracts/artifacts.js';
import type { ArtifactRef } from '../../contracts/primitives.js';
import type { AttemptRecord } from '../../contracts/record/attempt.js';
import type { Scope } from '../../contracts/run/run-request.js';
import { type Statement, statement } from './statement.js';

/** in-toto's ResourceDescriptor v1, as far as we use it. */
interface ResourceDescriptor {
  readonly name: string;
  readonly digest: { readonly sha256: string } | { readonly gitCommit: string };
  readonly mediaType?: string;
}

/** Something by the SHA-256 of its bytes. */
const byDigest = (name: string, sha256: string): ResourceDescriptor => ({ name, digest: { sha256 } });

/** A commit of a repository that is called by its name; the workers' configs say where that is. */
const byCommit = (repository: string, commit: string): ResourceDescriptor => ({
  name: repository,
  digest: { gitCommit: commit },
});

/** A file of a run's tree. */
const byFile = ({ path, sha256, media_type }: ArtifactRef): ResourceDescriptor => ({
  name: path,
  digest: { sha256 },
  mediaType: media_type,
});

/** SLSA Provenance v1 (https://slsa.dev/spec/v1.1/provenance). */
export const SLSA_PROVENANCE = 'https://slsa.dev/provenance/v1';

/** How a patch comes about: an executor edits a checkout of the base commit, and the engine computes the difference. */
export const CONSTRAINED_BUILD = 'https://promptos.dev/build-types/constrained-build/v0.1';

/** The URI of a principal: its name counts within the policy among the resolved dependencies. */
const builderId = (principal: string): string => `https://promptos.dev/principals/${encodeURIComponent(principal)}`;

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
  const { kind, program, arguments_sha256, requested_model, served_model, sandbox } = executor;
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
          ...(sandbox === undefined ? {} : { sandbox }),
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

/** in-toto's Test Result v0.1 (https://github.com/in-toto/attestation/blob/main/spec/predicates/test-result.md). */
export const TEST_RESULT = 'https://in-toto.io/attestation/test-result/v0.1';

export interface TestResult {
  readonly result: 'PASSED' | 'FAILED';
  readonly configuration: readonly ResourceDescriptor[];
  readonly passedTests: readonly string[];
  readonly warnedTests: readonly string[];
  readonly failedTests: readonly string[];
}

export interface TestResultInput {
  readonly record: Pick<AttemptRecord, 'policy_sha256' | 'request_sha256'>;
  readonly targetRepo: string;
  /** What the engine saw of each check, and on which patch. */
  readonly results: TestResults;
}

/**
 * The checks that the engine ran on a patch: each check is one test. None at all proves nothing and has failed. What the
 * verifier thinks of the patch beside this is the gate's verdict. Pure.
 */
export function testResultStatement({ record, targetRepo, results }: TestResultInput): Statement<TestResult> {
  const named = (passed: boolean) =>
    results.checks.filter(({ status }) => (status === 'passed') === passed).map(({ name }) => name);
  const failedTests = named(false);
  const passedTests = named(true);
  return statement(TEST_RESULT, [{ name: GATE_PATHS.patch, digest: { sha256: results.patch_sha256 } }], {
    result: passedTests.length > 0 && failedTests.length === 0 ? 'PASSED' : 'FAILED',
    configuration: [
      byDigest('policy', record.policy_sha256),
      byDigest('request', record.request_sha256),
      byCommit(targetRepo, results.base_commit),
    ],
    passedTests,
    warnedTests: [],
    failedTests,
  });
}
