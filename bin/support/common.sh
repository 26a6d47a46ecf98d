# shellcheck shell=bash
# What the scripts in bin/ share: sourced by each, right after it went to the root of the tree.

# A bare system has the locale POSIX, in which Ruby would read our files as ASCII.
case ${LC_ALL:-${LC_CTYPE:-${LANG:-}}} in
    *[Uu][Tt][Ff]*) ;;
    *)
        unset LC_ALL LC_CTYPE
        export LANG=C.UTF-8
        ;;
esac

say() { printf '==> %s\n' "$*"; }

# die MESSAGE [LINE...]: the lines tell what to do next.
die() {
    printf '\nerror: %s\n' "$1" >&2
    shift
    [ $# -eq 0 ] || printf '       %s\n' "$@" >&2
    exit 1
}

# The comment at the head of a script is its help.
help_of() { sed -n '2,/^[^#]/{s/^# \{0,1\}//p;}' "$1"; }

# logged LOG COMMAND...: runs it with its output in LOG, tells every ten seconds what is happening,
# and shows the end of LOG when it fails.
logged() {
    local log=$1 pid seconds=0 result=0
    shift
    mkdir -p "$(dirname "$log")"
    "$@" >"$log" 2>&1 </dev/null &
    pid=$!
    while kill -0 $pid 2>/dev/null; do
        sleep 1
        seconds=$((seconds + 1))
        [ $((seconds % 10)) -ne 0 ] || printf '    %3d s  %s\n' $seconds "$(tail -n 1 "$log" | tr '\r' ' ' | cut -c 1-100)"
    done
    wait $pid || result=$?
    [ $result -eq 0 ] || {
        printf '\n--- the end of %s:\n' "$log"
        tail -n 40 "$log"
    } >&2
    return $result
}
