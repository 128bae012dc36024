# SPDX-License-Identifier: Apache-2.0
# The software TDX module: one flat binary that QEMU's loader places in RAM.
