/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "format/bytes.h"
#include "format/code.h"

/*
 * Google's launch endorsement of a firmware, as gs://gce_tcb_integrity keeps it: protobuf of
 * google/gce-tcb-verifier's proto/endorsement.proto. VMLaunchEndorsement is { bytes golden = 1,
 * bytes signature = 2 }, and golden a VMGoldenMeasurement, of which this reads cert (4, DER), digest
 * (5), ca_bundle (6, PEM) and tdx (8): VMTdx { svn = 1, repeated { ram_gib = 1, early_accept = 2,
 * bytes mrtd = 3 } = 2 }. Fields that are not known are passed over, as protobuf has it.
 */
#define GCE_MRTDS_MAX 64

struct gce_mrtd {
	uint32_t ram_gib;
	bool early_accept;
	const uint8_t *mrtd; /* 48 bytes */
};

struct gce_endorsement { /* views */
	struct bytes golden, signature; /* RSA-PSS with SHA-256 over golden */
	struct bytes cert;              /* of the key that signed, DER */
	struct bytes ca_bundle;         /* PEM, root first */
	struct bytes digest;            /* SHA-384 of the firmware's file */
	uint64_t svn;
	bool has_tdx;
	struct gce_mrtd mrtd[GCE_MRTDS_MAX];
	size_t mrtds;
};

/* FORMAT_BAD_SIZE: a length that its field can't have; FORMAT_MISSING: no golden or no signature. */
enum format_code gce_parse(const void *data, size_t size, struct gce_endorsement *ret,
                           uint64_t *ret_offset);
