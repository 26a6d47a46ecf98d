#!/usr/bin/env bash
# Proves that the sanitizers, valgrind and the fuzzers are awake: test/c/planted/run.sh BUILD FUZZ_TARGET...
#
# Each planted fault is run by the very script that runs the real tests, and must make it fail and say what it is.
set -uo pipefail

build=$1
shift
logs=$build/planted-logs
rm -rf "$logs"
mkdir -p "$logs"
seen=0
asleep=0

# must_find TOOL FAULT PATTERN COMMAND...
must_find() {
    local tool=$1 fault=$2 pattern=$3 log="$logs/$1-$2"
    shift 3
    if "$@" >"$log" 2>&1; then
        echo "  $tool is ASLEEP: it passes a planted $fault ($log)"
        asleep=$((asleep + 1))
    elif ! grep -qE "$pattern" "$log"; then
        echo "  $tool is ASLEEP: it fails, but does not say \"$pattern\" of a planted $fault ($log)"
        tail -n 15 "$log"
        asleep=$((asleep + 1))
    else
        seen=$((seen + 1))
    fi
}

asan() { must_find asan "$1" "$2" test/c/run.sh "$build/planted" --filter "planted/$1"; }
valgrind() { must_find valgrind "$1" "$2" test/c/valgrind.sh "$build/planted_plain" --filter "planted/$1"; }
fuzzer() {
    mkdir -p "$logs/corpus"
    must_find fuzz "$1" 'ERROR: AddressSanitizer: heap-buffer-overflow' \
        "$build/planted_$1" -seed=1 -max_total_time=60 -artifact_prefix="$logs/" "$logs/corpus" test/c/fuzz/corpus/"$1"
}

asan use_after_free 'AddressSanitizer: heap-use-after-free'
asan overflow 'AddressSanitizer: heap-buffer-overflow'
asan overflow_of_the_stack 'AddressSanitizer: (stack|dynamic-stack)-buffer-overflow'
asan leak 'LeakSanitizer: detected memory leaks'
asan undefined 'runtime error: signed integer overflow'
asan failing_allocation 'allocation [0-9]+ failing: [0-9]+ allocations are left'
must_find tsan race 'WARNING: ThreadSanitizer: data race' test/c/stress/run.sh 1 "$build/planted_race"
valgrind use_after_free 'Invalid read of size 1'
valgrind overflow 'Invalid read of size 1'
valgrind leak 'definitely lost'
valgrind uninitialised 'depends on uninitialised value'
for target; do fuzzer "$target"; done

if [ $asleep -gt 0 ]; then
    echo "awake: $asleep of $((seen + asleep)) planted faults were not found" >&2
    exit 1
fi
echo "awake: ASan, UBSan, LSan, TSan, valgrind and $# fuzzers found all $seen planted faults"
