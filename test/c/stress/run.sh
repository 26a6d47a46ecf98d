#!/usr/bin/env bash
# Runs stress programs under ThreadSanitizer: test/c/stress/run.sh SECONDS PROGRAM...
#
# Any report, and any exit code but 0, fails the run.
set -uo pipefail

seconds=$1
shift
logs=$(dirname "$1")/stress-logs
mkdir -p "$logs"
failed=0

# TSan of GCC 12 can't place its shadow when addresses are very random.
without_aslr=()
if command -v setarch >/dev/null && setarch -R true 2>/dev/null; then without_aslr=(setarch -R); fi

for program; do
    name=$(basename "$program")
    log=$logs/$name.log
    rm -f "$logs/$name".tsan.*
    # A child of fork() begins with the parent's threads gone: TSan must not refuse it, nor count it as leaked threads.
    TSAN_OPTIONS="log_path=$logs/$name.tsan:halt_on_error=0:second_deadlock_stack=1:die_after_fork=0:report_thread_leaks=1" \
        timeout -s KILL $((seconds * 4 + 60)) "${without_aslr[@]}" nice -n 5 "$program" "$seconds" >"$log" 2>&1
    result=$?
    reports=$(find "$logs" -name "$name.tsan.*" -size +0 | sort)
    if [ $result -eq 0 ] && [ -z "$reports" ]; then
        printf '  %-22s %s\n' "$name" "$(tail -n 1 "$log")"
        continue
    fi
    failed=$((failed + 1))
    printf '  %-22s FAILED (exit code %d)\n' "$name" $result
    tail -n 20 "$log"
    [ -z "$reports" ] || head -n 80 $reports
done

if [ $failed -gt 0 ]; then
    echo "stress: $failed of $# programs failed; their outputs are in $logs" >&2
    exit 1
fi
echo "stress: $# programs ran for $seconds s each under ThreadSanitizer, nothing found"
