/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Where things are, in every layer that the agent is in. */
#define AGENT_VERSION "0.1"
#define RUN_DIR       "/run/tception"    /* tmpfs: the agent's own files in a VM */
#define MODULES_DIR   RUN_DIR "/modules" /* of the initramfs, for that of a nested VM */
#define ROOTLESS_HOME "/home/tception"   /* of ROOTLESS_UID */

/* The file that is this agent, for copies: /proc/self/exe works without knowing its name. */
#define AGENT_FILE "/proc/self/exe"
/* The tiny nested guests, from the initramfs: in a VM in RUN_DIR, in a container at its root. */
#define TINY_FILE       "tiny.elf"
#define TINY_RISCV_FILE "tiny-riscv64.elf"
/* The program that says whether a TD is as it should be, in the same places. */
#define CONFORMANCE_FILE "conformance"
