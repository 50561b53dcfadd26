#!/bin/sh
# proctor's guardian: ends what a test worker leaves behind when it dies, however it dies.
# Plain POSIX sh; runs under dash, bash and busybox. Started by guardian.ts, in a session of its own:
#   sh guardian.sh TOKEN WORKER_PID WORKER_START [MAIN_PID MAIN_START [DRAFTS PAGE]]
# Standard input is a pipe from the worker. Its lines say what is open:
#   g GROUP START   a command's group and the start time of its leader       G GROUP   it was proven empty
#   p PID START     a process and what it starts, which have no group        P PID    it was proven dead
#   w FOLDER        a workspace                                              W FOLDER  it was removed or kept
#   s PID START     a process that may live on, allowed by the tests
# End of file means that the worker is gone. The traces that it was writing are in the files that begin with DRAFTS,
# and stand behind PAGE when they are kept.
set -uf
cd / || exit 1
IFS=' '
token=$1 worker=$2 worker_start=$3 main=${4:-} main_start=${5:-} drafts=${6:-} page=${7:-}
groups=' ' spared=' ' held=' ' workspaces='' killed='' newline='
'

# Sets state, parent, group, session, terminal and start of process $1. proc(5): the name in parentheses may hold anything.
look() {
  text=''
  while IFS= read -r part || [ -n "$part" ]; do text="$text $part"; done <"/proc/$1/stat" || return 1
  case $text in *') '*) ;; *) return 1 ;; esac
  set -- ${text##*) }
  state=$1 parent=$2 group=$3 session=$4 terminal=$5
  shift 9
  start=${11}
}

is_running() { look "$1" && [ "$start" = "$2" ] && [ "$state" != Z ] && [ "$state" != X ]; }

# Whether the process that was looked at is in a group or a session that the worker had open.
is_in_group() {
  for opened in $groups; do
    if [ "$group" = "${opened%:*}" ] || [ "$session" = "${opened%:*}" ]; then
      [ "$start" -ge "${opened#*:}" ] && return 0
    fi
  done
  return 1
}

# Adds to what is held whatever it has started: with its death nothing leads from one to the other any more.
hold_descendants() {
  [ "$held" != ' ' ] || return 0
  grown=0
  while [ "$grown" = 0 ]; do
    grown=1
    set +f
    for entry in /proc/[0-9]*; do
      child=${entry#/proc/}
      look "$child" || continue
      case $held in *" $child:$start "*) continue ;; esac
      case $held in *" $parent:"*) held="$held$child:$start " grown=0 ;; esac
    done
    set -f
  done
}

is_held() {
  case $held in *" $1:$start "*) return 0 ;; esac
  return 1
}

# Whether process $1 works in a workspace of the worker and is no shell that somebody opened there.
is_in_workspace() {
  [ -n "$workspaces" ] && [ "$terminal" = 0 ] && [ "$start" -ge "$worker_start" ] || return 1
  cd -P "/proc/$1/cwd" || return 1
  place=$PWD
  cd /
  IFS=$newline
  for folder in $workspaces; do
    case $place/ in "$folder"/*) IFS=' '; return 0 ;; esac
  done
  IFS=' '
  return 1
}

# The pids whose environment holds $1, each between spaces.
carriers() {
  set +f
  found=$(grep -l -F -e "$1=" /proc/[0-9]*/environ)
  set -f
  IFS=$newline
  pids=' '
  for file in $found; do
    pid=${file#/proc/}
    pids="$pids${pid%/environ} "
  done
  IFS=' '
  echo "$pids"
}

# One look at every process: SIGKILLs what is the worker's. Fails when there was nothing.
strike() {
  struck=1
  hold_descendants
  marked=$(carriers "PROCTOR_MARK_$token")
  outside=$(carriers "PROCTOR_OUTSIDE_$token")
  set +f
  set -- /proc/[0-9]*
  set -f
  for entry in "$@"; do
    pid=${entry#/proc/}
    [ "$pid" -gt 1 ] && look "$pid" || continue
    [ "$state" = Z ] || [ "$state" = X ] || [ "$group" = "$$" ] && continue
    case $spared in *" $pid:$start "*) continue ;; esac
    case $marked in
      *" $pid "*) ;;
      *)
        is_held "$pid" || {
          case $outside in *" $pid "*) continue ;; esac
          is_in_group || is_in_workspace "$pid" || continue
        }
        ;;
    esac
    # What may not be signalled, another user's, is not waited for.
    kill -KILL "$pid" && struck=0 killed="$killed$pid$newline"
    case $groups in *" $group:"*) kill -KILL -- "-$group" && killed="$killed-$group$newline" ;; esac
  done
  return "$struck"
}

