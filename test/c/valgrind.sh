#!/usr/bin/env bash
# Runs a test program of Criterion under valgrind: test/c/valgrind.sh PROGRAM [OPTION...]
#
# Criterion runs each test in a process of its own and passes one that valgrind complains of, whatever its exit code:
# each process writes its report to a file, and an error or a leak in any of them fails the run.
set -uo pipefail

program=$1
logs=$(dirname "$program")/valgrind
shift

rm -rf "$logs"
mkdir -p "$logs"
valgrind --quiet --vgdb=no --trace-children=yes --leak-check=full --show-leak-kinds=definite,indirect,possible \
    --errors-for-leak-kinds=definite,indirect,possible --num-callers=25 --suppressions=test/c/valgrind.supp \
    --log-file="$logs/vg.%p" "$program" "$@"
result=$?

reports=$(grep -lE '^==[0-9]+== ' "$logs"/vg.* 2>/dev/null | sort)
if [ -n "$reports" ]; then
    for report in $reports; do
        echo "--- $report"
        head -n 60 "$report"
    done >&2
    echo "valgrind: $(wc -l <<<"$reports") report(s) (above) fail the run" >&2
    exit 1
fi
[ $result -eq 0 ] || exit $result
echo "valgrind: $(find "$logs" -name 'vg.*' | wc -l) processes, no error and no leak"
