"""What a person does on Windows, with the real program under Wine: log in, the service's life, a console on a session.

    story.py WINE SESSIONFORGE.EXE

Run by packaging/try-windows.
"""

import fcntl, os, pty, re, select, signal, struct, subprocess, sys, termios, time

from steps import PEOPLE, WINE, WITHIN, agents, expect, guards, server, until, wine

EXE = sys.argv[2]


def run(*arguments, **how):
    return wine(EXE, *arguments, **how)


class Console:
    """The program in a console of Wine's, which shows itself on a terminal of ours."""

    def __init__(self, *arguments):
        self.pid, self.terminal = pty.fork()
        if self.pid == 0:
            os.execv(WINE, [WINE, EXE, *arguments])
        fcntl.ioctl(self.terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))
        self.shown = b""

    def type(self, keys):
        os.write(self.terminal, keys)

    def expect(self, text, step):
        end = time.monotonic() + WITHIN
        while text not in self.shown and time.monotonic() < end and self.read():
            pass
        expect(text in self.shown, step, repr(self.shown[-3000:]))

    def read(self):
        if select.select([self.terminal], [], [], 0.5)[0]:
            try:
                piece = os.read(self.terminal, 65536)
            except OSError:  # Linux says so of a terminal that nobody has open any more.
                return False
            self.shown += piece
            return bool(piece)
        return True

    def ends(self, code, step):
        # Not at the terminal's end: Wine gives its starter's standard error to every process, so a PTY host keeps it open.
        end, ended = time.monotonic() + WITHIN, None
        while ended is None and time.monotonic() < end:
            self.read()
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            ended = os.waitstatus_to_exitcode(status) if pid else None
        expect(ended == code, step, f"{ended}: {self.shown[-1000:]!r}")


def service():
    said = run("service", "install")
    expect("installed: HKLM" in said and "connected as mac_" in said, "the service is installed, and its agent connects", said)
    expect(len(guards()) == 1 and len(agents()) == 1, "one guard, one agent")
    line = open(f"/proc/{guards()[0]}/cmdline").read()
    expect(PEOPLE in line, "the guard was told the person", line)
    expect("as it should be" in run("service", "install"), "installed again, nothing changes")
    session = run("session", "start", "--command", "cmd").strip()

    first = agents()
    os.kill(first[0], signal.SIGKILL)
    until(lambda: agents() not in ([], first), "an agent that is killed is started again")
    expect("connected as mac_" in run("service", "restart"), "restarted, it connects")
    run("service", "stop")
    expect(not guards() and not agents(), "stopped, neither guard nor agent is left")
    run("service", "status", code=1)
    expect(session in run("session", "list"), "the session goes on")
    run("service", "start")
    os.kill(guards()[0], signal.SIGKILL)
    until(lambda: not agents(), "an agent does not outlive its guard")
    expect("connected as mac_" in run("service", "start"), "the service starts again")
    return session


def tiers():
    run("config", "set", "tier", "conpty")
    expect("conpty" in run("doctor", code=1), "this Windows is new enough for pseudo consoles")
    # Wine's are not what their name says (docs/windows.md).
    run("config", "set", "tier", "pipes")


def pipe():
    """Whoever reads what starts a session waits for that command, not for the session."""
    started = subprocess.run(
        [WINE, EXE, "session", "start", "--command", "cmd"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=WITHIN
    )
    session = started.stdout.decode().strip()
    expect(session.startswith("ses_"), "a session that is started into a pipe does not hold the pipe", started)
    run("session", "stop", session)


def console(session):
    attached = Console("session", "attach", session)
    attached.expect(b">", "a console shows the session")
    attached.type(b"set /a 1020*2\r")
    attached.expect(b"2040", "what is typed reaches it")
    attached.type(b"\x1d")
    attached.expect(b"detached from", "Ctrl-] detaches")
    attached.ends(0, "detached, it ends with 0")
    expect(session in run("session", "list"), "the session goes on")

    ran = Console("run", "cmd")
    ran.expect(b">", "run shows a new session")
    ran.type(b"set /a 1021*2\r")
    ran.expect(b"2042", "what is typed reaches it")
    ran.type(b"exit 7\r")
    ran.ends(7, "run ends with its program, and with its exit code")
    ran = Console("run", "cmd")
    ran.expect(b">", "run shows a new session")
    ran.type(b"\x1d")
    ran.expect(b"detached from", "Ctrl-] detaches")
    ran.ends(0, "detached, it ends with 0")
    run("session", "stop", re.search(rb"detached from (ses_\w+)", ran.shown)[1].decode())


def main():
    with server(EXE) as (base, key):
        run("auth", "login", "--server", base, "--key", "-", typed=key)
        tiers()
        try:
            session = service()
            pipe()
            console(session)
            run("session", "stop", session)
        finally:
            subprocess.run([WINE, EXE, "service", "uninstall"], timeout=WITHIN)
        expect("no service" in run("service", "uninstall"), "nothing is left of the service")
        run("auth", "logout")


main()
