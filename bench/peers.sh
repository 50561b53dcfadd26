#!/bin/sh
# Six processes with the number $1 and a name in their command lines. Each ends by itself after two minutes. This one is
# the leader, and gets its name by executing itself again.
number=$1
[ "${2:-}" = leader ] || exec sh "$0" "$number" leader
wait_here='sleep 120; :'
sh -c "$wait_here" sh "$number" normal &
sh -c 'trap "" TERM INT HUP; sleep 60; sleep 60; :' sh "$number" stubborn &
sh -c 'sh -c "$3" sh "$1" "$2" & :' sh "$number" orphan "$wait_here"
setsid sh -c "$wait_here" sh "$number" session &
setsid -f sh -c "$wait_here" sh "$number" daemon
wait
