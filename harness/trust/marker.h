/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The marker extension that every certificate of a test authority carries; a UTF8String with
 * TRUST_MARKER_TEXT. Below 1.2.840.113556.1.8000.2554 Microsoft lets everybody allocate without
 * registration, by a UUID of their own written as seven numbers of 16 or 24 bits ("Obtaining an
 * Object Identifier from Microsoft"): here d321-af69-71d1-429d-aed6-e57bdb-ab8f57, drawn at random
 * for tception; 1 under it is this extension. No arc reaches 2^31, which parsers of Go, GnuTLS and
 * Rust can't read, and the whole has 35 bytes, of the 39 that some take.
 */
#define TRUST_MARKER_OID \
	"1.2.840.113556.1.8000.2554.54049.44905.29137.17053.44758.15039451.11243351.1"
/* The same UUID as one number (ITU-T X.667): certificates made before are still known by it. */
#define TRUST_MARKER_OID_OLD "2.25.280642010682811387725561082749249097559.1"
#define TRUST_MARKER_TEXT    "EMULATED by tception: a test authority of one machine, not Intel's"
