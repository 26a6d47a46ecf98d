#!/usr/bin/env bash
# Runs a test program of Criterion under valgrind: test/c/valgrind.sh PROGRAM [OPTION...]
#
# Criterion runs each test in a process of its own and passes one that valgrind complains of, whatever its exit code:
# each process writes its report to a file, and an error or a leak in any of them fails the run. Processes that a test
# forks are excused their leaks: such a child gives up what its parent had, and leaves.
set -uo pipefail

program=$1
logs=$(dirname "$program")/valgrind
shift

rm -rf "$logs"
mkdir -p "$logs"
valgrind --vgdb=no --fair-sched=yes --trace-children=yes --leak-check=full --show-leak-kinds=definite,indirect \
    --errors-for-leak-kinds=definite,indirect --num-callers=25 --log-file="$logs/vg.%p" "$program" "$@"
result=$?

errors='== (Invalid |Conditional jump|Use of uninit|Syscall param|Source and dest|Mismatched|Jump to|Argument |Process terminating)'
leaks='== .* are (definitely|indirectly) lost in loss record'

parent_of() { sed -n 's/^==[0-9]*== Parent PID: //p' "$1" | head -n 1; }

# The program's own parent has no log; a test's parent is the program; a child of a fork has a test as its parent.
is_forked() {
    local parent
    parent=$logs/vg.$(parent_of "$1")
    [ -f "$parent" ] && [ -f "$logs/vg.$(parent_of "$parent")" ]
}

processes=0
reports=()
for log in "$logs"/vg.*; do
    processes=$((processes + 1))
    if grep -qE "$errors" "$log" || { grep -qE "$leaks" "$log" && ! is_forked "$log"; }; then reports+=("$log"); fi
done

for report in ${reports[@]+"${reports[@]}"}; do
    echo "--- $report"
    grep -vE '^==[0-9]+== (Copyright|Using|Memcheck)' "$report" | head -n 60
done >&2
if [ ${#reports[@]} -gt 0 ]; then
    echo "valgrind: ${#reports[@]} report(s) (above) fail the run" >&2
    exit 1
fi
[ $result -eq 0 ] || exit $result
echo "valgrind: $processes processes, no error and no leak"
