/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "core/err.h"
#include "format/guid.h"
#include "format/quote.h"

/*
 * The UEFI variables stored in a firmware image: edk2's authenticated variable store
 * (MdeModulePkg/Include/Guid/VariableFormat.h) in the volume that the TDVF's CFV section holds.
 */
struct variable {
	const uint8_t *guid; /* GUID_SIZE bytes; all views are into the volume */
	struct bytes name;   /* UTF-16, without the NUL */
	struct bytes data;
};

struct variable_store {
	struct variable *item;
	size_t count;
};

/*
 * A volume without a store (erased flash) has no variables: 0 with an empty list. -EBADMSG when a
 * store is there but damaged. `name` in variable_find() is ASCII.
 */
int variable_store_read(struct bytes volume, struct variable_store *ret, struct err *e);
void variable_store_done(struct variable_store *s);
const struct variable *variable_find(const struct variable_store *s, const uint8_t *guid,
                                     const char *name);

/* Marks the variable as deleted whose `guid` is here, in a copy of the volume that may be written. */
void variable_delete(uint8_t *guid);

/* Whether that is its name, in ASCII. */
bool variable_is(const struct variable *v, const char *name);

extern const uint8_t guid_global_variable[GUID_SIZE];    /* 8be4df61-93ca-11d2-aa0d-00e098032b8c */
extern const uint8_t guid_image_security[GUID_SIZE];     /* d719b2cb-3d3a-4596-a3bc-dad00e67656f */
extern const uint8_t guid_secure_boot_enable[GUID_SIZE]; /* f0a30bc7-af08-4556-99c4-... */
