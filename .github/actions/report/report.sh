#!/usr/bin/env bash
# Makes the report, says in the log what the checks come to at their lines, and tells the next steps.
# It asks nobody and needs no key. What prompts and answers say is no command to GitHub.
set -euo pipefail

report="$RUNNER_TEMP/runner-report.md"
figures="$RUNNER_TEMP/runner-report.json"
talk="$RUNNER_TEMP/runner-talk.txt"
page="$RUNNER_TEMP/runner-report.html"
rm -f "$report" "$figures" "$page"

quoted() {
  local token
  token=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
  echo "::stop-commands::$token"
  cat "$1"
  echo
  echo "::$token::"
}

figure() {
  python3 -c '
import json, sys
held = json.load(open(sys.argv[1], encoding="utf-8"))
for name in sys.argv[2].split("."):
    held = held and held[name]
print("" if held is None else json.dumps(held))
' "$figures" "$1"
}

if [ "${BACKEND:-false}" = true ]; then
  status=0
  runner -C "$DIRECTORY" --no-color init > "$talk" 2>&1 || status=$?
  quoted "$talk"
  test "$status" = 0 || exit 1
fi

against=()
[ -z "${AGAINST:-}" ] || against=(--against "$AGAINST")
html=()
[ -z "${HTML:-}" ] || html=(--html "$page")
fail_on=$FAIL_ON
if [ -z "${AGAINST:-}" ] && [ "$fail_on" = regression ]; then
  fail_on=never # there is nothing that anything could have held at
fi

status=0
runner -C "$DIRECTORY" --no-color report "${against[@]}" \
  --markdown "$report" --json "$figures" "${html[@]}" > "$talk" 2>&1 || status=$?
quoted "$talk"
test "$status" = 0 || exit 1

if [ "$(figure checks.declared)" != 0 ]; then
  runner -C "$DIRECTORY" --no-color check "${against[@]}" --fail-on "$fail_on" --json --github \
    > /dev/null 2> "$talk" || status=$?
  grep '^::' "$talk" || true
  if [ "$status" != 0 ] && [ "$status" != 3 ]; then
    quoted "$talk"
    exit 1
  fi
fi

cat "$report" >> "$GITHUB_STEP_SUMMARY"
{
  echo "changes=$(figure next.changes)"
  echo "checks=$(figure checks.met) met, $(figure checks.not_met) not met"
  echo "regressions=$(figure checks.regressed)"
  echo "cost=$(figure since.spent.cost)"
  echo "status=$status"
} >> "$GITHUB_OUTPUT"
