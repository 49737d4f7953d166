#!/usr/bin/env python3
"""Records what real programs print, for tests/it/fidelity.rs: 120 columns, 40 rows, one file each.

A recording holds whatever was on the screen, so everything runs in a scratch folder, on a machine that calls
itself "demo" and shows no other processes:

    unshare --pid --fork --mount-proc --uts python3 record.py OUT [NAME...]

Claude Code is recorded if CLAUDE names a command that starts it (with a stand-in for its service).
"""
import fcntl, os, pty, select, shutil, signal, struct, subprocess, sys, termios, time

ROWS, COLS = 40, 120
ROOT, HOME = "/tmp/demo", "/tmp/demo-home"
ANSWERS = [  # what this terminal answers; the model under test answers the same
    (b"\x1b[c", b"\x1b[?1;2c"), (b"\x1b[>c", b"\x1b[>0;276;0c"), (b"\x1b[6n", b"\x1b[1;1R"),
    (b"]11;?", b"\x1b]11;rgb:1e1e/1e1e/1e1e\x1b\\"), (b"]10;?", b"\x1b]10;rgb:d0d0/d0d0/d0d0\x1b\\"),
    (b"\x1b[>0q", b"\x1bP>|SessionForge(0.1.0)\x1b\\"), (b"\x1b[?2026$p", b"\x1b[?2026;2$y"),
]
SOURCE = '''//! Counts words, the usual way.
use std::collections::HashMap;

/// How often each word occurs. Ⓤnicode: naïve, 漢字, 🦀.
pub fn count(text: &str) -> HashMap<&str, usize> {
    let mut words = HashMap::new();
    for word in text.split_whitespace() {
        *words.entry(word).or_default() += 1; // one more
    }
    words
}

'''


def prepare():
    shutil.rmtree(ROOT, ignore_errors=True)
    os.makedirs(f"{ROOT}/src")
    os.makedirs(HOME, exist_ok=True)
    with open(f"{ROOT}/src/words.rs", "w") as out:
        for n in range(24):
            out.write(SOURCE.replace("count", f"count_{n}"))
    with open(f"{ROOT}/notes.md", "w") as out:
        out.writelines(f"## Day {n}\n\n- walked, read, *wrote* `{n * 7}` lines ✓\n- " + "a long line that wraps " * (n % 9) + "\n\n" for n in range(60))
    for n in range(30):
        open(f"{ROOT}/file-{n:02}.{['txt', 'png', 'sh', 'tar.gz'][n % 4]}", "w").write("x" * n * 100)
    subprocess.run(["hostname", "demo"], check=False)


def record(out, name, argv, keys):
    """Starts `argv` in a terminal, types `keys` (text, seconds to wait), and writes all it printed."""
    child, fd = pty.fork()
    if child == 0:
        os.chdir(ROOT)
        env = dict(HOME=HOME, PATH=os.environ["PATH"], TERM="xterm-256color", LANG="C.UTF-8", COLORTERM="truecolor",
                   USER="dev", LS_COLORS="di=01;34:*.tar.gz=01;31:*.png=01;35:*.sh=01;32", PS1="$ ")
        env.update({key: value for key, value in os.environ.items() if key.startswith("CLAUDE_RIG") or key == "CLAUDE_BIN"})
        os.execvpe(argv[0], argv, env)
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLS, 0, 0))
    got = bytearray()

    def read_for(seconds):
        end = time.time() + seconds
        while (left := end - time.time()) > 0:
            if not select.select([fd], [], [], left)[0]:
                continue
            try:
                chunk = os.read(fd, 65536)
            except OSError:
                return False
            if not chunk:
                return False
            got.extend(chunk)
            for question, answer in ANSWERS:
                if question in chunk:
                    os.write(fd, answer)
        return True

    alive = read_for(1.0)
    for text, seconds in keys:
        if not alive:
            break
        os.write(fd, text.encode())
        alive = read_for(seconds)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    with open(f"{out}/{name}.bin", "wb") as file:
        file.write(got)
    print(name, len(got), flush=True)


def times(n, text, seconds=0.05):
    return [(text, seconds)] * n


