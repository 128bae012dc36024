/* SPDX-License-Identifier: Apache-2.0 */
#include "run/release.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <openssl/crypto.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/cleanup.h"
#include "format/text.h"
#include "trust/seal.h"

struct release {
	sd_event_source *io;
	int fd;
	pid_t pid;
	struct release_verdict verdict;
	size_t got; /* bytes of it */
	release_over_fn over;
	void *owner;
};

/* ---- the process that judges ---- */
static void judge_and_end(int fd, release_fn judge, void *userdata, const struct boot_record *boot)
{
	struct release_verdict v = {.released = false};

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	judge(userdata, boot, &v);
	if (write(fd, &v, sizeof(v)) != sizeof(v)) /* fits into a pipe */
		_exit(1);
	_exit(0);
}

static int on_pipe(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
	struct release *r = userdata;
	ssize_t n = read(fd, (char *)&r->verdict + r->got, sizeof(r->verdict) - r->got);

	(void)source;
	(void)events;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n > 0)
		r->got += (size_t)n;
	if (n > 0 && r->got < sizeof(r->verdict))
		return 0;
	if (r->got < sizeof(r->verdict))
		r->verdict =
		        (struct release_verdict){.reason = "the process that was to judge it died"};
	r->io = sd_event_source_unref(r->io);
	r->over(&r->verdict, r->owner); /* may free `r` */
	return 0;
}

int release_start(sd_event *event, release_fn judge, void *userdata, const struct boot_record *boot,
                  release_over_fn over, void *owner, struct release **ret, struct err *e)
{
	struct release *r = calloc(1, sizeof(*r));
	int ends[2] = {-1, -1}, code;

	if (!r)
		return err_nomem(e);
	*r = (struct release){.fd = -1, .pid = -1, .over = over, .owner = owner};
	if (pipe2(ends, O_CLOEXEC) < 0 || (r->pid = fork()) < 0) {
		code = err_sys(e, -errno, "a process that judges");
		closep(&ends[0]), closep(&ends[1]);
		release_free(r);
		return code;
	}
	if (r->pid == 0)
		judge_and_end(ends[1], judge, userdata, boot);
	close(ends[1]);
	r->fd = ends[0];
	code = sd_event_add_io(event, &r->io, r->fd, EPOLLIN, on_pipe, r);
	if (code < 0) {
		release_free(r);
		return err_sys(e, code, "watching the process that judges");
	}
	*ret = r;
	return 0;
}

void release_free(struct release *r)
{
	if (!r)
		return;
	sd_event_source_unref(r->io);
	closep(&r->fd);
	if (r->pid > 0) {
		kill(r->pid, SIGKILL);
		waitpid(r->pid, NULL, 0);
	}
	free(r);
}

/* ---- the answer ---- */
static json_t *refusal(struct visit_record *visit, const char *reason)
{
	snprintf(visit->secret.reason, sizeof(visit->secret.reason), "%.230s", reason);
	return json_pack("{s:s}", "refused", "the harness does not release it");
}

static json_t *sealed(const uint8_t key[HPKE_KEY_SIZE], struct visit_record *visit, struct err *e)
{
	uint8_t secret[SECRET_SIZE], nonce[SECRET_NONCE_SIZE], bytes[SECRET_SEALED_SIZE];
	char text[BASE64_ENCODED_SIZE(SECRET_SEALED_SIZE)];
	char nonce_text[BASE64_ENCODED_SIZE(SECRET_NONCE_SIZE)];
	uint8_t info[HPKE_INFO_MAX];
	size_t info_size = secret_info(visit->nonce[visit->layers - 1], visit->cell_id, info);
	int r;

	if (getrandom(secret, sizeof(secret), 0) != sizeof(secret) ||
	    getrandom(nonce, sizeof(nonce), 0) != sizeof(nonce)) {
		err_sys(e, -errno, "getrandom");
		return NULL;
	}
	r = seal(key, info, info_size, nonce, sizeof(nonce), secret, bytes, e);
	if (r == 0)
		secret_proof(secret, nonce, visit->cell_id, visit->secret.proof);
	OPENSSL_cleanse(secret, sizeof(secret));
	if (r == -EBADMSG)
		return refusal(visit, e->text);
	if (r < 0)
		return NULL;
	visit->secret.released = true;
	base64_encode(bytes, sizeof(bytes), text);
	base64_encode(nonce, sizeof(nonce), nonce_text);
	return json_pack("{s:s, s:s}", "sealed", text, "nonce", nonce_text);
}

int release_answer(const struct release_verdict *v, struct visit_record *visit, char **ret_json,
                   struct err *e)
{
	json_t *o;

	visit->secret.answered = true;
	o = v->released ? sealed(v->key, visit, e) : refusal(visit, v->reason);
	if (o)
		*ret_json = json_dumps(o, JSON_COMPACT);
	else if (v->released)
		return e->code;
	json_decref(o);
	return o && *ret_json ? 0 : err_nomem(e);
}
