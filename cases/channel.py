# SPDX-License-Identifier: Apache-2.0
"""A run's folder as a forger would change it: frames of channel.bin, visits of run.json."""
import base64
import hashlib
import json
import shutil
import struct

HEADER = struct.Struct("<4sHHII")
FACT, BLOB, REPORT, RELAY = 17, 19, 20, 22


class Frames(list):
    """[type, sequence, payload bytes] of one layer's channel."""

    @classmethod
    def parse(cls, data):
        frames, at = cls(), 0
        while at < len(data):
            magic, kind, flags, sequence, length = HEADER.unpack_from(data, at)
            assert magic == b"TCF1" and flags == 0
            at += HEADER.size
            frames.append([kind, sequence, data[at:at + length]])
            at += length
        assert at == len(data)
        return frames

    def bytes(self):
        return b"".join(HEADER.pack(b"TCF1", kind, 0, sequence, len(payload)) + payload
                        for kind, sequence, payload in self)

    def change(self, kind, match, edit):
        """Lets `edit` change the object of the one frame of this type that has these members."""
        found = 0
        for frame in self:
            if frame[0] != kind:
                continue
            body = json.loads(frame[2])
            if all(body.get(name) == value for name, value in match.items()):
                edit(body)
                frame[2] = json.dumps(body).encode()
                found += 1
        assert found == 1, f"{found} frames of type {kind} with {match}"

    def child(self):
        """The bytes that the layer's child sent."""
        return b"".join(base64.b64decode(json.loads(p)["data"]) for k, _, p in self if k == RELAY)

    def set_child(self, data):
        """Puts other bytes into the first RELAY and empties the rest."""
        for frame in self:
            if frame[0] == RELAY:
                body = json.loads(frame[2])
                body["data"] = base64.b64encode(data).decode()
                data = b""
                frame[2] = json.dumps(body).encode()
        assert not data, "no RELAY to put it in"


class Folder:
    """A copy of a run's folder whose evidence can be changed."""

    def __init__(self, source, copy):
        shutil.copytree(source, copy)
        self.path = copy
        self.run = json.loads((copy / "run.json").read_text())

    def visit(self, cell):
        """The boot and the index of the last visit of this cell."""
        found = [(boot, i) for boot in self.run["boots"]
                 for i, visit in enumerate(boot["visits"]) if visit["cell"] == cell]
        assert found, f"no visit of {cell}"
        return found[-1]

    def edit(self, cell, change):
        """Lets `change` work on layer 0's frames of this cell's visit."""
        boot, index = self.visit(cell)
        file = self.path / "boots" / boot["id"] / "channel.bin"
        data = file.read_bytes()
        visit = boot["visits"][index]
        frames = Frames.parse(data[visit["begin"]:visit["end"]])
        change(frames)
        new = frames.bytes()
        file.write_bytes(data[:visit["begin"]] + new + data[visit["end"]:])
        grown = len(new) - (visit["end"] - visit["begin"])
        for reading in boot["clock"]:
            reading["at"] += grown if reading["at"] >= visit["end"] else 0
        visit["end"] += grown
        for later in boot["visits"][index + 1:]:
            later["begin"] += grown
            later["end"] += grown
        self.save()

    def edit_child(self, cell, change):
        """The same for the frames of layer 1."""
        def work(frames):
            inner = Frames.parse(frames.child())
            change(inner)
            frames.set_child(inner.bytes())
        self.edit(cell, work)

    def save(self):
        """With the digests of the changed evidence, as if it had come so."""
        for boot in self.run["boots"]:
            data, at = (self.path / "boots" / boot["id"] / "channel.bin").read_bytes(), 0
            for visit in boot["visits"]:
                if "evidence" in visit:
                    visit["evidence"] = digest(data[at:visit["end"]])
                    at = visit["end"]
            if "tail" in boot:
                boot["tail"] = digest(data[at:])
        (self.path / "run.json").write_text(json.dumps(self.run))


def digest(data):
    return {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}


def flip(body, offset, member="data"):
    """Flips a bit of a base64 member."""
    data = bytearray(base64.b64decode(body[member]))
    data[offset] ^= 1
    body[member] = base64.b64encode(bytes(data)).decode()
