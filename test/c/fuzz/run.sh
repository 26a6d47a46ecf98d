#!/usr/bin/env bash
# Fuzzes: test/c/fuzz/run.sh SECONDS TARGET...
#
# Two targets at a time, for SECONDS each: first every input of the committed corpus, then new ones. What they learn
# stays in tmp/c/learned and helps the next run. A finding fails the run; its input stays in tmp/c/found.
set -uo pipefail

seconds=$1
shift
build=tmp/c
logs=$build/fuzz-logs
found=$build/found
mkdir -p $logs $found

export ASAN_OPTIONS=detect_leaks=1:detect_stack_use_after_return=1:allocator_may_return_null=1
export UBSAN_OPTIONS=print_stacktrace=1

fuzz() {
    local target=$1 corpus=test/c/fuzz/corpus/$1 learned=$build/learned/$1
    mkdir -p "$learned"
    $build/fuzz_"$target" -runs=0 "$corpus" >$logs/"$target".log 2>&1 &&
        nice -n 5 $build/fuzz_"$target" -max_total_time="$seconds" -timeout=20 -rss_limit_mb=2048 -max_len=2048 \
            -print_final_stats=1 -artifact_prefix="$found/$target-" "$learned" "$corpus" >>$logs/"$target".log 2>&1
}

tell() {
    local target=$1 result=$2 log=$logs/$1.log inputs
    inputs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log" | tail -n 1)
    if [ "$result" -eq 0 ]; then
        printf '  %-18s %10d inputs  %s\n' "$target" "${inputs:-0}" \
            "$(sed -n 's/.*DONE *\(cov: [0-9]*\).*/\1/p' "$log" | tail -n 1) branches"
        total=$((total + ${inputs:-0}))
        return
    fi
    failed=$((failed + 1))
    printf '  %-18s FOUND SOMETHING (%s)\n' "$target" "$log"
    grep -vE '^(INFO|#[0-9]+\s+(INITED|NEW|REDUCE|pulse|RELOAD))|^$' "$log" | tail -n 60
    printf '  again: %s/fuzz_%s %s\n' $build "$target" "$(sed -n 's/.*Test unit written to //p' "$log" | tail -n 1)"
}

total=0
failed=0
targets=("$@")
for ((i = 0; i < ${#targets[@]}; i += 2)); do
    pair=("${targets[@]:i:2}")
    pids=()
    for target in "${pair[@]}"; do
        fuzz "$target" &
        pids+=($!)
    done
    for j in "${!pids[@]}"; do
        wait "${pids[j]}"
        tell "${pair[j]}" $?
    done
done

if [ $failed -gt 0 ]; then
    echo "fuzz: $failed of $# targets found something; inputs are in $found" >&2
    exit 1
fi
echo "fuzz: $# targets, $total inputs in $seconds s each, nothing found"
