#!/bin/sh
# proctor's guardian: outlives a test worker, however that dies, and starts what ends its leavings (guardian.ts says more).
#   sh guardian.sh TOKEN    leads a session; all else it hears through its environment and the pipe on standard input.
# Each line of the pipe says what is open; with a minus before it, that it no longer is. End of file: the worker is gone.
set -uf
cd / || exit 1
tab='	' newline='
' lines=$newline main=${PROCTOR_MAIN:-}
# Sets state, group and start of process $1. proc(5): the name in parentheses may hold anything but what follows it.
look() {
  state='' group='' start='' text=''
  if [ ! -r /proc/self/stat ]; then start=$(ps -o lstart= -p "$1"); return; fi
  while IFS= read -r part || [ -n "$part" ]; do text="$text $part"; done <"/proc/$1/stat" || return
  IFS=' '
  set -- ${text##*) }
  state=${1:-Z} group=${3:-} start=${20:-}
} 2>/dev/null
look $$; own=$start leads=$group
# A worker in an endless loop never hears that its main process has died: then its end is ours to bring.
if [ -n "$main" ] && look "${main%% *}" && [ -n "$start" ]; then
  main_start=$start
  while look $$ && [ "$start" = "$own" ]; do
    look "${main%% *}"; IFS=$newline
    if [ "$start" != "$main_start" ] || [ "$state" = Z ]; then exec "$PROCTOR_NODE" ${PROCTOR_NODE_ARGUMENTS:-} "$PROCTOR_ENDING" worker; fi
    sleep 1 || exit
  done </dev/null &
fi
while IFS= read -r line; do
  case $line in -*) ;; *) lines="$lines$line$newline"; continue ;; esac
  kept='' IFS=$newline
  for open in $lines; do [ "$open" = "${line#-}" ] || kept="$kept$open$newline"; done
  lines=$kept
done
IFS=$newline
# A worker that ended in order has taken back every line. One that was killed before its first line has not.
[ -z "$lines" ] || printf %s "$lines" | "$PROCTOR_NODE" ${PROCTOR_NODE_ARGUMENTS:-} "$PROCTOR_ENDING" all || for open in $lines; do
  # No Node: the groups whose leader is there. kill(1) of dash knows no "--", that of busybox no "-s".
  IFS=$tab; set -- $open; [ "$1" = g ] && look "$2" && [ "$start" = "$3" ] && kill -9 "-$2"; IFS=$newline
done
[ "$leads" = $$ ] && kill -9 0
