#!/bin/sh
# Installs the SessionForge agent on Linux and macOS, from the server that this script came from and from nowhere else:
#
#   curl -fsSL @SERVER@/agent | sh -s -- --key KEY
#
# What it does: takes the program for this machine from the server, checks it, puts it into a directory on the PATH, logs in,
# and has the agent started with this machine. Saying it again changes only what is different. Root is not needed.
set -eu

server='@SERVER@'
public_key='@PUBLIC_KEY@'

usage() {
  cat <<EOF
Usage: curl -fsSL $server/agent | sh -s -- [OPTIONS]

  --key KEY         API key of this machine; else SESSIONFORGE_API_KEY, or the one it has
  --name NAME       what to call this machine
  --dir DIRECTORY   where to put the program   [default: ~/.local/bin; for root /usr/local/bin]
  --run-as USER     who runs the sessions, if root installs   [default: who called sudo]
  --version VERSION that version instead of the newest
  --target TARGET   another build, like linux-x86_64-static
  --insecure-http   send the key over plain HTTP, on a network you trust
  --no-service      only put the program there and log in
  --uninstall       take away service and program; what the sessions printed stays
EOF
}

say() { printf '%s\n' "$*"; }
warn() { printf 'install: %s\n' "$*" >&2; }
fail() { warn "$1"; [ $# -lt 2 ] || warn "$2"; exit 1; }
has() { command -v "$1" >/dev/null 2>&1; }

# Everything is in functions: half a script that a broken line left behind must do nothing.
main() {
  key=${SESSIONFORGE_API_KEY:-} name='' dir='' run_as='' version='' target='' insecure='' service=yes uninstall=''
  while [ $# -gt 0 ]; do
    option=$1
    case $option in
      --key | --name | --dir | --run-as | --version | --target)
        [ $# -ge 2 ] || fail "$option needs a value"
        value=$2
        shift
        case $option in
          --key) key=$value ;; --name) name=$value ;; --dir) dir=$value ;;
          --run-as) run_as=$value ;; --version) version=$value ;; --target) target=$value ;;
        esac ;;
      --insecure-http) insecure=yes ;;
      --no-service) service='' ;;
      --uninstall) uninstall=yes ;;
      -h | --help) usage; exit 0 ;;
      *) usage >&2; fail "there is no option $option" ;;
    esac
    shift
  done

  root=''
  [ "$(id -u)" != 0 ] || root=yes
  if [ -n "$root" ]; then
    person=${run_as:-${SUDO_USER:-root}}
    : "${dir:=/usr/local/bin}"
  else
    [ -z "$run_as" ] || fail "only root can install for somebody else: say it with sudo"
    [ -n "${HOME:-}" ] || fail "HOME is not set"
    person=$(id -un)
    : "${dir:=$HOME/.local/bin}"
  fi
  case $dir in /*) ;; *) dir=$PWD/$dir ;; esac
  program=$dir/sessionforge

  if [ -n "$uninstall" ]; then
    take_away
    exit 0
  fi
  : "${target:=$(this_machine)}"
  work=$(mktemp -d "${TMPDIR:-/tmp}/sessionforge.XXXXXX") || fail "no temporary directory can be made"
  trap 'rm -rf "$work"' EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM
  outdated=''
  get_program
  log_in
  [ -z "$service" ] || start_service
  on_path
}

# The kind of machine, by the names of the server's files.
this_machine() {
  case $(uname -s)/$(uname -m) in
    Linux/x86_64 | Linux/amd64)
      if is_glibc; then echo linux-x86_64; else echo linux-x86_64-static; fi ;;
    Linux/aarch64 | Linux/arm64) echo linux-arm64 ;;
    Darwin/x86_64) echo macos-x86_64 ;;
    Darwin/arm64) echo macos-arm64 ;;
    *) fail "there is no SessionForge for this kind of machine: $(uname -s) on $(uname -m)" ;;
  esac
}

# Whether the C library is glibc from 2.17 on; musl and older ones take the static build.
is_glibc() {
  glibc=$(getconf GNU_LIBC_VERSION 2>/dev/null) || return 1
  glibc=${glibc#glibc }
  [ "${glibc%%.*}" -gt 2 ] && return 0
  minor=${glibc#*.}
  [ "${glibc%%.*}" -eq 2 ] && [ "${minor%%.*}" -ge 17 ]
}

# fetch NAME FILE: one file of the server's.
fetch() {
  if has curl; then
    curl -fsSL --connect-timeout 15 --retry 3 -o "$2" "$server/downloads/$1"
  elif has wget && wget --version >/dev/null 2>&1; then
    wget -q -T 15 -t 3 -O "$2" "$server/downloads/$1"
  elif has wget; then
    # Busybox's, of which some crash when they are told how long to wait.
    wget -q -O "$2" "$server/downloads/$1"
  else
    fail "neither curl nor wget is here" "install one of them"
  fi
}

checksum_of() {
  if has sha256sum; then sha256sum "$1" | cut -d ' ' -f 1
  elif has shasum; then shasum -a 256 "$1" | cut -d ' ' -f 1
  elif has openssl; then openssl dgst -sha256 -r "$1" | cut -d ' ' -f 1
  else fail "nothing here can check what was downloaded" "install sha256sum, shasum or openssl"
  fi
}

# The line of the list for the file that is wanted: its checksum and its name. The list has the newest first; what comes
# before a finished version (0.2.0-rc.1) is not taken unasked.
wanted() {
  while read -r sum file; do
    its=${file#sessionforge-}
    its=${its%-"$target"}
    [ "sessionforge-$its-$target" = "$file" ] || continue
    case ${version:-$its} in "$its") ;; *) continue ;; esac
    case ${version:-finished}/$its in finished/*-*) continue ;; esac
    echo "$sum $file"
    return
  done <"$work/SHA256SUMS"
}

get_program() {
  fetch SHA256SUMS "$work/SHA256SUMS" || fail "$server cannot be reached, or has no list of files"
  if has minisign; then
    fetch SHA256SUMS.minisig "$work/SHA256SUMS.minisig" || fail "the list of files has no signature"
    minisign -Vqm "$work/SHA256SUMS" -x "$work/SHA256SUMS.minisig" -P "$public_key" ||
      fail "the list of files is not the one that the server signed" "nothing was installed"
  fi
  line=$(wanted)
  if [ -z "$line" ] && [ "$target" = linux-x86_64 ]; then
    # The static build runs everywhere.
    target=linux-x86_64-static
    line=$(wanted)
  fi
  [ -n "$line" ] || fail "$server has no ${version:+$version }program for $target" \
    "put its release files into the server's data directory, under releases/"
  sum=${line%% *}
  file=${line#* }

  if [ -f "$program" ] && [ "$(checksum_of "$program")" = "$sum" ]; then
    say "Program   $program, as it should be"
    return
  fi
  fetch "$file" "$work/sessionforge" || fail "$file could not be downloaded from $server"
  [ "$(checksum_of "$work/sessionforge")" = "$sum" ] ||
    fail "what was downloaded is not what the server has: its checksum is another" "nothing was installed; try again"
  mkdir -p "$dir" || fail "$dir cannot be made" "choose another place with --dir"
  # Beside its place first, so that there is a whole program at each moment.
  { cp "$work/sessionforge" "$program.new" && chmod 755 "$program.new"; } 2>"$work/why" || {
    rm -f "$program.new"
    fail "$program cannot be written: $(cat "$work/why")" "choose another place with --dir"
  }
  said=$("$program.new" version 2>&1) || {
    rm -f "$program.new"
    fail "the program does not run on this machine: $said" "try --target linux-x86_64-static"
  }
  [ ! -e "$program" ] || outdated=yes
  mv -f "$program.new" "$program"
  say "Program   $program, $(echo "$said" | head -n 1 | cut -d ' ' -f 2)"
}

# Runs something as whoever will run the sessions, with that person's home and nothing of root's environment.
as_person() {
  if [ -z "$root" ] || [ "$person" = root ]; then "$@"
  elif has runuser; then runuser -u "$person" -- env HOME="$(home_of "$person")" "$@"
  else sudo -H -u "$person" "$@"
  fi
}

home_of() {
  if has getent; then getent passwd "$1" | cut -d : -f 6; else eval echo "~$1"; fi
}

log_in() {
  if [ -z "$key" ]; then
    if as_person "$program" auth status >/dev/null 2>&1; then return; fi
    warn "no key was given, so this machine is not logged in yet:"
    warn "  $program auth login --server $server --key KEY"
    exit 1
  fi
  set -- auth login --server "$server" --key -
  [ -z "$name" ] || set -- "$@" --name "$name"
  [ -z "$insecure" ] || set -- "$@" --insecure-http
  known=$(as_person "$program" auth status 2>/dev/null) || known=''
  # By standard input: arguments can be read by everybody on the machine.
  printf '%s\n' "$key" | as_person "$program" "$@" || exit $?
  [ -z "$known" ] || [ "$known" = "$(as_person "$program" auth status 2>/dev/null)" ] || outdated=yes
}

start_service() {
  set -- service install
  [ -z "$insecure" ] || set -- "$@" --insecure-http
  if [ -n "$root" ]; then set -- "$@" --system --run-as "$person"; fi
  "$program" "$@" || {
    warn "the agent is not started with this machine; until that is mended, this line connects it:"
    warn "  $program agent"
    exit 1
  }
  # An agent that ran before still is the one before, with the key of before.
  [ -z "$outdated" ] || restart_service
}

restart_service() {
  if [ -n "$root" ]; then "$program" service restart --system; else "$program" service restart; fi
}

on_path() {
  case ":$PATH:" in
    *":$dir:"*) ;;
    *) say "Next      put $dir on your PATH: add this line to your shell's start file"
       say "            export PATH=\"$dir:\$PATH\"" ;;
  esac
}

take_away() {
  if [ ! -x "$program" ]; then
    say "There is no $program; nothing was done."
    return
  fi
  if [ -n "$root" ]; then "$program" service uninstall --system; else "$program" service uninstall; fi ||
    warn "the service could not be taken away"
  as_person "$program" auth logout || warn "the key is still on this machine"
  rm -f "$program" "$program.old" "$program.new"
  say "Removed   $program"
}

main "$@"
