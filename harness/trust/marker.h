/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TCEPTION_TRUST_MARKER_H
#define TCEPTION_TRUST_MARKER_H

/*
 * The marker extension that every certificate of a test authority carries; a UTF8String with
 * TRUST_MARKER_TEXT. The arc 2.25 needs no registration: below it stands a UUID as one decimal
 * number (ITU-T X.667), here d321af69-71d1-429d-aed6-e57bdbab8f57, drawn at random for tception;
 * 1 under it is this extension.
 */
#define TRUST_MARKER_OID  "2.25.280642010682811387725561082749249097559.1"
#define TRUST_MARKER_TEXT "EMULATED by tception: a test authority of one machine, not Intel's"

#endif
