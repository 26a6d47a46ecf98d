#!/usr/bin/env bash
# Runs a test program of Criterion under the sanitizers: test/c/run.sh PROGRAM [OPTION...]
#
# Criterion passes a test whose process leaks, so every report goes to a file, and any report is a failure.
set -uo pipefail

program=$1
logs=$(dirname "$program")/sanitizer
shift

rm -rf "$logs"
mkdir -p "$logs"
export ASAN_OPTIONS="log_path=$logs/asan:detect_leaks=1:strict_string_checks=1:detect_stack_use_after_return=1"
export LSAN_OPTIONS="log_path=$logs/lsan"
export UBSAN_OPTIONS="log_path=$logs/ubsan:print_stacktrace=1"

"$program" "$@"
result=$?

reports=$(find "$logs" -type f -size +0 | sort)
[ -n "$reports" ] || exit $result

for report in $reports; do
    echo "--- $report"
    cat "$report"
done >&2
echo "test:c: $(wc -l <<<"$reports") report(s) of the sanitizers (above) fail the run" >&2
exit 1
