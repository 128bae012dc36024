/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "judge/rung.h"
#include "judge/verdict.h"

/*
 * A layer that has no interface to its TDX module but a paravisor's vTPM (Azure): what takes the
 * place of the rungs "bound", "registers", "eventlog" and "covers". Whether the quote is authentic
 * has been climbed already. The chain from our nonce to the quote: the TPM quote is over it and signed
 * by the AK; the AK is in the runtime data; their hash is the REPORTDATA of the paravisor's TDREPORT; of
 * that the TD quote was made. The registers are never equal to anything: the guest is not measured there.
 */
void vtpm_weigh(const struct layer_evidence *l, const struct quote *quote /* NULL: none */,
                time_t at, struct layer_verdict *v);
