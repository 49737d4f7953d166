"""What a person does on Linux with the program, start to end:  story.py SESSIONFORGE

Server and agent, signing in, a session that is typed into and read, seen by the server, stopped. Run by packaging/try-release.
Everything listens on loopback and is gone at the end. Prints each step; the first that does not hold ends it with what was said.
"""

import http.cookiejar, json, os, re, signal, subprocess, sys, tempfile, time, urllib.error, urllib.request

PROGRAM = os.path.abspath(sys.argv[1])
WITHIN = 120  # seconds for any one step; an emulated processor takes its time


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


class Place:
    """A data directory, a home and what is run there."""

    def __init__(self, directory):
        self.data = os.path.join(directory, "data")
        self.environment = {
            "HOME": directory, "PATH": "/usr/bin:/bin", "XDG_RUNTIME_DIR": directory, "SESSIONFORGE_DATA_DIR": self.data
        }

    def run(self, *arguments):
        # Into a file: a session that it leaves behind must not keep a pipe open.
        with tempfile.TemporaryFile("w+") as out:
            ran = subprocess.run(
                [PROGRAM, *arguments], env=self.environment, stdin=subprocess.DEVNULL, stdout=out, stderr=out, timeout=WITHIN
            )
            out.seek(0)
            said = out.read()
        if ran.returncode != 0:
            sys.exit(f"NOT SO: {' '.join(arguments)} works\n{ran.returncode}: {said}")
        return said.strip()


def sign_in(base, token):
    """A browser's requests, signed in by the link; `ask(path, body)`."""
    jar = http.cookiejar.CookieJar(http.cookiejar.DefaultCookiePolicy(secure_protocols=("http", "https")))
    client = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPCookieProcessor(jar))

    def ask(path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(base + path, data, {"content-type": "application/json", "origin": base})
        with client.open(request, timeout=WITHIN) as answer:
            text = answer.read()
            return json.loads(text) if "json" in answer.headers.get("content-type", "") else text.decode()

    ask("/api/v1/sign-in/link", {"token": token})
    return ask


def refused(ask):
    """Whether a wrong password is: the longest computation that there is."""
    try:
        ask("/api/v1/sign-in", {"email": "nobody@example.org", "password": "not the one of anybody"})
    except urllib.error.HTTPError as error:
        return error.code == 401
    return False


def story(place, up):
    said = ""
    while "/sign-in#" not in said:
        said += up.stdout.readline() or sys.exit(f"NOT SO: server and agent start\n{said}")
    base, token = re.search(r"(http://127\.0\.0\.1:\d+)/sign-in#(\S+)", said).groups()
    expect(True, "server and agent start")
    ask = sign_in(base, token)
    expect("<title>" in ask("/"), "the page is served, to one who takes no compression")
    until(lambda: any(it["online"] for it in ask("/api/v1/machines")["machines"]), "the machine is on the server")
    expect(refused(ask), "a password is computed, and refused")
    session = place.run("session", "start", "--name", "tried", "--command", "sh")
    expect(session.startswith("ses_"), "a session starts", session)
    place.run("session", "send", session, "echo $((1020 * 2)); uname -m\n")
    until(lambda: "2040" in place.run("session", "screen", session), "what is typed is run, and its answer is on the screen")
    until(lambda: any(it["id"] == session for it in ask("/api/v1/sessions")["sessions"]), "the server has the session")
    os.kill(up.pid, signal.SIGINT)
    expect(up.wait(WITHIN) == 0, "Ctrl-C ends server and agent")
    expect(session in place.run("session", "list"), "the session goes on without them")
    place.run("session", "stop", session)
    until(lambda: session not in place.run("session", "list"), "stopped, it is gone")


def main():
    # A short path: a socket's may have 108 bytes.
    with tempfile.TemporaryDirectory(prefix="sf", ignore_cleanup_errors=True) as directory:
        place = Place(directory)
        print(place.run("--version"))
        up = subprocess.Popen(
            [PROGRAM, "up", "--no-open", "--port", "0"], env=place.environment, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, text=True,
        )
        try:
            story(place, up)
        finally:
            up.kill()


main()
