#!/usr/bin/env bash
# Writes the software bill of materials of a release, as SPDX, to the given file.
#
# `npm sbom --omit=dev` leaves out what dependencies and development dependencies have in common, so it is run where
# nothing else is installed.
set -euo pipefail
out=${1:-sbom.spdx.json}
cd "$(dirname "$0")/.."
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cp package.json package-lock.json .npmrc "$folder"
(
  cd "$folder"
  npm ci --omit=dev --ignore-scripts --silent >&2
  npm pkg delete devDependencies
  npm sbom --sbom-format spdx
) >"$folder/sbom.json"
mv "$folder/sbom.json" "$out"
