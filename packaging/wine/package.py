"""What an administrator does with the package for Windows, under Wine: install, log in, upgrade, go back, fail, remove.

    package.py WINE DIRECTORY

The directory has first, second and third.msi, each of a higher version than the one before, with first, second and third.exe in
them; and broken.msi, whose guard cannot be started. Run by packaging/try-msi.
"""

import hashlib, os, subprocess, sys

from steps import PEOPLE, WINE, agents, expect, guards, server, until, wine

FIRST, SECOND, THIRD, BROKEN = [os.path.join(sys.argv[2], f"{name}.msi") for name in ["first", "second", "third", "broken"]]
EXE, SECOND_EXE, THIRD_EXE = [os.path.join(sys.argv[2], f"{name}.exe") for name in ["first", "second", "third"]]
FOLDER = os.path.join(os.environ["WINEPREFIX"], "drive_c/Program Files/sessionforge")
SERVICE = r"HKLM\SYSTEM\CurrentControlSet\Services\sessionforge"
VARIABLES = r"HKLM\SYSTEM\CurrentControlSet\Control\Session Manager\Environment"


def msiexec(how, package, *properties, code=0):
    return wine("msiexec", how, package, "/qn", *properties, code=code)


def refused(package, step):
    # Windows says 1603, Wine 1627, and eight bits of either are left here.
    ran = subprocess.run([WINE, "msiexec", "/i", package, "/qn"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    expect(ran.returncode != 0, step)


def registered(key, name):
    """A value of the registry, or nothing."""
    said = wine("reg", "query", key, "/v", name, code=None)
    lines = [line for line in said.splitlines() if line.strip().startswith(name)]
    return lines[0].split(None, 2)[2] if lines else ""


def on_path():
    return registered(VARIABLES, "PATH").lower().count(r"c:\program files\sessionforge")


def files():
    return sorted(os.listdir(FOLDER)) if os.path.isdir(FOLDER) else []


def digest(path):
    return hashlib.sha256(open(path, "rb").read()).hexdigest()


def is_of(exe):
    return all(digest(os.path.join(FOLDER, name)) == digest(exe) for name in files())


def nothing_is_left(when):
    expect(files() == [], f"{when}, no file is left", files())
    expect(on_path() == 0, f"{when}, the PATH has it no more", registered(VARIABLES, "PATH"))
    expect(not registered(SERVICE, "ImagePath"), f"{when}, there is no service", registered(SERVICE, "ImagePath"))
    expect(not guards() and not agents(), f"{when}, neither guard nor agent runs")


def run(*arguments, **how):
    # By its name alone: the PATH of who starts it from now on has it.
    return wine("sessionforge", *arguments, **how)


def of_nobody():
    """As the system itself it is installed without a service; named as such, the same."""
    for nobody in ["none", "S-1-5-18"]:
        msiexec("/i", FIRST, f"PERSON={nobody}")
        expect(files() == ["sessionforge.exe"], f"for {nobody} the program is installed, and no guard", files())
        expect(not registered(SERVICE, "ImagePath"), "nor a service")
        msiexec("/x", FIRST)
        nothing_is_left(f"removed for {nobody}")


def fails():
    refused(BROKEN, "a package whose service does not start fails")
    nothing_is_left("rolled back")


def installed():
    msiexec("/i", FIRST)
    expect(files() == ["sessionforge-service.exe", "sessionforge.exe"] and is_of(EXE), "program and guard are there", files())
    expect(on_path() == 1, "the PATH has them once", registered(VARIABLES, "PATH"))
    until(lambda: len(guards()) == 1 and len(agents()) == 1, "one guard, one agent")
    line = until(lambda: registered(SERVICE, "ImagePath"), "the service is registered")
    expect(line.startswith('"C:\\Program Files\\sessionforge\\sessionforge-service.exe" service-guard'), "its command is quoted", line)
    expect(f"--person {PEOPLE}" in line, "it is the service of who installed it", line)
    expect("waits until this machine is logged in" in run("service", "status", code=1), "its agent waits for the login")


def goes_on(step):
    until(lambda: "connected as mac_" in run("service", "status", code=None), step)


def main():
    wine(EXE, "auth", "logout", code=None)  # Of an earlier story that ended early.
    nothing_is_left("before anything")
    of_nobody()
    fails()
    with server(EXE) as (base, key):
        installed()
        expect("connects this machine now" in run("auth", "login", "--server", base, "--key", "-", typed=key), "a login is enough")
        goes_on("the agent connects by itself")

        msiexec("/i", SECOND)
        upgraded(SECOND_EXE)
        refused(FIRST, "an older package is refused")
        expect(is_of(SECOND_EXE), "and changes nothing")

        run("config", "set", "tier", "pipes")
        session = run("session", "start", "--command", "cmd").strip()
        # Eight bits of 3010: done, and a file that a session uses goes when Windows starts the next time.
        msiexec("/i", THIRD, code=3010 & 0xFF)
        goes_on("with a session that uses the program it is upgraded as well, and its agent connects")
        expect(session in run("session", "list"), "the session has lived through it")
        run("session", "stop", session)
        run("auth", "logout")
    start_windows_anew()
    upgraded(THIRD_EXE)
    msiexec("/x", THIRD)
    nothing_is_left("removed")


def upgraded(exe):
    until(lambda: len(guards()) == 1 and len(agents()) == 1, "upgraded, there is one guard, and one agent")
    expect(len(files()) == 2 and is_of(exe), "the files are the new ones", files())
    expect(on_path() == 1, "the PATH still has them once", registered(VARIABLES, "PATH"))
    expect(f"--person {PEOPLE}" in registered(SERVICE, "ImagePath"), "the service is the same person's")


def start_windows_anew():
    subprocess.run([os.path.join(os.path.dirname(WINE), "wineserver64"), "-k", "-w"], check=False)
    wine("wineboot")


try:
    main()
finally:
    for package in [FIRST, SECOND, THIRD, BROKEN]:
        subprocess.run([WINE, "msiexec", "/x", package, "/qn"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
