/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/paths.h"
#include "agent/process.h"

/* What a VM inside this layer boots. Each 0 or -errno. */
#define NESTED_INITRD RUN_DIR "/nested.cpio"
#define NESTED_MIB    256 /* is enough for it */
#define NESTED_APPEND_MAX 320

/* Its kernel's command line, which follows this layer's, `own`. */
void nested_append(char ret[NESTED_APPEND_MAX]);
void nested_append_of(const char *own, char ret[NESTED_APPEND_MAX]);
/* This layer's own kernel. */
int nested_kernel(char path[128], struct trouble *t);
/* An initramfs of the agent, and of `modules`, unless it is there. */
int nested_initrd(const char *path, const char *modules, struct trouble *t);
/* Where a tiny guest of the initramfs is now: in a VM, or in a container. */
int nested_tiny(const char *name, char path[64], struct trouble *t);
