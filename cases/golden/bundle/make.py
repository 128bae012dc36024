#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Makes the seeds beside it: bundles of three small files, whole and as somebody might change them (zstd packs one)."""
import hashlib
import io
import json
import pathlib
import subprocess
import tarfile

HERE = pathlib.Path(__file__).resolve().parent
FILES = {"boots/vm-1/channel.bin": b"TCEV" * 20, "cases.yaml": b"version: 1\n", "run.json": b"{}\n"}


def statement(files):
    return json.dumps({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": name, "digest": {"sha256": hashlib.sha256(data).hexdigest()}, "annotations": {"size": len(data)}}
                    for name, data in files.items()],
        "predicateType": "tag:tception.example,2026:run/v1",
        "predicate": {"run": "seed"}}).encode()


def archive(members):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name, data in members:
            info = tarfile.TarInfo(name)
            if isinstance(data, tuple):
                info.type, info.linkname = data
            else:
                info.size = len(data)
            tar.addfile(info, None if isinstance(data, tuple) else io.BytesIO(data))
    return out.getvalue()


def main():
    whole = [("statement.json", statement(FILES)), *FILES.items()]
    seeds = {
        "whole.tar": whole,
        "altered.tar": [*whole[:-1], ("run.json", b"[]\n")],
        "link.tar": [*whole[:-1], ("run.json", (tarfile.SYMTYPE, "/etc/passwd"))],
        "up.tar": [*whole, ("../run.json", b"{}\n")],
        "missing.tar": whole[:-1],
    }
    for name, members in seeds.items():
        (HERE / name).write_bytes(archive(members))
    packed = subprocess.run(["zstd", "-q", "-c", HERE / "whole.tar"], check=True, capture_output=True).stdout
    (HERE / "whole.tar.zst").write_bytes(packed)


if __name__ == "__main__":
    main()
