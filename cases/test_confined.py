# SPDX-License-Identifier: Apache-2.0
"""A library that dies of a disk's or firmware's bytes costs the registers that need it, and nothing else.

Libraries of the same name stand in for the real ones and die in harmless ways.
"""
import json
import os
import subprocess

import pytest

from conftest import GOLDEN, tception

FIRMWARE = GOLDEN / "measure/tiny.fd"
DISK = GOLDEN / "grub/grub.qcow2"
TRAP, LEAVE = "__builtin_trap();", "_exit(0);"
SYMBOLS = {
    "libext2fs.so.2": ["open2", "namei_follow", "read_inode", "bmap2"],
    "libarchive.so.13": ["read_new", "read_support_filter_lzma", "read_support_format_raw", "read_support_format_cpio",
                         "read_open_memory", "read_next_header", "read_data", "filter_code", "entry_pathname",
                         "entry_filetype", "entry_size"],
}


def stand_in(folder, library, body):
    prefix = library.split(".")[0].removeprefix("lib") + "_"
    code = "#include <unistd.h>\n" + "".join(f"int {prefix}{name}(void) {{ {body} return 0; }}\n" for name in SYMBOLS[library])
    subprocess.run(["gcc", "-shared", "-fPIC", "-o", folder / library, "-xc", "-"], input=code.encode(), check=True)
    return {**os.environ, "LD_LIBRARY_PATH": str(folder)}


@pytest.mark.parametrize("body, said", [(TRAP, "died of signal"), (LEAVE, "ended")], ids=["trap", "leave"])
def test_file_system(tmp_path, body, said):
    done = tception("measure", "rtmr", "--json", "--firmware", FIRMWARE, "--disk", DISK,
                    env=stand_in(tmp_path, "libext2fs.so.2", body))
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    for register in (1, 2):
        assert told["rtmr"][register] is None
        assert told["unknown"][register].startswith("damaged file system (ext4): its reader " + said)
        assert "\n" not in told["unknown"][register]
    assert told["rtmr"][3] == "00" * 48
    assert told["mrtd"]["single_pass"]


@pytest.mark.parametrize("body, said", [(TRAP, "died of signal"), (LEAVE, "ended")], ids=["trap", "leave"])
def test_firmware(tmp_path, body, said):
    done = tception("measure", "rtmr", "--json", "--firmware", FIRMWARE, env=stand_in(tmp_path, "libarchive.so.13", body))
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    for register in range(4):
        assert told["rtmr"][register] is None
        assert told["unknown"][register].startswith("firmware volume: a section: damaged LZMA stream: its reader " + said)
    assert told["mrtd"]["single_pass"]
