"""What a person does on Windows, with the real program under Wine: log in, the service's life, a console on a session.

    story.py WINE SESSIONFORGE.EXE

Run by packaging/try-windows. Everything listens on loopback, and is gone at the end. Prints each step; the first that does not
hold ends it with what was said.
"""

import fcntl, http.cookiejar, json, os, pty, re, select, signal, struct, subprocess, sys, tempfile, termios, time, urllib.request

WINE, EXE = sys.argv[1:3]
WITHIN = 60  # seconds for any one step; Wine on a busy machine takes its time
PEOPLE = "S-1-5-21-"


def run(*arguments, code=0, typed=""):
    # Into a file: the processes of Wine keep their starter's descriptors, and a pipe would end with the session only.
    with tempfile.TemporaryFile("w+") as out:
        ran = subprocess.run([WINE, EXE, *arguments], input=typed, stdout=out, stderr=out, text=True, timeout=WITHIN)
        out.seek(0)
        said = out.read()
    expect(ran.returncode == code, f"{arguments} ends with {code}", f"{ran.returncode}: {said}")
    return said


def expect(holds, step, said=""):
    if not holds:
        sys.exit(f"NOT SO: {step}\n{said}")
    print(f"ok  {step}", flush=True)


def until(look, step):
    end = time.monotonic() + WITHIN
    while time.monotonic() < end:
        if found := look():
            print(f"ok  {step}", flush=True)
            return found
        time.sleep(0.2)
    sys.exit(f"NOT SO within {WITHIN} s: {step}")


def processes(begins):
    """Those of this Wine whose command line begins so."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            line = open(f"/proc/{pid}/cmdline").read().replace("\0", " ")
            mine = os.environ["WINEPREFIX"] in open(f"/proc/{pid}/environ").read()
        except OSError:
            continue
        if mine and re.match(begins, line):
            found.append(int(pid))
    return found


agents = lambda: processes(r"[A-Z]:\S*sessionforge\.exe agent ")
guards = lambda: processes(r"C:\\Program Files\\sessionforge\\sessionforge-service\.exe service-guard ")


def key_of(said):
    """An API key from a server that has just said how to sign in."""
    base, token = re.search(r"(http://127\.0\.0\.1:\d+)/sign-in#(\S+)", said).groups()
    jar = http.cookiejar.CookieJar(http.cookiejar.DefaultCookiePolicy(secure_protocols=("http", "https")))
    client = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPCookieProcessor(jar))

    def post(path, body):
        headers = {"content-type": "application/json", "origin": base}
        with client.open(urllib.request.Request(base + path, json.dumps(body).encode(), headers), timeout=WITHIN) as it:
            return json.loads(it.read() or b"{}")

    post("/api/v1/sign-in/link", {"token": token})
    return base, post("/api/v1/keys", {"name": "wine"})["key"]


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
        end = time.monotonic() + WITHIN
        while time.monotonic() < end and self.read():
            pass
        ended = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
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


def console(session):
    attached = Console("session", "attach", session)
    attached.expect(b">", "a console shows the session")
    attached.type(b"set /a 1020*2\r")
    attached.expect(b"2040", "what is typed reaches it")
    attached.type(b"\x1d")
    attached.expect(b"detached from", "Ctrl-] detaches")
    attached.ends(0, "detached, it ends with 0")
    expect(session in run("session", "list"), "the session goes on")


def main():
    with tempfile.TemporaryDirectory() as place:
        server = subprocess.Popen(
            [WINE, EXE, "up", "--data-dir", f"Z:{place}", "--port", "0", "--no-open"], stdout=subprocess.PIPE, text=True
        )
        try:
            said = ""
            while "/sign-in#" not in said:
                line = server.stdout.readline() or sys.exit(f"NOT SO: a server starts\n{said}")
                said += line
            base, key = key_of(said)
            run("auth", "login", "--server", base, "--key", "-", typed=key)
            try:
                session = service()
                console(session)
                run("session", "stop", session)
            finally:
                subprocess.run([WINE, EXE, "service", "uninstall"], timeout=WITHIN)
            expect("no service" in run("service", "uninstall"), "nothing is left of the service")
            run("auth", "logout")
        finally:
            server.kill()


main()
