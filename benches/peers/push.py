#!/usr/bin/env python3
"""The data of gen_om.py by remote write: 10 M samples in ten requests, each of all 5,000 series over 200 scrapes.

    push.py URL                 waits for the server; prints samples a second, durable when answered
"""
import http.client, struct, sys, time, urllib.parse
import numpy as np
from common import *
from fake_exporter import Target

START, SCRAPES, STEP, TARGETS, SERIES = 1_795_132_800, 2000, 15, 10, 500


def varint(n):
    out = bytearray()
    while n > 127:
        out.append(n & 127 | 128)
        n >>= 7
    return bytes(out) + bytes([n])


def field(number, body):
    return varint(number << 3 | 2) + varint(len(body)) + body


def literal(body):
    """A snappy block that holds its body as it is."""
    out = [varint(len(body))]
    for at in range(0, len(body), 1 << 16):
        piece = body[at:at + (1 << 16)]
        out += [b"\xf4" + struct.pack("<H", len(piece) - 1), piece]
    return b"".join(out)


def times():
    """Tag and six bytes of varint for each time in milliseconds."""
    out = np.zeros((SCRAPES, 7), np.uint8)
    ms = (START + STEP * np.arange(SCRAPES, dtype=np.uint64)) * 1000
    out[:, 0] = 0x10
    for i in range(6):
        out[:, i + 1] = (ms >> np.uint64(7 * i)) & np.uint64(127) | np.uint64(128 if i < 5 else 0)
    return out


def everything():
    """For each series its labels, and its samples as 18 bytes each."""
    out, stamps = [], times()
    for i in range(TARGETS):
        target = Target(i, SERIES)
        values = np.empty((SCRAPES, SERIES))
        for k in range(SCRAPES):
            shown = target.values(START + k * STEP).tolist()
            values[k] = [float(f % v) for f, v in zip(target.fmt, shown)]
        for n, (name, labels) in enumerate(zip(target.names, target.labels)):
            samples = np.zeros((SCRAPES, 18), np.uint8)
            samples[:, 0], samples[:, 1], samples[:, 2], samples[:, 11:] = 0x12, 16, 0x09, stamps
            samples[:, 3:11] = np.ascontiguousarray(values[:, n]).astype("<f8").view(np.uint8).reshape(SCRAPES, 8)
            pairs = dict(pair.split("=", 1) for pair in labels.replace('"', "").split(",") if pair)
            pairs.update(__name__=name, instance=f"10.0.0.{i + 1}:9100", job="node")
            named = b"".join(field(1, field(1, k.encode()) + field(2, v.encode())) for k, v in sorted(pairs.items()))
            out.append((named, samples))
    return out


connection = http.client.HTTPConnection(urllib.parse.urlparse(sys.argv[1]).netloc, timeout=300)
series, took, each = everything(), 0.0, SCRAPES // 10
show(made=len(series) * SCRAPES)
wait_for(sys.argv[1] + "/-/ready")  # it may be started only now
for at in range(0, SCRAPES, each):
    body = literal(b"".join(field(1, named + samples[at:at + each].tobytes()) for named, samples in series))
    begin = time.perf_counter()
    connection.request("POST", "/api/v1/write", body, {"Content-Encoding": "snappy", "Content-Type": "application/x-protobuf"})
    answer = connection.getresponse()
    said = answer.read()
    took += time.perf_counter() - begin
    if answer.status != 204:
        sys.exit(f"{answer.status} {said[:300]}")
show(pushed=len(series) * SCRAPES, seconds=took, samples_per_s=len(series) * SCRAPES / took)
