# A Wine of the project's own, in target/wine; read by the commands beside this file after cross.sh.
# shellcheck shell=bash

wine=/usr/lib/wine/wine64

# start_wine: installs Wine if it is not there, and makes an empty Windows for it. Exports what a program under it needs.
start_wine() {
  [[ -x $wine ]] || install wine64 wine64
  install x86_64-w64-mingw32-gcc gcc-mingw-w64-x86-64
  export WINEPREFIX=$PWD/target/wine WINEDEBUG=-all
  # Rust's Windows begins with 10, and the tiers of terminals ask the registry which one this is: winecfg changes both what
  # functions say and what the registry says. Debian 12's Wine lacks a library that every program of a current Rust asks for random
  # numbers; on a Windows it is there.
  if [[ ! -e $WINEPREFIX/ready ]]; then
    mkdir -p "$WINEPREFIX"
    "$wine" wineboot -i >/dev/null 2>&1
    "$wine" winecfg -v win10 >/dev/null 2>&1
    local library=$WINEPREFIX/drive_c/windows/system32/bcryptprimitives.dll
    [[ -e $library ]] || x86_64-w64-mingw32-gcc -O1 -shared -nostartfiles -Wl,-e,0 \
      -o "$library" packaging/wine/bcryptprimitives.c -ladvapi32
    touch "$WINEPREFIX/ready"
  fi
}
