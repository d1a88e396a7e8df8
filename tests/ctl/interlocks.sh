#!/usr/bin/env bash
# All twelve interlocks: each refuses with its number, the exit code, what is at fault, and a command to go on with; and what one may
# override is carried out then.
# interlocks.sh KQ_CTL BOOTSTRAP PID_OF_3: brokers 1 to 3 in racks a, b, b; broker 3 is killed on the way. Needs jq. Exit status 0 passed,
# 77 skipped; the last line says why.
set -uo pipefail
ctl=$1 bootstrap=$2 third=$3
command -v jq >/dev/null || { echo "jq is not installed"; exit 77; }
export KQ_BROKERS=$bootstrap NO_COLOR=1
home=$(mktemp -d)
trap 'rm -rf "$home"' EXIT
said=$home/said
seen=()

fail() { echo "failed: $*"; exit 1; }

# ends CODE ARGS..: runs kq-ctl, stdout into $said, and insists on its exit code.
ends() {
  local want=$1 got
  shift
  "$ctl" "$@" -o json >"$said" 2>"$said.err" </dev/null
  got=$?
  [ "$got" = "$want" ] || fail "kq-ctl $* ended with $got, not $want: $(head -c 900 "$said" "$said.err")"
}

# refuses RULE SUBJECT ARGS..: the rule refuses, names what is at fault, and says what to do.
refuses() {
  local rule=$1 subject=$2 words hint
  shift 2
  ends 7 "$@"
  words=$(jq -r '.errors[0].message' "$said") hint=$(jq -r '.errors[0].hint // ""' "$said")
  [[ $words == *"$rule"* ]] || fail "kq-ctl $*: $rule is not named: $words"
  [[ $words == *"$subject"* ]] || fail "kq-ctl $*: $subject is not named: $words"
  [[ $hint == *kq-ctl* || $hint == *"start the silent voters"* ]] || fail "kq-ctl $*: no command to go on with: $hint"
  seen+=("$rule")
}

# reassigned RULE SUBJECT ARGS..: the same of `partition reassign`.
reassigned() { refuses "$1" "$2" partition reassign --disk-percent-max 100 "${@:3}" --yes; }

# moves ARGS..: carries a plan out, however full the disk is that the tests run on.
moves() { ends 0 partition reassign --disk-percent-max 100 "$@"; }

ends 0 cluster wait --for brokers=3 --wait=30s
ends 0 topic create kept --assignment 0:1,2,3 -c min.insync.replicas=2
ends 0 topic create pair --assignment 0:1,2
ends 0 topic create solo --assignment 0:3
ends 0 topic create many -p 900 -r 1
seq 1 40000 | sed 's/$/ a record of some length, so that there is something to move/' |
  "$ctl" record produce pair -p 0 >/dev/null 2>&1 || fail "nothing was produced"

reassigned KQ-S002 kept/0 kept --rf 1
reassigned KQ-S004 pair/0 pair/0 --to 2,3
reassigned KQ-S005 'broker 3' pair/0 --to 1,2,3 --disk-percent-max 1
# More than link and disk were measured to carry; auto finds what they can.
reassigned KQ-S010 'broker 3' pair/0 --to 1,2,3 --throttle 100GiB/s
jq -e '.errors[0].hint | contains("--throttle auto")' "$said" >/dev/null || fail "KQ-S010 offers no rate: $(cat "$said")"
moves pair/0 --to 1,2,3 --throttle auto --dry-run
jq -e '.summary | .bytes_per_second > 0 and (.rates | map(select(.broker == 3 and .from == null)) | length == 1)' "$said" >/dev/null ||
  fail "auto is no rate, or does not tell by what: $(head -c 900 "$said")"
reassigned KQ-S011 500 many --to 3 --batch 1000
ends 0 topic delete many --yes

# A plan at a crawl, slower than what was produced just now; what it moves is not moved again, and its rate can be raised at any time.
moves pair/0 --to 1,2,3 --throttle 1KiB/s --override KQ-S010 --yes
plan=$("$ctl" plan list -o name)
reassigned KQ-S007 "$plan" pair/0 --to 1,3
ends 0 plan throttle "$plan" off
ends 0 plan wait "$plan" --for done --wait=30s

# A plan in a file, while what it saw changes.
moves pair/0 --to 2,1 --plan-out "$home/plan.json"
moves pair/0 --to 1,2 --yes --wait=30s
ends 6 plan apply "$home/plan.json" --yes
jq -e '.errors[0] | (.message | contains("KQ-S008")) and (.hint | contains("--plan-out"))' "$said" >/dev/null ||
  fail "a stale plan: $(head -c 900 "$said")"
seen+=(KQ-S008)

# Voters are made as soon as three brokers have caught up.
for _ in $(seq 100); do
  [ "$("$ctl" quorum status -o json | jq '[.items[] | select(.role != "learner")] | length')" = 3 ] && break
  "$ctl" cluster wait --for healthy --wait=1s >/dev/null 2>&1
done
ends 0 quorum transfer 1
ends 0 broker wait 3 --for caught-up --wait=30s
kill -9 "$third"

refuses KQ-S009 'broker 2' quorum remove 2 --yes
"$ctl" partition wait solo --for leader --wait=1s >/dev/null 2>&1
reassigned KQ-S012 solo/0 pair/0 --to 2,1
reassigned KQ-S003 pair/0 pair/0 --to 1,3 --override KQ-S012
reassigned KQ-S001 kept/0 kept/0 --remove 2 --override KQ-S012
reassigned KQ-S006 solo/0 solo/0 --to 1 --override KQ-S012
moves pair/0 --to 2,1 --override KQ-S012 --yes --wait=30s
kinds=$(printf '%s\n' "${seen[@]}" | sort -u | wc -l)
[ "$kinds" = 12 ] || fail "$kinds of 12 interlocks refused: ${seen[*]}"
echo "${#seen[@]} interlocks: $(printf '%s\n' "${seen[@]}" | sort | tr '\n' ' ')"
