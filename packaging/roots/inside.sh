# What the tests in a root have in common; read by them.
# shellcheck shell=sh
set -eu
export LC_ALL=C.UTF-8 HOME=/root
server=http://127.0.0.1:7373

step() { printf '%s\n' "$*"; }
fail() {
  printf 'FAILED: %s\n' "$*"
  journalctl --no-pager -q -n 40 -o cat || true
  exit 1
}

# must WHAT COMMAND…: what a person would notice if it were not so.
must() {
  what=$1
  shift
  said=$("$@" 2>&1) || fail "$what: $* said: $said"
}
must_not() {
  what=$1
  shift
  if said=$("$@" 2>&1); then fail "not so: $what: $* said: $said"; fi
}
same() { [ "$2" = "$3" ] || fail "$1: $2 is not $3"; }
other() { [ "$2" != "$3" ] || fail "$1: still $2"; }

# await WHAT COMMAND…: at the latest after a minute.
await() {
  what=$1
  shift
  for _ in $(seq 600); do
    if "$@" >/dev/null 2>&1; then return; fi
    sleep 0.1
  done
  fail "$what does not come: $*"
}

# add_person NAME: somebody with an account, and a service manager that runs.
add_person() {
  useradd --create-home --shell /bin/bash "$1"
  loginctl enable-linger "$1"
  await "the service manager of $1" test -S "/run/user/$(id -u "$1")/systemd/private"
}

# as NAME COMMAND…: as that person, signed in.
as() {
  name=$1
  shift
  home=$(getent passwd "$name" | cut -d : -f 6)
  runuser -u "$name" -- env --chdir="$home" HOME="$home" USER="$name" XDG_RUNTIME_DIR="/run/user/$(id -u "$name")" "$@"
}

pid_of_unit() { systemctl show --property=MainPID --value "$1"; }
pid_of_persons_unit() { as "$1" systemctl --user show --property=MainPID --value sessionforge.service; }

# The process whose command line is exactly that.
pid_of() {
  for directory in /proc/[0-9]*; do
    if [ "$(tr '\0' ' ' <"$directory/cmdline" 2>/dev/null)" = "$* " ]; then echo "${directory#/proc/}"; fi
  done
}

# The same, at the latest after a minute.
pid_soon() {
  for _ in $(seq 600); do
    if pid_of "$@" | grep .; then return; fi
    sleep 0.1
  done
}

ask() { curl -fsS -b /tmp/cookies -c /tmp/cookies -H "Origin: $server" -H 'Content-Type: application/json' "$@"; }

# set_up UNIT: does what the link says that the server of this unit prints at its first start.
set_up() {
  await "the server's set-up link" grep_journal "$1" '/setup#'
  token=$(journalctl -u "$1" -o cat --no-pager | sed -n 's/.*\/setup#\([^ ]*\).*/\1/p' | tail -n 1)
  ask -o /dev/null --data "{\"token\":\"$token\",\"organisation\":\"Acme\",\"name\":\"Ada\",\"email\":\"ada@example.org\",\"password\":\"correct horse battery\"}" \
    "$server/api/v1/setup"
}
grep_journal() { journalctl -u "$1" -o cat --no-pager | grep -q -e "$2"; }

make_key() { ask --data "{\"name\":\"$1\"}" "$server/api/v1/keys" | sed -n 's/.*"key":"\([^"]*\)".*/\1/p'; }

# The machine of that name is connected, as the server says.
is_online() { ask "$server/api/v1/machines" | sed 's/"id":"mac_/\n&/g' | grep "\"name\":\"$1\"" | grep -q '"online":true'; }

# Every file of this machine but those of its daily life.
files() {
  find / -xdev \( -path /proc -o -path /sys -o -path /run -o -path /tmp -o -path /out -o -path /try -o -path /var/log -o -path /var/cache \
    -o -path /var/tmp -o -path /var/lib/systemd -o -path /var/lib/dpkg -o -path /var/lib/rpm \) -prune -o ! -type d -print | sort
}