# The same without /proc: by group, and by the mark in what ps shows of the environment.
strike_portable() {
  struck=1
  for opened in $groups; do kill -KILL -- "-${opened%:*}" && struck=0; done
  for pid in $(ps -A -E -ww -o pid=,command= | grep -F "PROCTOR_MARK_$token=" | awk '{ print $1 }'); do
    kill -KILL "$pid" && struck=0
  done
  return "$struck"
}

# The last lines of a trace: that the worker died, whom its death took along (a group with a minus), and what was in the workspaces.
# It stands in a script element of a page, so no < may.
finish_trace() {
  [ -f "$1" ] && [ ! -L "$1" ] || return
  # An empty one waits for the next trace.
  [ -s "$1" ] || { rm -f "$1"; return; }
  kept_at=$(sed -n '/^#to /{s///;p;q;}' "$1")
  uptime=0
  [ -r /proc/uptime ] && read -r uptime rest </proc/uptime
  {
    echo
    echo "#died $uptime"
    for pid in $killed; do echo "#killed $pid"; done
    IFS=' '
    for each in $spared; do echo "#spared ${each%:*}"; done
    IFS=$newline
    for folder in $workspaces; do
      [ -L "$folder" ] || find "$folder" -type f -exec ls -ln {} + | head -n 500 |
        awk '{ size = $5; sub(/^[^\/]*/, ""); gsub(/</, "?"); print "#file " size " " $0 }'
    done
    echo '</script>'
  } >>"$1"
  # Without a page it is in the draft already.
  [ -n "$kept_at" ] && mkdir -p "${kept_at%/*}" && cat ${page:+"$page"} "$1" >"$kept_at"
  rm -f "$1"
}

finish() {
  rounds=0
  while [ "$rounds" -lt 50 ]; do
    if [ -d /proc/self ]; then strike || break; else strike_portable || break; fi
    rounds=$((rounds + 1))
  done
  IFS=$newline
  if [ -n "$drafts" ]; then
    set +f
    set -- "$drafts"*
    set -f
    for draft in "$@"; do finish_trace "$draft"; done
  fi
  for folder in $workspaces; do
    case ${folder##*/} in proctor-*) ;; *) continue ;; esac
    if [ -L "$folder" ]; then rm -f "$folder"; continue; fi
    # rm(1) goes through every mount.
    grep -qF -e " $folder" /proc/self/mountinfo && continue
    rm -rf "$folder" || { chmod -R u+rwX "$folder"; rm -rf "$folder"; }
  done
  # This script leads a group of its own: what is left in it is the watch below.
  look "$$" && [ "$group" = "$$" ] && kill -KILL 0
  exit 0
}

own_start=0
look "$$" && own_start=$start

# A worker in an endless loop never hears that its main process has died: then its end is ours to bring.
if [ -n "$main" ]; then
  while is_running "$main" "$main_start" && is_running "$worker" "$worker_start"; do
    # In here $$ is still the guardian: without it nobody needs this watch.
    is_running "$$" "$own_start" || exit 0
    sleep 1 || exit 1
  done &&
    is_running "$worker" "$worker_start" && kill -KILL "$worker" &
fi <&-

while IFS= read -r line; do
  word=${line#? }
  case $line in
    'g '*) groups="$groups${word% *}:${word#* } " ;;
    'G '*)
      kept=' '
      for opened in $groups; do [ "${opened%:*}" = "$word" ] || kept="$kept$opened "; done
      groups=$kept
      ;;
    'p '*) held="$held${word% *}:${word#* } " ;;
    'P '*)
      kept=' '
      for opened in $held; do [ "${opened%:*}" = "$word" ] || kept="$kept$opened "; done
      held=$kept
      ;;
    's '*) spared="$spared${word% *}:${word#* } " ;;
    'w '*) workspaces="$workspaces$word$newline" ;;
    'W '*)
      kept='' IFS=$newline
      for folder in $workspaces; do [ "$folder" = "$word" ] || kept="$kept$folder$newline"; done
      workspaces=$kept IFS=' '
      ;;
  esac
done
finish
