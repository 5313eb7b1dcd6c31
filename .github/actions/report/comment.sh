#!/usr/bin/env bash
# Writes the report into the pull request: into the comment that this account wrote with the same
# marker, else into a new one. A token that may only read, as a fork's, fails nothing.
set -euo pipefail

report="$RUNNER_TEMP/runner-report.md"
talk="$RUNNER_TEMP/runner-talk.txt"

earlier() {
  gh pr view "$NUMBER" --repo "$GITHUB_REPOSITORY" --json comments | python3 -c '
import json, sys
with open(sys.argv[1], encoding="utf-8") as report:
    marker = report.readline().strip()
for comment in json.load(sys.stdin)["comments"]:
    if comment["viewerDidAuthor"] and comment["body"].split("\n", 1)[0].strip() == marker:
        print(comment["url"].rpartition("#issuecomment-")[2])
        break
' "$report"
}

write() {
  local id
  id=$(earlier) || return
  if [ -n "$id" ]; then
    gh api --silent --method PATCH "repos/$GITHUB_REPOSITORY/issues/comments/$id" -F "body=@$report"
  else
    gh api --silent --method POST "repos/$GITHUB_REPOSITORY/issues/$NUMBER/comments" -F "body=@$report"
  fi
}

if ! write 2> "$talk"; then
  why=$(tr '\r\n' '  ' < "$talk" | head -c 300 | iconv -c -f utf-8 -t utf-8 | sed 's/%/%25/g')
  echo "::notice title=runner report::The report is in the summary of this job, and not in the pull request, as this token may not write there: $why"
fi
