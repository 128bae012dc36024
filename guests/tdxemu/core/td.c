/* SPDX-License-Identifier: Apache-2.0 */
#include "tdxemu/core/td.h"

#include <string.h>

#include "format/sha2.h"
#include "format/tdx.h"

/* x87, SSE, AVX: the user states that TCG can give; SSE and x87 are fixed 1. */
#define XFAM 0x7ull

/* TDX.VALID of a 1.5 module: which members of TEE_TCB_INFO are filled. */
static const uint8_t tcb_valid[8] = {0xff, 0x01, 0x03};

/*
 * TEE_TCB_SVN[1] is the module's major version: 1 means "1.5, look at module identities". SVN 0
 * with it is lower than any module that Intel ever signed.
 */
static const uint8_t tcb_svn[16] = {0x00, 0x01};

/* TD_UUID: another one for each TD, as the MAC key is; nothing can be told of the key by it. */
static void make_uuid(struct td *td)
{
	static const char label[] = "TD_UUID";
	uint8_t text[sizeof(label) + sizeof(td->mac_key)], digest[SHA384_SIZE];

	memcpy(text, label, sizeof(label));
	memcpy(text + sizeof(label), td->mac_key, sizeof(td->mac_key));
	sha384(text, sizeof(text), digest);
	memset(text, 0, sizeof(text));
	memcpy(td->uuid, digest, sizeof(td->uuid));
}

void td_init(struct td *td, const struct tdxemu_config *config, const struct td_port *port,
             struct tdxemu_mailbox *mailbox)
{
	memset(td, 0, sizeof(*td));
	td->port = port;
	td->mailbox = mailbox;
	td->vcpus = config->vcpus;
	td->flags = config->flags;
	td->tsc_khz = config->tsc_khz;
	td->info.attributes = config->attributes;
	td->info.xfam = XFAM;
	memcpy(td->info.mrconfigid, config->mrconfigid, sizeof(td->info.mrconfigid));
	memcpy(td->info.mrowner, config->mrowner, sizeof(td->info.mrowner));
	memcpy(td->info.mrownerconfig, config->mrownerconfig, sizeof(td->info.mrownerconfig));
	memcpy(td->mac_key, config->mac_key, sizeof(td->mac_key));
	make_uuid(td);
	td->td_ctls = TD_CTLS_REDUCE_VE; /* from the start, as lkvs' tests expect a TD to be */
	if (config->attributes & TDX_ATTR_SEPT_VE_DISABLE)
		td->td_ctls |= TD_CTLS_PENDING_VE_DISABLE;
}

void td_report(const struct td *td, const uint8_t report_data[TDREPORT_DATA_SIZE],
               struct tdreport *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->mac.type = 0x81;
	ret->mac.version = 0; /* a TDX 1.5 module says 1 only of a TD with service TDs */
	memcpy(ret->mac.report_data, report_data, sizeof(ret->mac.report_data));
	memcpy(ret->tcb.valid, tcb_valid, sizeof(tcb_valid));
	memcpy(ret->tcb.tee_tcb_svn, tcb_svn, sizeof(tcb_svn));
	memcpy(ret->tcb.tee_tcb_svn2, tcb_svn, sizeof(tcb_svn));
	if (td->flags & TDXEMU_FLAG_UPDATED)
		ret->tcb.tee_tcb_svn2[0]++;
	memcpy(ret->tcb.mrseam, TDX_EMULATED_MRSEAM, sizeof(TDX_EMULATED_MRSEAM) - 1);
	memcpy(ret->tcb.mrsignerseam, TDX_EMULATED_MRSIGNERSEAM,
	       sizeof(TDX_EMULATED_MRSIGNERSEAM) - 1);
	ret->td = td->info;
	tdreport_seal(ret, td->mac_key, sizeof(td->mac_key));
}
