"""What the stories of this folder have in common: one step after the other, the program under Wine, a server for it to log in to.

Everything listens on loopback, and is gone at the end. Each step is printed; the first that does not hold ends the story with
what was said.
"""

import contextlib, http.cookiejar, json, os, re, subprocess, sys, tempfile, time, urllib.request

WINE = sys.argv[1]
WITHIN = 120  # seconds for any one step; Wine on a busy machine takes its time
PEOPLE = "S-1-5-21-"


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


def wine(*words, code=0, typed=""):
    """Runs a program of Windows; what it said. `code` is how it must end, `None` if any way will do."""
    # Into a file: Wine gives its starter's standard error to every process, and a pipe would end with the last of them only.
    with tempfile.TemporaryFile("w+") as out:
        ran = subprocess.run([WINE, *words], input=typed, stdout=out, stderr=out, text=True, timeout=WITHIN)
        out.seek(0)
        said = out.read()
    shown = " ".join([words[0].split("/")[-1], *words[1:]])
    if code is not None:
        expect(ran.returncode == code, f"{shown} ends with {code}", f"{ran.returncode}: {said}")
    return said


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


agents = lambda: processes(r'[A-Z]:(?!.* service-guard ).*sessionforge\.exe"? agent ')
guards = lambda: processes(r'[A-Z]:.*sessionforge-service\.exe"? service-guard ')


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


@contextlib.contextmanager
def server(exe):
    """A server with its own data; its address and a key for it."""
    with tempfile.TemporaryDirectory() as place:
        command = [WINE, exe, "up", "--data-dir", f"Z:{place}", "--port", "0", "--no-open"]
        running = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        try:
            said = ""
            while "/sign-in#" not in said:
                line = running.stdout.readline()
                expect(line, "the server goes on to start", said) if not line else None
                said += line
            yield key_of(said)
        finally:
            running.kill()
