#!/usr/bin/env python3
"""Writes what the fuzzers begin with into corpus/: one well-formed example of each thing. Needs nothing but Python."""
import hashlib
import json
import pathlib
import struct

HERE = pathlib.Path(__file__).parent
VECTORS = json.loads((HERE / "../tests/vectors/wire.json").read_text())
SESSION, MACHINE, VIEWER = "ses_a1b2c3d4e5f6", "mac_a1b2c3d4e5f6", "000102030405060708090a0b0c0d0e0f"
INFO = {"id": SESSION, "name": "n", "command": "sh", "args": ["-c"], "workdir": "/", "title": "t", "state": "exited",
        "activity": "working", "exit": {"code": 1}, "pid": 7, "cols": 80, "rows": 24, "started_at": 1, "ended_at": 2}
LAUNCH = {"command": "sh", "args": ["-c"], "workdir": "~", "name": "n", "cols": 80, "rows": 24}
FACTS = {"name": "m", "hostname": "h", "os": "linux", "os_version": "1", "arch": "x86_64", "build": "0.1.0",
         "allow": ["sh"], "home": "/"}
THEME = {"foreground": "#ffffff", "background": "#000000", "cursor": "#00ff00"}
PROBLEM = {"code": "not_found", "message": "gone"}
AT = {"offset": {"offset": 7, "epoch": 1}}
SIZE = {"cols": 80, "rows": 24}

MESSAGES = [
    {"kind": "subscribe", "from": AT}, {"kind": "unsubscribe"}, {"kind": "snapshot", "id": 1, "history": True},
    {"kind": "join", "viewer": VIEWER, "take": "always", "theme": THEME, **SIZE}, {"kind": "leave", "viewer": VIEWER},
    {"kind": "resize", "viewer": VIEWER, **SIZE}, {"kind": "theme", "viewer": VIEWER, "theme": THEME},
    {"kind": "stop", "force": True}, {"kind": "forget"}, {"kind": "info", "info": INFO},
    {"kind": "control", "controller": VIEWER, "present": True, **SIZE}, {"kind": "end", "offset": 9},
    {"kind": "registered", "machine": MACHINE, "organisation": "o"},
    {"kind": "start", "request": 1, "session": SESSION, "launch": LAUNCH},
    {"kind": "forget", "request": 1, "session": SESSION},
    {"kind": "session", "channel": 1, "ask": {"kind": "stop", "force": False}},
    {"kind": "session", "channel": 1, "says": {"kind": "end", "offset": 9}},
    {"kind": "register", "machine": MACHINE, "facts": FACTS},
    {"kind": "sessions", "sessions": [{"channel": 1, "info": INFO}]},
    {"kind": "opened", "announced": {"channel": 1, "info": INFO}}, {"kind": "closed", "channel": 1},
    {"kind": "done", "request": 1, "problem": PROBLEM},
    {"kind": "attach", "channel": 1, "session": SESSION, "viewer": VIEWER, "from": AT, "take": "if_free", **SIZE},
    {"kind": "fleet", "machines": [{"id": MACHINE, **FACTS, "online": True, "last_seen": 1}],
     "sessions": [{"machine": MACHINE, **INFO, "viewers": 2}]},
    {"kind": "detached", "channel": 1, "problem": PROBLEM}, {"kind": "live", "channel": 1, "live": True},
    {"protocol": [1, 0], "build": "0.1.0", "role": "host", "capabilities": ["x"]},
]
FILES = [
    {"protocol": [1, 0], "build": "0.1.0", "host_pid": 7, "socket": "/x.sock", "info": INFO},
    {"session": SESSION, "launch": LAUNCH, "runtime_dir": "/run", "env": [["A", "b"]]},
    {"ready": {"pid": 7, "socket": "/x.sock"}}, {"problem": PROBLEM},
    {"allow": ["claude", "*"], "name": "m"}, {"server": "https://sf.example.org", "key": "sf_live_x"},
]
TEXTS = [SESSION, MACHINE, VIEWER, "sf_live_" + "0" * 32, "https://sf.example.org:8443/", "http://[::1]:7373",
         "ws://127.0.0.1", "usr_a1b2c3d4e5f6", "key_a1b2c3d4e5f6", "org_a1b2c3d4e5f6"]
SCREENS = ["plain \x1b[1;31mred\x1b[m\r\n", "\x1b[?1049h\x1b[2J\x1b[5;3Hfull\x1b[2;4r\x1b[?25l\x1b[?1049l",
           "\x1b]8;id=1;https://example.org/\x07x\x1b]0;title\x07", "\x1b[4:3;58:2::1:2:3mu\x1b(0q\x1b(B", "漢e\u0301\t\x08\x1b[6n"]


def main():
    def write(target, items):
        folder = HERE / "corpus" / target
        folder.mkdir(parents=True, exist_ok=True)
        for number, item in enumerate(items):
            (folder / f"seed-{number:02}").write_bytes(item)

    frames = [bytes.fromhex(text) for text in VECTORS["frames"].values()]
    behind_lengths = [struct.pack(">I", len(frame)) + frame for frame in frames]
    write("frames", frames + [b"\x05" + b"".join(behind_lengths)])
    write("framed", [b"".join(behind_lengths)] + behind_lengths)
    write("messages", [json.dumps(message).encode() for message in MESSAGES])
    screen, history = b"\x1b[Hscreen", b"\x1b[Hscrollback"
    header = {"format": 1, "session": SESSION, "taken_at": 1, "offset": 9, "epoch": 0, "cols": 80, "rows": 24,
              "screen_bytes": len(screen), "history_bytes": len(history),
              "sha256": hashlib.sha256(screen + history).hexdigest()}
    last_screen = json.dumps(header, separators=(",", ":")).encode() + b"\n" + screen + history
    write("files", [json.dumps(file).encode() for file in FILES] + [last_screen])
    write("texts", [text.encode() for text in TEXTS])
    write("server_toml", [b'listen = "127.0.0.1:7373"\npublic-url = "https://sf.example.org"\ntrusted-proxy = ["10.0.0.1"]\n',
                          b'tls-cert = "cert.pem"\ntls-key = "key.pem"\nlog-format = "json"\ninsecure-http = true\n'])
    head = "host: 127.0.0.1:3457\r\nauthorization: Bearer 0123456789abcdef\r\n"
    body = json.dumps({key: value for key, value in LAUNCH.items()})
    write("local_http", [f"GET /v1/{path} HTTP/1.1\r\n{head}\r\n".encode() for path in ("status", "sessions", f"sessions/{SESSION}")] + [
        f"POST /v1/{path} HTTP/1.1\r\n{head}content-type: application/json\r\ncontent-length: {len(text)}\r\n\r\n{text}".encode()
        for path, text in (("sessions", body), (f"sessions/{SESSION}/stop", '{"force":true}'))])
    write("headers", [b"a=b; sf=token; __Host-sf=t", b"127.0.0.1:7373http://127.0.0.1:7373", b"1.1.1.1, 10.0.0.1"])
    write("screen", [text.encode() for text in SCREENS])

    def words(value):
        if isinstance(value, dict):
            for key, inner in value.items():
                yield key
                yield from words(inner)
        elif isinstance(value, list):
            for inner in value:
                yield from words(inner)
        elif isinstance(value, str):
            yield value

    json_words = sorted({word for item in MESSAGES + FILES for word in words(item)})
    (HERE / "corpus" / "json.dict").write_text("".join(f'"\\"{word}\\""\n' for word in json_words))


main()
