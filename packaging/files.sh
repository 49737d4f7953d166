# The files of a release; read by the commands beside this file, which run in the project's directory.
# shellcheck shell=bash

# Kinds of machine, by the names that src/update/target.rs gives them, and what the compiler calls them.
# shellcheck disable=SC2034 # for who reads this
names=(linux-x86_64 linux-x86_64-static linux-arm64 macos-x86_64 macos-arm64 windows-x86_64)
declare -A triples=(
  [linux-x86_64]=x86_64-unknown-linux-gnu
  [linux-x86_64-static]=x86_64-unknown-linux-musl
  [linux-arm64]=aarch64-unknown-linux-gnu
  [macos-x86_64]=x86_64-apple-darwin
  [macos-arm64]=aarch64-apple-darwin
  [windows-x86_64]=x86_64-pc-windows-gnu
)
version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)

# file_of NAME: what its release file is called.
file_of() {
  local end=''
  [[ $1 != windows-* ]] || end=.exe
  printf 'sessionforge-%s-%s%s\n' "$version" "$1" "$end"
}

# built NAME: where packaging/build leaves it, with PROFILE=dist.
built() {
  local file
  file=$(file_of "$1")
  printf '%s/%s/dist/sessionforge%s\n' "${CARGO_TARGET_DIR:-target}" "${triples[$1]}" "${file##*"$1"}"
}
