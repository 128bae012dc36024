/* SPDX-License-Identifier: Apache-2.0 */
#include "case/case.h"

const char *const grade_names[5] = {
        [GRADE_NONE] = "none",         [GRADE_REPORT] = "report",   [GRADE_QUOTE] = "quote",
        [GRADE_VERIFIED] = "verified", [GRADE_COVERED] = "covered",
};

const char *const kvm_state_names[8] = {
        [KVM_UNKNOWN] = "unknown", [KVM_NO_CONFIG] = "no-config", [KVM_NO_MODULE] = "no-module",
        [KVM_NO_CPU] = "no-cpu",   [KVM_NO_NODE] = "no-node",     [KVM_DENIED] = "denied",
        [KVM_BROKEN] = "broken",   [KVM_WORKS] = "works",
};

const char *const rung_names[RUNG_COUNT] = {
        [RUNG_DEVICE] = "device",       [RUNG_TDREPORT] = "tdreport", [RUNG_PROVIDER] = "provider",
        [RUNG_QUOTE] = "quote",         [RUNG_PARSED] = "parsed",     [RUNG_BOUND] = "bound",
        [RUNG_REGISTERS] = "registers", [RUNG_CHAIN] = "chain",       [RUNG_EVENTLOG] = "eventlog",
        [RUNG_PREDICTED] = "predicted", [RUNG_TCB] = "tcb",           [RUNG_CONFORMS] = "conforms",
        [RUNG_COVERS] = "covers",       [RUNG_SECRET] = "secret",
};

const char *const secret_state_names[5] = {
        [SECRET_NOT_ASKED] = "not-asked",
        [SECRET_ASKED] = "asked",
        [SECRET_RELEASED] = "released",
        [SECRET_REFUSED] = "refused",
        [SECRET_LOST] = "lost",
};
