#!/usr/bin/env bash
# An operator's script over 100 topics: create, alter, list, delete, restore, all through JSON, and every exit code that can occur.
# hundred_topics.sh KQ_CTL BOOTSTRAP; needs jq. Exit status 0 passed, 77 skipped; the last line says why.
set -uo pipefail
ctl=$1 bootstrap=$2
command -v jq >/dev/null || { echo "jq is not installed"; exit 77; }
export KQ_BROKERS=$bootstrap NO_COLOR=1
said=$(mktemp)
trap 'rm -f "$said"' EXIT

fail() { echo "failed: $*"; exit 1; }

# ends CODE ARGS..: runs kq-ctl, stdout into $said, and insists on its exit code.
ends() {
  local want=$1 got
  shift
  "$ctl" "$@" >"$said" 2>"$said.err" </dev/null
  got=$?
  [ "$got" = "$want" ] || fail "kq-ctl $* ended with $got, not $want: $(head -c 600 "$said" "$said.err")"
}

# holds EXPRESSION: a jq expression over what was said last.
holds() { jq -e "$1" "$said" >/dev/null 2>&1 || fail "not so: $1, in: $(head -c 600 "$said")"; }

names=$(seq -f 'script-%03g' 1 100)

# shellcheck disable=SC2086
ends 0 topic create $names -p 2 -o json
holds '.items | length == 100'
holds '.errors == []'
ends 0 topic list --match 'script-*' -o json
holds '[.items[].topic] | length == 100 and (sort == .)'
# shellcheck disable=SC2086
ends 0 topic alter $names --set retention.ms=3600000 -o json
holds '[.items[] | select(.key == "retention.ms" and .new == "3600000")] | length == 100'
ends 0 config describe topic script-042 -o json
holds '[.items[] | select(.key == "retention.ms" and .value == "3600000")] | length == 1'
ends 0 topic alter script-007 -p +2 -o json
ends 0 topic describe script-007 -o json
holds '[.. | objects | select(has("partition_count")) | .partition_count] | first == 4'

# Delete all, see none, restore half, see half.
# shellcheck disable=SC2086
ends 0 topic delete $names --keep-for 1h --yes -o json
holds '.items | length == 100'
ends 0 topic list --match 'script-*' -o json
holds '.items == []'
half=$(seq -f 'script-%03g' 1 50)
# shellcheck disable=SC2086
ends 0 topic restore $half -o json
ends 0 topic list --match 'script-*' -o json
holds '.items | length == 50'
ends 0 config describe topic script-042 -o json
holds '[.items[] | select(.key == "retention.ms" and .value == "3600000")] | length == 1'

# Every exit code that can occur here.
ends 0 topic create script-001 --if-not-exists -o json
ends 1 topic alter script-001 -r 3 -o json
holds '.errors | length == 1'
ends 2 topic delete script-001 -o json
holds '.errors | length == 1'
ends 2 topic list --no-such-flag -o json
ends 3 topic list -b 127.0.0.1:1 -o json
holds '.errors[0].retriable == true'
ends 5 topic describe script-absent -o json
ends 6 topic create script-001 -o json
ends 0 topic protect script-002 --reason 'the ledger' -o json
ends 7 topic delete script-002 --yes -o json
ends 0 topic unprotect script-002 --reason 'no more' -o json
ends 8 topic delete script-003 script-absent --yes -o json
holds '.items | length == 1'
holds '.errors | length == 1'
ends 9 topic wait script-absent --for exists --timeout 300ms -o json
ends 10 topic alter script-001 --set retention.ms=7200000 --dry-run --exit-code -o json
ends 0 topic describe script-001 -o json

# A reader that goes away is no fault; a refused connection is told at once.
"$ctl" topic list 2>"$said.err" | head -n 1 >/dev/null
[ "${PIPESTATUS[0]}" -lt 2 ] || [ "${PIPESTATUS[0]}" = 141 ] || fail "kq-ctl | head ended badly: $(cat "$said.err")"
[ ! -s "$said.err" ] || fail "kq-ctl | head said $(cat "$said.err")"
from=$(date +%s%N)
ends 3 topic list -b 127.0.0.1:1
millis=$((($(date +%s%N) - from) / 1000000))
[ "$millis" -lt 100 ] || fail "a refused connection took $millis ms"

# Listing costs no more than twice what kcat needs.
figures="refused connection told in $millis ms"
if command -v kcat >/dev/null; then
  # fastest COMMAND..: milliseconds of the fastest of ten runs.
  fastest() {
    local best=100000 from took
    for _ in 1 2 3 4 5 6 7 8 9 10; do
      from=$(date +%s%N)
      "$@" >/dev/null 2>&1 </dev/null || fail "$* ended badly"
      took=$((($(date +%s%N) - from) / 100000))
      [ "$took" -ge "$best" ] || best=$took
    done
    echo "$best"
  }
  ours=$(fastest "$ctl" topic list) theirs=$(fastest kcat -b "$bootstrap" -L)
  figures="$figures; topic list 0.1 ms x $ours, kcat -L x $theirs"
fi
rm -f "$said.err"
echo "$figures"
