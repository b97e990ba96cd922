/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/credential.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "kube/exec.h"
#include "kube/file.h"

/* Before it expires: a request on its way, and clocks that disagree. */
#define EARLY_S 10
/* A plugin that fails is not run again for each of those who wait. */
#define PAUSE_S 2

struct wd_credential {
	struct event_base *loop;
	const struct wd_kube_config *config;
	struct event *serve; /* those who wait */
	struct wd_credential_wait *first, **tail;

	struct wd_exec *exec; /* runs now */
	struct wd_exec_credential given;
	bool have; /* given holds */
	uint64_t generation;
	struct wd_kube_failure failure; /* of the last run */
	time_t failed;                  /* monotonic; 0 it did not */

	char *token; /* read from the file */
};

static time_t monotonic(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + 1;
}

static void token_drop(struct wd_credential *c)
{
	if (c->token)
		explicit_bzero(c->token, strlen(c->token));
	free(c->token);
	c->token = NULL;
}

/* ---- the plugin ----------------------------------------------------------------------------- */

static bool given_holds(const struct wd_credential *c)
{
	return c->have && (!c->given.expires || c->given.expires > time(NULL) + EARLY_S);
}

static void on_exec(int err, struct wd_exec_credential *given, const char *words, void *ctx)
{
	struct wd_credential *c = ctx;

	if (err) {
		wd_kube_failure_set(&c->failure, WD_KUBE_STAGE_CREDENTIAL, err, "%s", words);
		c->failed = monotonic();
	} else {
		wd_exec_credential_release(&c->given);
		c->given = *given;
		c->have = true;
		c->generation++;
		c->failed = 0;
	}
	if (!err && !given_holds(c)) {
		wd_kube_failure_set(&c->failure, WD_KUBE_STAGE_CREDENTIAL, -ESTALE,
		                    "plugin %.200s gives a credential that has already expired",
		                    c->config->exec->command);
		c->failed = monotonic();
	}
	wd_exec_free(c->exec);
	c->exec = NULL;
	event_active(c->serve, EV_TIMEOUT, 0);
}

/* 0: it has begun, or goes on. */
static int exec_begin(struct wd_credential *c)
{
	int r;

	if (c->exec)
		return 0;
	r = wd_exec_start(c->loop, c->config, WD_EXEC_MS, on_exec, c, &c->exec);
	if (r) {
		wd_kube_failure_set(&c->failure, WD_KUBE_STAGE_CREDENTIAL, r,
		                    "plugin %.200s cannot be run: %s", c->config->exec->command,
		                    strerror(-r));
		c->failed = monotonic();
	}
	return r;
}

/* ---- those who wait ------------------------------------------------------------------------- */

static int token_read(struct wd_credential *c, struct wd_kube_failure *f)
{
	const char *why = NULL;
	char *token;
	size_t n;
	int r = wd_kube_file_read(c->config->root, c->config->token_path, WD_KUBE_TOKEN_MAX, &token,
	                          &n);

	if (!r) {
		token_drop(c);
		c->token = token;
		r = wd_kube_token_check(token, &why);
	}
	if (r)
		wd_kube_failure_set(f, WD_KUBE_STAGE_CREDENTIAL, r, "token file %.300s: %s",
		                    c->config->token_path, why ? why : strerror(-r));
	return r;
}

static struct wd_credential_wait *take_first(struct wd_credential *c)
{
	struct wd_credential_wait *w = c->first;

	c->first = w->next;
	if (!c->first)
		c->tail = &c->first;
	w->queued = false;
	return w;
}

/* Precedence as in client-go: a token of the configuration, then the plugin. */
static void serve_one(struct wd_credential *c)
{
	struct wd_kube_failure f = {.stage = WD_KUBE_STAGE_MAX};
	struct wd_identity id = {.generation = c->generation};
	struct wd_credential_wait *w = take_first(c);
	int r = 0;

	if (c->config->token_path)
		r = token_read(c, &f);
	id.token = c->config->token_path ? c->token : c->config->token;
	if (!r && c->config->exec) {
		if (!given_holds(c)) {
			w->done(NULL, &c->failure, w->ctx);
			return;
		}
		if (!id.token)
			id.token = c->given.token;
		id.cert = c->given.cert;
		id.key = c->given.key;
	}
	w->done(r ? NULL : &id, &f, w->ctx);
}

static void on_serve(evutil_socket_t fd, short what, void *ctx)
{
	struct wd_credential *c = ctx;
	unsigned int n = 0;

	(void)fd;
	(void)what;
	/* those who come meanwhile have their turn in the next round */
	for (struct wd_credential_wait *w = c->first; w; w = w->next)
		n++;
	while (n-- && c->first) {
		bool due = c->config->exec && !given_holds(c) &&
		           (!c->failed || monotonic() >= c->failed + PAUSE_S);

		if (due && exec_begin(c) == 0)
			return; /* on_exec() goes on */
		serve_one(c);
	}
	if (c->first)
		event_active(c->serve, EV_TIMEOUT, 0);
}

int wd_credential_get(struct wd_credential *c, struct wd_credential_wait *w)
{
	w->next = NULL;
	w->queued = true;
	*c->tail = w;
	c->tail = &w->next;
	if (!c->exec)
		event_active(c->serve, EV_TIMEOUT, 0);
	return 0;
}

void wd_credential_cancel(struct wd_credential *c, struct wd_credential_wait *w)
{
	struct wd_credential_wait **at = &c->first;

	if (!w->queued)
		return;
	while (*at && *at != w)
		at = &(*at)->next;
	if (*at)
		*at = w->next;
	c->tail = &c->first;
	while (*c->tail)
		c->tail = &(*c->tail)->next;
	w->queued = false;
}

void wd_credential_refused(struct wd_credential *c, uint64_t generation)
{
	if (generation == c->generation)
		c->have = false;
}

int wd_credential_new(struct event_base *loop, const struct wd_kube_config *config,
                      struct wd_credential **ret)
{
	struct wd_credential *c = calloc(1, sizeof(*c));

	if (!c)
		return -ENOMEM;
	c->loop = loop;
	c->config = config;
	c->tail = &c->first;
	c->serve = event_new(loop, -1, 0, on_serve, c);
	if (!c->serve) {
		free(c);
		return -ENOMEM;
	}
	*ret = c;
	return 0;
}

void wd_credential_free(struct wd_credential *c)
{
	if (!c)
		return;
	wd_exec_free(c->exec);
	wd_exec_credential_release(&c->given);
	token_drop(c);
	event_free(c->serve);
	free(c);
}
