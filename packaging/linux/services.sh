# shellcheck shell=sh
# What the scripts of both packages do with services. The machine's agent and people's own are there only if somebody
# installed them with `sessionforge service install`; what another copy of the program runs is left alone.

program=/usr/bin/sessionforge
machines_unit=/etc/systemd/system/sessionforge.service

runs_program() { grep -q "^ExecStart=$program " "$1" 2>/dev/null; }

# for_each_person COMMAND…: as everybody whose own agent is this program and whose service manager runs.
for_each_person() {
  for manager in /run/user/*/systemd/private; do
    [ -S "$manager" ] || continue
    directory=${manager%/systemd/private}
    entry=$(getent passwd "${directory##*/}") || continue
    home=$(echo "$entry" | cut -d : -f 6)
    runs_program "$home/.config/systemd/user/sessionforge.service" || continue
    runuser -u "${entry%%:*}" -- env HOME="$home" XDG_RUNTIME_DIR="$directory" "$@" </dev/null || true
  done
}

make_user() {
  getent passwd sessionforge >/dev/null && return
  useradd --system --user-group --no-create-home --home-dir /var/lib/sessionforge --shell "$(command -v nologin || echo /bin/false)" \
    --comment "SessionForge server" sessionforge
}

# Whatever ran goes on with the new program, and nothing else is started. Sessions are processes of their own and go on.
restart_what_runs() {
  [ -d /run/systemd/system ] || return 0
  systemctl daemon-reload || true
  systemctl try-restart sessionforge-server.service || true
  if runs_program "$machines_unit"; then systemctl try-restart sessionforge.service || true; fi
  for_each_person systemctl --user try-restart sessionforge.service
}

# The program goes, and its services with it, as by `service uninstall`. Sessions that run go on.
stop_what_runs() {
  [ -d /run/systemd/system ] || return 0
  systemctl disable --now --quiet sessionforge-server.service || true
  if runs_program "$machines_unit"; then "$program" service uninstall --system >/dev/null || true; fi
  for_each_person "$program" service uninstall >/dev/null
}

reload() { [ ! -d /run/systemd/system ] || systemctl daemon-reload || true; }

say_what_is_next() {
  cat <<EOF
SessionForge is installed; nothing was started.
  For a server:  edit /etc/sessionforge/server.toml, then: systemctl enable --now sessionforge-server
                 Its first start prints the link to set it up: journalctl -u sessionforge-server
  For an agent:  sessionforge auth login, then: sessionforge service install
EOF
}
