/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/service.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

#include "core/cleanup.h"
#include "core/file.h"

int service_write(const struct authority *a, const char *root, const char *collateral,
                  struct err *e)
{
	_cleanup_(freep) char *bundle = NULL;
	const char *pem = authority_root_pem(a);
	int r;

	if (root && (r = file_write(root, pem, strlen(pem), e)) < 0)
		return r;
	if (!collateral)
		return 0;
	r = authority_bundle(a, time(NULL), &bundle, e);
	return r < 0 ? r : file_write(collateral, bundle, strlen(bundle), e);
}

int service_loop(sd_event **ret, struct err *e)
{
	sigset_t ends;
	int r;

	sigemptyset(&ends);
	sigaddset(&ends, SIGINT);
	sigaddset(&ends, SIGTERM);
	sigprocmask(SIG_BLOCK, &ends, NULL);
	if ((r = sd_event_default(ret)) < 0 ||
	    (r = sd_event_add_signal(*ret, NULL, SIGINT, NULL, NULL)) < 0 ||
	    (r = sd_event_add_signal(*ret, NULL, SIGTERM, NULL, NULL)) < 0)
		return err_sys(e, r, "event loop");
	return 0;
}
