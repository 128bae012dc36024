/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "core/argv.h"
#include "core/err.h"
#include "format/bytes.h"

/*
 * A domain of libvirt (formatdomain.html), as `virsh dumpxml` gives it, made the QEMU command line
 * that libvirt starts, as far as the machine goes. libxml2 reads it in a confined process. A device
 * that is not known here becomes "-device libvirt-NAME", which nobody takes for one that is.
 */
int machine_xml_read(struct bytes xml, struct argv *ret, struct err *e);
