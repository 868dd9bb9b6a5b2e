#!/usr/bin/env python3
"""Packs an image as the partition `system` of a super image or of an update payload whose operations are xz (packages.py super|payload
IMAGE FOLDER). The layouts are those of fixtures/containers/disks.py; this one does not hold all of it in memory."""
import hashlib, lzma, os, struct, sys
from concurrent.futures import ProcessPoolExecutor

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../../fixtures/containers"))
from disks import BLOCK, extent, geometry, metadata, number, text

# What one operation makes, as update tools cut it.
OPERATION_LEN = 2 << 20
REPLACE, ZERO, REPLACE_XZ = 0, 6, 8


def parts(image):
    with open(image, "rb") as file:
        while part := file.read(OPERATION_LEN):
            yield part


def packed(part):
    if not part.strip(b"\0"):
        return ZERO, b""
    data = lzma.compress(part, format=lzma.FORMAT_XZ, check=lzma.CHECK_CRC32, preset=1)
    return (REPLACE_XZ, data) if len(data) < len(part) else (REPLACE, part)


def payload(image, folder):
    operations, whole, at, offset = [], hashlib.sha256(), 0, 0
    with open(f"{folder}/blob", "wb") as blob, ProcessPoolExecutor() as pool:
        for part in parts(image):
            whole.update(part)
        for kind, data in pool.map(packed, parts(image), chunksize=4):
            blocks = min(OPERATION_LEN, os.path.getsize(image) - at) // BLOCK
            operation = number(1, kind)
            if data:
                operation += number(2, offset) + number(3, len(data))
            operation += text(6, extent(at // BLOCK, blocks))
            if data:
                operation += text(8, hashlib.sha256(data).digest())
            operations.append(text(8, operation))
            blob.write(data)
            at, offset = at + OPERATION_LEN, offset + len(data)
    info = number(1, os.path.getsize(image)) + text(2, whole.digest())
    update = text(13, text(1, b"system") + text(7, info) + b"".join(operations))
    manifest = number(3, BLOCK) + number(12, 0) + update
    with open(f"{folder}/payload.bin", "wb") as target, open(f"{folder}/blob", "rb") as blob:
        target.write(b"CrAU" + struct.pack(">QQI", 2, len(manifest), 0) + manifest)
        while data := blob.read(1 << 20):
            target.write(data)
    os.remove(f"{folder}/blob")


def super_image(image, folder):
    first = (1 << 20) // 512
    sectors = os.path.getsize(image) // 512
    table = metadata([(b"system", 1, 0, 1)], [(sectors, 0, first, 0)], [b"super"], 0, first)
    head = bytes(4096) + geometry(65536, 2) * 2 + b"".join([table.ljust(65536, b"\0")] * 4)
    with open(f"{folder}/super.img", "wb") as target:
        target.write(head.ljust(1 << 20, b"\0"))
        for part in parts(image):
            target.seek(len(part), os.SEEK_CUR) if not part.strip(b"\0") else target.write(part)
        target.truncate((1 << 20) + os.path.getsize(image))


{"payload": payload, "super": super_image}[sys.argv[1]](*sys.argv[2:4])
