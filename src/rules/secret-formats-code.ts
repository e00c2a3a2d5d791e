import { byStrength, formats } from './secret-format.js';
import { decodeBase64 } from './secret-values.js';

/** `"auth": "…"` of a Docker configuration is base64 of `user:password`. */
const dockerAuth = (value: string) => {
  const [, password] = /^[^:]{1,200}:(.{3,2000})$/s.exec(decodeBase64(value) ?? '') ?? [];
  return password === undefined ? null : byStrength(password);
};

/** Credentials of hosts of code, registries of packages, builds, and the tools of developers. */
export const CODE_FORMATS = formats([
  ['github-token', 'a GitHub token', 'ghp_ gho_ ghu_ ghs_ ghr_', /(?<![A-Za-z0-9])gh[pousr]_[A-Za-z0-9]{36,255}/g],
  ['github-fine-grained', 'a fine-grained GitHub token', 'github_pat_', /github_pat_[A-Za-z0-9_]{22,255}/g],
  ['gitlab-token', 'a GitLab access token', 'glpat-', /(?<![A-Za-z0-9])glpat-[A-Za-z0-9_.-]{20,300}/g],
  ['gitlab-deploy-token', 'a GitLab deploy token', 'gldt-', /(?<![A-Za-z0-9])gldt-[A-Za-z0-9_-]{20,100}/g],
  [
    'gitlab-runner-token',
    'a GitLab runner token',
    'glrt- gr1348941',
    /(?<![A-Za-z0-9])(?:glrt-|GR1348941)[A-Za-z0-9_.-]{20,100}/g,
  ],
  ['gitlab-trigger-token', 'a GitLab trigger token', 'glptt-', /(?<![A-Za-z0-9])glptt-[0-9a-f]{40}/g],
  [
    'gitlab-service-token',
    'a GitLab token of a service',
    'glcbt- gloas- glsoat- glft- glimt- glagent- glffct-',
    /(?<![A-Za-z0-9])gl(?:cbt|oas|soat|ft|imt|agent|ffct)-[A-Za-z0-9_-]{20,100}/g,
  ],
  ['bitbucket-token', 'a Bitbucket app password', 'atbb', /(?<![A-Za-z0-9])ATBB[A-Za-z0-9]{28,32}(?![A-Za-z0-9])/g],
  [
    'atlassian-token',
    'an Atlassian API token',
    'atatt3 atctt3 atstt3',
    /(?<![A-Za-z0-9])AT[ACS]TT3[A-Za-z0-9_=-]{60,300}/g,
  ],
  ['npm-token', 'an npm token', 'npm_', /(?<![A-Za-z0-9])npm_[A-Za-z0-9]{36}/g],
  [
    'npmrc-auth',
    'a registry token of .npmrc',
    '_authtoken _auth _password',
    /:_(?:authToken|auth|password)\s{0,4}=\s{0,4}["']?([A-Za-z0-9+/=_-]{8,400})/g,
    byStrength,
  ],
  ['pypi-token', 'a PyPI token', 'pypi-age', /pypi-AgE(?:IcHlwaS5vcmc|NdGVzdC5weXBpLm9yZw)[A-Za-z0-9_-]{50,1000}/g],
  ['rubygems-key', 'a RubyGems key', 'rubygems_', /rubygems_[0-9a-f]{48}/g],
  ['crates-io-token', 'a crates.io token', 'cio', /(?<![A-Za-z0-9])cio[A-Za-z0-9]{32}(?![A-Za-z0-9])/g],
  ['nuget-key', 'a NuGet key', 'oy2', /(?<![A-Za-z0-9])oy2[a-z0-9]{43}(?![A-Za-z0-9])/g],
  ['clojars-token', 'a Clojars token', 'clojars_', /CLOJARS_[a-z0-9]{60}/gi],
  ['docker-hub-token', 'a Docker Hub token', 'dckr_pat_ dckr_oat_', /dckr_[po]at_[A-Za-z0-9_-]{27,40}/g],
  [
    'docker-auth',
    'a registry login of Docker',
    '"auth"',
    /"auth"\s{0,8}:\s{0,8}"([A-Za-z0-9+/]{8,2000}={0,2})"/g,
    dockerAuth,
  ],
  [
    'jfrog-key',
    'a JFrog key',
    'akcp cmvmdgtu',
    /(?<![A-Za-z0-9])(?:AKCp[A-Za-z0-9]{69,73}|cmVmdGtu[A-Za-z0-9]{56})(?![A-Za-z0-9])/g,
  ],
  ['postman-key', 'a Postman key', 'pmak-', /PMAK-[0-9a-f]{24}-[0-9a-f]{34}/g],
  ['sonarqube-token', 'a SonarQube token', 'sqp_ sqa_ squ_', /(?<![A-Za-z0-9])sq[pau]_[0-9a-f]{40}/g],
  ['circleci-token', 'a CircleCI token', 'ccipat_ ccipra_', /CCIP(?:AT|RA)_[A-Za-z0-9]{22}_[0-9a-f]{40}/g],
  ['buildkite-token', 'a Buildkite token', 'bkua_', /(?<![A-Za-z0-9])bkua_[0-9a-f]{40}/g],
  ['netlify-token', 'a Netlify token', 'nfp_', /(?<![A-Za-z0-9])nfp_[A-Za-z0-9]{36}/g],
  ['linear-key', 'a Linear key', 'lin_api_ lin_oauth_', /lin_(?:api|oauth)_[A-Za-z0-9]{40,64}/g],
  [
    'notion-token',
    'a Notion token',
    'secret_ ntn_',
    /(?<![A-Za-z0-9_])(?:secret_(?=[A-Za-z]{0,42}\d)[A-Za-z0-9]{43}(?![A-Za-z0-9_])|ntn_\d{11}[A-Za-z0-9]{35})/g,
  ],
  ['figma-token', 'a Figma token', 'figd_', /figd_[A-Za-z0-9_-]{40,60}/g],
  ['airtable-token', 'an Airtable token', 'pat', /(?<![A-Za-z0-9])pat[A-Za-z0-9]{14}\.[0-9a-f]{64}/g],
  ['prefect-key', 'a Prefect key', 'pnu_', /(?<![A-Za-z0-9])pnu_[a-z0-9]{36}/g],
  ['readme-key', 'a ReadMe key', 'rdme_', /(?<![A-Za-z0-9])rdme_[a-z0-9]{70}/g],
  ['contentful-token', 'a Contentful token', 'cfpat-', /CFPAT-[A-Za-z0-9_-]{43}/g],
  ['typeform-token', 'a Typeform token', 'tfp_', /(?<![A-Za-z0-9])tfp_[A-Za-z0-9_.-]{40,80}/g],
  [
    'openai-key',
    'an OpenAI key',
    'sk-proj- sk-svcacct- sk-admin- t3blbkfj',
    /(?<![A-Za-z0-9])sk-(?:(?:proj|svcacct|admin)-[A-Za-z0-9_-]{20,250}|[A-Za-z0-9]{20}T3BlbkFJ[A-Za-z0-9]{20})/g,
  ],
  [
    'openai-legacy-key',
    'a key of a model provider',
    'sk-',
    /(?<![A-Za-z0-9_-])sk-(?=[A-Za-z]{0,47}\d)[A-Za-z0-9]{32,64}(?![A-Za-z0-9_-])/g,
  ],
  ['anthropic-key', 'an Anthropic key', 'sk-ant-', /(?<![A-Za-z0-9])sk-ant-[A-Za-z0-9_-]{24,200}/g],
  ['openrouter-key', 'an OpenRouter key', 'sk-or-', /(?<![A-Za-z0-9])sk-or-v1-[0-9a-f]{64}/g],
  [
    'huggingface-token',
    'a Hugging Face token',
    'hf_ api_org_',
    /(?<![A-Za-z0-9])(?:hf_|api_org_)(?=[a-z]{0,33}[A-Z])[A-Za-z]{34}(?![A-Za-z0-9])|(?<![A-Za-z0-9])(?:hf_|api_org_)(?=[A-Za-z]{0,33}\d)[A-Za-z0-9]{34}(?![A-Za-z0-9])/g,
  ],
  ['groq-key', 'a Groq key', 'gsk_', /(?<![A-Za-z0-9])gsk_[A-Za-z0-9]{52}/g],
  ['replicate-token', 'a Replicate token', 'r8_', /(?<![A-Za-z0-9])r8_[A-Za-z0-9]{37}/g],
  ['perplexity-key', 'a Perplexity key', 'pplx-', /(?<![A-Za-z0-9])pplx-[A-Za-z0-9]{48}/g],
  ['xai-key', 'an xAI key', 'xai-', /(?<![A-Za-z0-9])xai-[A-Za-z0-9]{70,90}/g],
  ['langsmith-key', 'a LangSmith key', 'lsv2_', /lsv2_(?:pt|sk)_[0-9a-f]{32}_[0-9a-f]{10}/g],
  ['pinecone-key', 'a Pinecone key', 'pcsk_', /pcsk_[A-Za-z0-9_]{50,90}/g],
]);
