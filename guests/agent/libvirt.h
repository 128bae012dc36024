/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * `agent domain SOCKET XML`: has libvirt start the domain; then stdin and stdout are those of the
 * line that is this socket, until the domain has ended. An exit status.
 */
#define DOMAIN_WORD "domain"
int domain_main(const char *line, const char *xml);
