#!/usr/bin/env bash
# Installs the runner apart from the job's own Python, and puts its command where later steps find it.
set -euo pipefail

extra=
[ "${BACKEND:-false}" = true ] && extra="[remote]"
case "${VERSION:-}" in
  "") wanted="$GITHUB_ACTION_PATH/../../..$extra" ;; # the repository that this action came with
  [0-9]*) wanted="runner-llm$extra==$VERSION" ;;
  *) wanted="$VERSION" ;;
esac

home="$RUNNER_TEMP/runner-report"
python3 -m venv "$home/python"
"$home/python/bin/pip" install --quiet --disable-pip-version-check "$wanted"
mkdir -p "$home/bin"
ln -sf "$home/python/bin/runner" "$home/bin/runner"
echo "$home/bin" >> "$GITHUB_PATH"
