#!/usr/bin/env bash
# Which commit the answers are compared with; it is fetched where the clone is too shallow for it.
# What landed on the target branch since is no change of this pull request.
set -euo pipefail
cd "$DIRECTORY"

# Git has no state then: only what names one in the backend is compared with.
if [ "${BACKEND:-false}" = true ]; then
  echo "commit=${BASE:-}" >> "$GITHUB_OUTPUT"
  exit 0
fi

repository() {
  git -c core.fsmonitor=false -c core.hooksPath=/dev/null "$@"
}

is_here() {
  repository cat-file -e "$1^{commit}" 2> /dev/null
}

fetch() {
  repository fetch --quiet --no-tags --no-recurse-submodules "$@" 2> /dev/null
}

# Of a commit by its parents, which a shallow clone knows without having them.
parents() {
  repository cat-file -p HEAD | sed -n -e '/^$/q' -e 's/^parent //p'
}

merge_base() {
  local depth
  for depth in 0 100 1000 10000; do
    [ "$depth" = 0 ] || fetch --deepen="$depth" origin HEAD "$1" || true
    repository merge-base "$1" HEAD 2> /dev/null && return
  done
  return 1
}

commit=
if [ -n "${BASE:-}" ]; then
  if is_here "$BASE"; then
    commit=$(repository rev-parse --verify "$BASE^{commit}")
  elif fetch --depth=1 origin "$BASE"; then
    commit=$(repository rev-parse --verify "FETCH_HEAD^{commit}")
  fi
elif [ -n "${BASE_SHA:-}" ]; then
  mapfile -t found < <(parents)
  if [ "${#found[@]}" = 2 ] && [ "${found[1]}" = "${HEAD_SHA:-}" ]; then
    commit=${found[0]} # HEAD is the merge that GitHub tries: its first parent is the target branch
    is_here "$commit" || fetch --depth=1 origin "$commit" || true
  else
    is_here "$BASE_SHA" || fetch --depth=1 origin "$BASE_SHA" || true
    commit=$(merge_base "$BASE_SHA") || commit=
  fi
fi

if [ -n "$commit" ] && ! is_here "$commit"; then
  commit=
fi
if [ -z "$commit" ] && [ -n "${BASE:-}${BASE_SHA:-}" ]; then
  echo "::warning title=runner report::The base could not be fetched, so nothing is compared with it. With actions/checkout, fetch-depth: 0 brings it."
fi
echo "commit=$commit" >> "$GITHUB_OUTPUT"
