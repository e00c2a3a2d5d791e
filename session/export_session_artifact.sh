#!/usr/bin/env bash
# Writes a governed session artifact and its sidecar into an evidence folder: the newest run, or a given file.
#   ./session/export_session_artifact.sh --artifacts-dir DIR [--session-file F]
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)"
exec "$here/../bin/promptos" export "$@"