PROMPT = r"""PS1='\[\e]0;dev@demo: \w\a\]\[\e[38;5;31m\]\[\e[48;5;31;1;97m\] dev \[\e[0;38;5;31;48;5;238m\]▶\[\e[97m\] \w \[\e[0;38;5;238m\]▶\[\e[m\] '"""
PROGRESS = r'''
import random, sys, time
for task in range(3):
    for n in range(101):
        sys.stdout.write(f"\r\x1b[K\x1b[32m{n:3}%\x1b[m [{'█' * (n // 2)}{'░' * (50 - n // 2)}] \x1b[2mstep {task}\x1b[22m"); sys.stdout.flush(); time.sleep(.002)
    print()
print("\x1b[?25l", end="")
for turn in range(40):
    print("\n".join(f"\x1b[38;5;{random.randrange(256)}mtask {n} {'•' * random.randrange(40)}\x1b[m\x1b[K" for n in range(8)))
    print("\x1b[8A", end=""); sys.stdout.flush(); time.sleep(.004)
print("\x1b[8B\x1b[?25h")
print("\x1b]8;;https://example.org/log\x1b\\the log\x1b]8;;\x1b\\ \x1b[4:3;58:2::255:0:0mcurly\x1b[m \x1b[9mgone\x1b[m \x1b[53mover\x1b[m \x1b[5mblink\x1b[m \x1b[21mdouble\x1b[m")
for n in range(64): print(f"\x1b[48;2;{n*4};{255-n*4};128m", end=" ")
print("\x1b[m")
'''


def main(out, wanted):
    prepare()
    programs = {
        "vim": (["vim", "-u", "NONE", "-i", "NONE", "-c", "syntax on", "-c", "set nu ruler hlsearch mouse=a title", "src/words.rs"],
                times(6, "\x06", .1) + [("/word\r", .2)] + times(4, "n") + [(":split notes.md\r", .3), ("\x17w", .1), ("60G", .2), ("ohello, 漢字 and 🦀\x1b", .2), (":vsplit\r", .3)]
                + times(3, "\x06", .1) + times(4, "dd") + times(4, "u") + [("ggVG", .2), ("\x1b", .1), (":%s/word/WORD/g\r", .3)] + times(25, "j", .02)
                + [(":only\r", .2), (":!seq 60\r", .4), ("\r", .3), (":qa!\r", .3)]),
        "htop": (["htop", "-d", "3"], times(4, "\x1b[B", .4) + [("t", .5), ("P", .5), ("h", .5), ("q", .4), ("q", .4)]),
        "less": (["less", "-R", "-N", "notes.md"], times(6, " ") + times(3, "b") + [("/long\r", .2)] + times(4, "n") + [("G", .2), ("g", .2)] + times(30, "j", .02) + [("q", .2)]),
        "nano": (["nano", "-l", "notes.md"], times(4, "\x16", .1) + [("hello nano, naïve 漢字\r", .2)] + times(5, "\x0b") + [("\x15", .2), ("\x17wrote\r", .3)] + times(25, "\x1b[B", .02) + [("\x18", .3), ("n", .3)]),
        "tmux": (["tmux", "-L", "demo", "-f", "/dev/null", "new", "bash", "--norc"],
                 [("export PS1='$ '; ls --color=always -la\r", .4), ('\x02"', .4), ("seq 200\r", .4), ("\x02%", .4), ("vim -u NONE -i NONE -c 'syntax on' src/words.rs\r", .7)]
                 + times(3, "\x06", .2) + [("\x02o", .2), ("\x02z", .3), ("\x02[", .2)] + times(2, "\x1b[5~", .2) + [("q", .2), ("\x02c", .3), ("seq 80 | sed 's/$/ ✓ café/'\r", .4), ("\x02d", .4)]),
        "shell": (["bash", "--norc", "-i"],
                  [(PROMPT + "\r", .2), ("ls --color=always -la\r", .3), ("echo a very long line $(seq 1 150)\r", .2), ("\x1b[A\x1b[A\x1b[B", .2), ("\x05 | cat\r", .2),
                   ("for i in $(seq 120); do echo \"$i 你好 $((i * i))\"; done\r", .4), ("\x12ls", .2), ("\r", .3), ("tput smcup; seq 50; tput cup 3 3; echo hi; tput rmcup\r", .3),
                   ("seq 400\r", .4), ("clear\r", .2), ("echo e\u0301 👩\u200d💻 ❤️ 🇫🇷 ｗｉｄｅ\r", .2), ("grep -n --color=always word src/words.rs | head -30\r", .3)]),
        "progress": (["python3", "-c", PROGRESS], [("", 2.5)]),
        "top": (["top", "-d", "0.4"], [("1", .6), ("z", .6), ("q", .3)]),
    }
    if command := os.environ.get("CLAUDE"):
        programs["claude"] = ([command], [
            ("", 5), ("\r", 2), ("SAY: 60 END", 1), ("\r", 5), ("/help", 1), ("\r", 2), ("\x1b", 1), ("/", .7), ("\x1b[B", .3), ("\x1b", .5), ("\x15", .3),
            ("RUN: seq 40 END", 1), ("\r", 4), ("\r", 4), ("ASK: Deploy? END", 1), ("\r", 4), ("\x1b[B", .5), ("\r", 3), ("PLAN", 1), ("\r", 4), ("\x0f", 1.5), ("\x0f", 1.5), ("\x03", .5), ("\x03", 1)])
    for name, (argv, keys) in programs.items():
        if not wanted or name in wanted:
            record(out, name, argv, keys)


main(sys.argv[1], sys.argv[2:])
