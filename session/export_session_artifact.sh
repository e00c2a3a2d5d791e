#!/usr/bin/env bash
# Writes a governed session artifact and its sidecar into an evidence folder: the newest run, or a given file.
#   ./session/export_session_artifact.sh --artifacts-dir DIR [--session-file F]
set -euo pipefail
script="${BASH_SOURCE[0]}"
# A link to the script may be anywhere; `readlink -f` is missing on older systems.
while [[ -L "$script" ]]; do
  link="$(readlink "$script")"
  [[ "$link" == /* ]] || link="$(dirname "$script")/$link"
  script="$link"
done
here="$(cd "$(dirname "$script")" && pwd -P)"
exec "$here/../bin/promptos" export "$@"
