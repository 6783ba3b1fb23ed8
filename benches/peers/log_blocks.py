#!/usr/bin/env python3
"""How small blocks of lines become, by libzstd at level 1: plain, shrunk as the store does (times of day and hexadecimal
identifiers taken out), and as columns of templates and variables. `cargo bench --bench log_blocks` measures speeds.

    log_blocks.py FILE...       the first 32 MiB of each
"""
import ctypes, re, sys

Z = ctypes.CDLL("libzstd.so.1")
Z.ZSTD_compress.restype = ctypes.c_size_t
Z.ZSTD_compress.argtypes = [ctypes.c_char_p, ctypes.c_size_t, ctypes.c_char_p, ctypes.c_size_t, ctypes.c_int]
SPACE = ctypes.create_string_buffer(8 << 20)
WORD = re.compile(rb"[0-9A-Za-z]*[0-9][0-9A-Za-z]*")
IDENTIFIER = re.compile(rb"[0-9a-f]{16}")
TIME = re.compile(rb"\d\d:\d\d:\d\d(?:[.,]\d{9}|[.,]\d{6}|[.,]\d{3})?")


def packed(data):
    data = bytes(data)
    return min(Z.ZSTD_compress(SPACE, len(SPACE), data, len(data), 1), len(data))


def blocks(lines, most):
    block, size = [], 0
    for line in lines:
        if size + len(line) > most and block:
            yield block
            block, size = [], 0
        block.append(line)
        size += len(line)
    yield block


def plain(block):
    return packed(b"".join(block))


def shrunk(block):
    """Takes every time of day out, where the store takes only those that are the line's own."""
    ids, text = bytearray(), bytearray()

    def out(found):
        digits = found.group(0)
        letters = sum(97 <= b <= 102 for b in digits)
        if letters < 2 or letters == 16:
            return digits
        ids.extend(bytes.fromhex(digits.decode()))
        return b"\x02"

    for line in block:
        text += IDENTIFIER.sub(out, TIME.sub(b"\x01", line, count=1))
    return packed(text) + packed(ids)


def columns(block):
    """A variable is a run of letters and digits with a digit in it; one column for each place of each template."""
    known, templates, places, ids = {}, [], [], bytearray()
    for line in block:
        words, template = WORD.findall(line), WORD.sub(b"\x01", line)
        if template not in known:
            known[template] = len(templates)
            templates.append(template)
            places.append([bytearray() for _ in words])
        for place, word in zip(places[known[template]], words):
            place += word + b"\n"
        ids += known[template].to_bytes(2, "little")
    ends = b"".join(len(t).to_bytes(4, "little") for t in templates)
    variables = b"".join(bytes(p) for row in places for p in row)
    return sum(packed(part) for part in (b"".join(templates), ends, ids, variables))


for name in sys.argv[1:]:
    data = open(name, "rb").read()[: 32 << 20].replace(b"\x01", b"").replace(b"\x02", b"")
    lines = data.split(b"\n")
    size = sum(map(len, lines))
    for most in (256 << 10, 1 << 20):
        row = [f"{way.__name__} {size / sum(way(b) for b in blocks(lines, most)):.2f}" for way in (plain, shrunk, columns)]
        print(f"{name}, {size} bytes, blocks of {most >> 10} KiB: " + ", ".join(row), flush=True)
