# The parts of a package for Linux, whichever kind it is; read by the commands beside this file, which run in the project's
# directory.
# shellcheck shell=bash disable=SC2034 # for who reads this

# What is in a package has the time of its commit, so that the same commit makes the same package.
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
export SOURCE_DATE_EPOCH LC_ALL=C TZ=UTC
umask 022

# The version as both kinds of package compare it: what comes before 0.2.0 is 0.2.0~rc.1 to them.
version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
version=${version/-/\~}
# Counts packages of one version.
revision=${REVISION:-1}
summary='terminal sessions of all your machines in any browser'
description='A server of your own and an agent on each machine put every terminal
session, as of Claude Code, into the browser. Sessions outlive browsers,
networks, servers, agents and updates, say when they need somebody, and can
be handed to a teammate with the keyboard. Both are in this package; neither
is started by installing it.'

fail() {
  printf '%s: %s\n' "${0##*/}" "$*" >&2
  exit 1
}

# machine_of BINARY: x86_64 or aarch64, by the ELF header.
machine_of() {
  case $(od -An -tx1 -N4 "$1" | tr -d ' ')/$(od -An -tu2 -j18 -N2 "$1" | tr -d ' ') in
    7f454c46/62) echo x86_64 ;;
    7f454c46/183) echo aarch64 ;;
    *) fail "$1 is no Linux program for x86-64 or arm64" ;;
  esac
}

# glibc_of BINARY: the oldest glibc that has all it asks for; nothing for a static one.
glibc_of() {
  readelf --version-info --wide "$1" | sed -n 's/.*Name: GLIBC_\([0-9.]*\) .*/\1/p' | sort -V | tail -n 1
}

# lay_out BINARY NATIVE ROOT: the files that every package has. NATIVE is the same program, built for this machine: it writes
# its man pages and completions.
lay_out() {
  local binary=$1 native=$2 root=$3 pages=$3/usr/share/man/man1
  install -D -m 755 "$binary" "$root/usr/bin/sessionforge"
  install -D -m 644 packaging/linux/sessionforge-server.service -t "$root/usr/lib/systemd/system"
  install -D -m 644 packaging/linux/server.toml -t "$root/etc/sessionforge"
  mkdir -p "$pages"
  "$native" man --directory "$pages"
  gzip -9n "$pages"/*
  complete bash "$root/usr/share/bash-completion/completions/sessionforge"
  complete zsh "$root/usr/share/zsh/${zsh_completions:-site-functions}/_sessionforge"
  complete fish "$root/usr/share/fish/vendor_completions.d/sessionforge.fish"
}

# complete SHELL FILE
complete() {
  mkdir -p "${2%/*}"
  "$native" completions "$1" >"$2"
}

# with_services FILE: a script of a package, with what all of them share.
with_services() {
  sed -e '/#SERVICES#/{' -e 'r packaging/linux/services.sh' -e 'd' -e '}' "$1"
}

# same_times ROOT: nothing in it is newer than its commit.
same_times() { find "$1" -newermt "@$SOURCE_DATE_EPOCH" -exec touch --no-dereference --date="@$SOURCE_DATE_EPOCH" {} +; }
