"""Checks a macOS program by its header, where nothing can run it:  macho.py FILE ARCHITECTURE OLDEST_MACOS

That it is for this architecture and for this macOS or an older one, takes libraries that every Mac has, and that its code signature
holds, which a Mac with Apple silicon asks for. Format: <mach-o/loader.h> and <kern/cs_blobs.h>.
"""

import hashlib
import struct
import sys

ARCHITECTURES = {"x86_64": 0x0100_0007, "arm64": 0x0100_000C}
EXECUTABLE, PIE = 2, 0x20_0000
LOAD_DYLIB, LOAD_WEAK_DYLIB, REEXPORT_DYLIB, RPATH, SIGNATURE = 0xC, 0x8000_0018, 0x8000_001F, 0x8000_001C, 0x1D
VERSION_MIN_MACOS, BUILD_VERSION, SYMTAB, SEGMENT = 0x24, 0x32, 0x2, 0x19
SUPER_BLOB, CODE_DIRECTORY, AD_HOC, SHA256 = 0xFADE_0CC0, 0xFADE_0C02, 0x2, 2


class Wrong(Exception):
    """It is not what it is to be."""


def commands(data):
    """Each load command with its bytes."""
    at, (count,) = 32, struct.unpack_from("<I", data, 16)
    for _ in range(count):
        command, size = struct.unpack_from("<II", data, at)
        yield command, data[at : at + size]
        at += size


def text_at(blob, offset):
    """A text that ends with a zero."""
    return blob[offset:].split(b"\0", 1)[0].decode()


def version(number):
    """11.0 of 0x000b0000."""
    return number >> 16, number >> 8 & 0xFF


def check_signature(data, offset, size):
    """That the hash of each page is the one which was signed for."""
    magic, _, count = struct.unpack_from(">III", data, offset)
    if magic != SUPER_BLOB:
        raise Wrong("its code signature cannot be read")
    directories = [
        offset + at
        for kind, at in struct.iter_unpack(">II", data[offset + 12 : offset + 12 + 8 * count])
        if kind == 0
    ]
    if len(directories) != 1:
        raise Wrong("its code signature has no directory")
    at = directories[0]
    magic, length, _, flags, hashes, _, _, pages, limit = struct.unpack_from(">9I", data, at)
    hash_size, hash_type, _, page_bits = struct.unpack_from("4B", data, at + 36)
    if (magic, hash_type, hash_size) != (CODE_DIRECTORY, SHA256, 32) or not flags & AD_HOC:
        raise Wrong("its code signature is of a kind that is not made here")
    if limit != offset or at + length > offset + size:
        raise Wrong("its code signature is not for the whole of it")
    page = 1 << page_bits
    if pages != -(-limit // page):
        raise Wrong("its code signature leaves pages out")
    for number in range(pages):
        signed = data[at + hashes + 32 * number : at + hashes + 32 * (number + 1)]
        if hashlib.sha256(data[number * page : min((number + 1) * page, limit)]).digest() != signed:
            raise Wrong(f"page {number} of it is not what was signed")
    return pages


def check(data, architecture, oldest):
    """All of it; says what it found."""
    magic, cpu, _, kind, _, _, flags = struct.unpack_from("<7I", data)
    if magic != 0xFEED_FACF or cpu != ARCHITECTURES[architecture] or kind != EXECUTABLE:
        raise Wrong(f"is no macOS program for {architecture}")
    if not flags & PIE:
        raise Wrong("is always loaded at the same address")
    minimum, pages, libraries, symbols = None, None, [], 0
    for command, blob in commands(data):
        if command == BUILD_VERSION:
            minimum = version(struct.unpack_from("<I", blob, 12)[0])
        elif command == VERSION_MIN_MACOS:
            minimum = version(struct.unpack_from("<I", blob, 8)[0])
        elif command in (LOAD_DYLIB, LOAD_WEAK_DYLIB, REEXPORT_DYLIB):
            libraries.append(text_at(blob, struct.unpack_from("<I", blob, 8)[0]))
        elif command == RPATH:
            raise Wrong("looks for libraries where it was built")
        elif command == SYMTAB:
            (symbols,) = struct.unpack_from("<I", blob, 12)
        elif command == SEGMENT and text_at(blob, 8) == "__DWARF":
            raise Wrong("is not stripped")
        elif command == SIGNATURE:
            pages = check_signature(data, *struct.unpack_from("<II", blob, 8))
    if minimum is None or minimum > tuple(map(int, oldest.split("."))):
        raise Wrong(f"is for macOS {minimum}, and is to run on {oldest}")
    for library in libraries:
        if not library.startswith(("/usr/lib/", "/System/Library/")):
            raise Wrong(f"needs {library}, which not every Mac has")
    # Macs with Intel start what nobody signed.
    if pages is None and architecture == "arm64":
        raise Wrong("has no code signature")
    return f"macOS {minimum[0]}.{minimum[1]}, {pages or 'no'} signed pages, {symbols} symbols, needs {' '.join(libraries)}"


if __name__ == "__main__":
    path, architecture, oldest = sys.argv[1:]
    with open(path, "rb") as file:
        data = file.read()
    try:
        print(f"{path}: {check(data, architecture, oldest)}")
    except (Wrong, struct.error) as wrong:
        sys.exit(f"{path}: {wrong}")
