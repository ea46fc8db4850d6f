# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# Sourced by the scripts that people run: messages, progress of long steps, and how to become root.
: "${program:?the script must set its name}"

say() { echo "$program: $*"; }
die() {
    echo "$program: $*" >&2
    exit 1
}

mistake() {
    echo "$program: $*. '$program --help' lists the options." >&2
    exit 2
}

# Runs a long command. Shows what it is and, while it runs, the last line that it printed; the end of its output only if
# it fails.
step() { # what command...
    local what=$1 log file watcher status=0
    shift
    file=$(mktemp)
    exec {log}<> "$file"
    rm "$file" # the descriptor suffices, and nothing is left behind
    show_progress "$what" "/dev/fd/$log" &
    watcher=$!
    "$@" > "/dev/fd/$log" 2>&1 < /dev/null || status=$?
    kill "$watcher" 2> /dev/null || true
    wait "$watcher" 2> /dev/null || true
    if [ -t 1 ]; then printf '\r\033[K'; fi
    if [ $status -ne 0 ]; then
        tail -n 50 "/dev/fd/$log"
        say "$what: failed"
    fi
    exec {log}>&-
    return $status
}

# On a terminal one line that is overwritten; otherwise a line from time to time. Ends with the script at the latest: a
# zombie has no exe.
show_progress() { # what log
    local seconds=0 last quiet_seconds=15
    if ! [ -t 1 ]; then say "$1 ..."; fi
    while sleep 1 &> /dev/null && [ -e /proc/$$/exe ]; do
        seconds=$((seconds + 1))
        last=$(tail -n 1 "$2" | tr -d '\r')
        if [ -t 1 ]; then
            printf '\r\033[K%.*s' "$(($(tput cols 2> /dev/null || echo 80) - 1))" "$program: $1 ... $last"
        elif [ $((seconds % quiet_seconds)) -eq 0 ]; then
            say "$1 ... $seconds s: ${last:0:100}"
        fi
    done
}

# Whether as_root works. On a terminal it may ask members of a sudo group for their password. False for an ordinary user
# if $no_sudo is set.
# (Traps call this, and a bare return in a trap returns the status from before it.)
can_be_root() {
    if [ "$(id -u)" = 0 ]; then return 0; fi
    if [ -n "${no_sudo:-}" ] || ! command -v sudo > /dev/null; then return 1; fi
    if sudo -n true 2> /dev/null; then return 0; fi
    [[ " $(id -nG) " =~ \ (sudo|wheel|admin)\  ]] && [ -t 2 ] && sudo -v
}

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi
}
