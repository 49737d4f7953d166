# Building for other systems on a Debian machine; read by the commands beside this file, which run in the project's directory.
#
# Rust's standard library for each target comes from rustup. C and links: for Windows by Debian's mingw, for everything else by
# zig (from PyPI, into target/zig), which brings libraries and headers of macOS, musl and old glibcs with it.
# shellcheck shell=bash

# What zig and cargo-zigbuild to take: a build that changes overnight by itself proves nothing.
zig_packages=(ziglang==0.17.1 cargo-zigbuild==0.24.0)

as_root() { if [[ $(id -u) == 0 ]]; then "$@"; else sudo "$@"; fi; }

# install PROGRAM PACKAGE…: has Debian install the packages unless the program is there.
install() {
  command -v "$1" >/dev/null && return
  DEBIAN_FRONTEND=noninteractive as_root apt-get -o DPkg::Lock::Timeout=300 update -q
  DEBIAN_FRONTEND=noninteractive as_root apt-get -o DPkg::Lock::Timeout=300 install -y -q --no-install-recommends "${@:2}"
}

# anywhere TARGET: has the compiler build for others. From now on the same sources make the same file, byte for byte, in whatever directory they lie. No path of this
# machine gets into it.
anywhere() {
  local from flags=()
  for from in "${CARGO_TARGET_DIR:-$PWD/target}=target" "${CARGO_HOME:-$HOME/.cargo}=cargo" \
    "${CARGO_HOME:-$HOME/.cargo}"/registry/src/*/; do
    # Of a crate's file its name and version are enough, wherever cargo had it from.
    [[ $from == *=* ]] || from="${from%/}=crates"
    flags+=("--remap-path-prefix=$from")
  done
  case $1 in
    # A Windows program has the time of its linking in its header unless told otherwise.
    *-windows-gnu) flags+=('-Clink-arg=-Wl,--no-insert-timestamp') ;;
    # What Apple's SDK would say of the frameworks: which functions they have that somebody here names. When a link misses one,
    # it is added there; it must be one of the oldest macOS that is promised.
    *-apple-darwin) flags+=("-Clink-arg=-F$PWD/packaging/macos" "-Clink-arg=-L$PWD/packaging/macos") ;;
  esac
  CARGO_ENCODED_RUSTFLAGS=$(IFS=$'\x1f'; printf '%s' "${flags[*]}")
  export CARGO_ENCODED_RUSTFLAGS
}

# cargo_for TARGET COMMAND ARGUMENTS…: cargo, with a compiler and a linker for that target; COMMAND is build, check, clippy or test.
cargo_for() {
  local target=$1 command=$2
  shift 2
  rustup target list --installed | grep -qx "$target" || rustup target add "$target"
  # The oldest macOS that is promised; Apple silicon began with 11.
  case $target in
    x86_64-apple-darwin) local -x MACOSX_DEPLOYMENT_TARGET=10.15 ;;
    aarch64-apple-darwin) local -x MACOSX_DEPLOYMENT_TARGET=11.0 ;;
  esac
  # The compiler's own objcopy, which strips such a program and signs it anew, does not find the compiler's libraries by itself.
  local -x LD_LIBRARY_PATH=${LD_LIBRARY_PATH:-}
  [[ $target != *-apple-darwin ]] || LD_LIBRARY_PATH=$(rustc --print sysroot)/lib
  case $target in
    x86_64-pc-windows-gnu)
      install x86_64-w64-mingw32-gcc gcc-mingw-w64-x86-64
      CARGO_TARGET_X86_64_PC_WINDOWS_GNU_LINKER=x86_64-w64-mingw32-gcc cargo "$command" --target "$target" "$@"
      ;;
    x86_64-unknown-linux-gnu | aarch64-unknown-linux-gnu)
      # The oldest glibc that a supported system has (CentOS 7's), whatever this machine has.
      zigbuild "$command" --target "$target.2.17" "$@"
      ;;
    *) zigbuild "$command" --target "$target" "$@" ;;
  esac
}

zigbuild() {
  local command=$1 zig=$PWD/target/zig
  shift
  if [[ ! -x $zig/bin/cargo-zigbuild ]]; then
    install python3 python3 python3-venv
    python3 -m venv "$zig"
    "$zig/bin/pip" install --quiet "${zig_packages[@]}"
  fi
  [[ $command == build ]] && command=zigbuild
  PATH=$zig/bin:$PATH cargo-zigbuild "$command" "$@"
}
