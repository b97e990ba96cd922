/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/fetch.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "kube/http.h"

#define STATUS_MAX (16u << 10)

struct wd_fetch {
	struct wd_client *client;
	struct wd_http *http;
	struct wd_fetch_request request;
	char target[WD_HTTP_TARGET_MAX];
	struct wd_buf status; /* body of what is no 200 */
	bool again;           /* the second try after a 401 */
	char next[WD_FETCH_NEXT_MAX];
};

static void on_done(const struct wd_kube_failure *hf, void *ctx);

static int on_body(int status, const char *bytes, size_t n, void *ctx)
{
	struct wd_fetch *f = ctx;

	wd_client_answered(f->client);
	if (status == 200)
		return f->request.body(bytes, n, f->request.ctx);
	if (f->status.len + n <= STATUS_MAX)
		wd_buf_put(&f->status, bytes, n);
	return 0;
}

static int begin(struct wd_fetch *f)
{
	struct wd_http_request r = {
		.target = f->target,
		.idle_ms = f->request.idle_ms,
		.total_ms = f->request.total_ms,
		.body = on_body,
		.done = on_done,
		.ctx = f,
	};

	wd_buf_reset(&f->status);
	f->next[0] = '\0';
	return wd_http_get(f->http, &r);
}

static const char *meaning(int status)
{
	switch (status) {
	case 401:
		return "the API server does not accept whydrop's credentials (401)";
	case 403:
		return "the API server refuses (403)";
	case 404:
		return "the API server does not serve this (404)";
	case 410:
		return "the API server no longer knows this version (410)";
	case 429:
		return "the API server has too much to do (429)";
	default:
		return status / 100 == 3   ? "redirected elsewhere, which is not followed"
		       : status / 100 == 5 ? "the API server failed"
		                           : "the API server refuses the question";
	}
}

/* metav1.Status in words, or the beginning of whatever a proxy said in its place. */
static void answer_words(struct wd_fetch *f, struct wd_kube_failure *to)
{
	struct wd_kube_envelope e;
	char err[WD_PARSE_ERRLEN], number[16] = "";
	const char *text = f->status.len ? f->status.data : "";
	int n = f->status.len < 160 ? (int)f->status.len : 160;

	if (!strchr(meaning(to->status), '('))
		snprintf(number, sizeof(number), " (%d)", to->status);
	if (f->status.len &&
	    wd_parse_envelope(f->client->parse, text, f->status.len, &e, err) == 0 &&
	    strcmp(e.kind, "Status") == 0) {
		text = e.status.message;
		n = 320;
		if (!to->retry_after_s)
			to->retry_after_s = e.status.retry_after_s;
		snprintf(f->next, sizeof(f->next), "%s",
		         strlen(e.next) < sizeof(f->next) ? e.next : "");
	}
	wd_kube_failure_set(to, WD_KUBE_STAGE_ANSWER, to->status == 403 ? -EACCES : -EREMOTEIO,
	                    "%s%s%s%.*s", meaning(to->status), number, n && text[0] ? ": " : "", n,
	                    text);
}

static void on_done(const struct wd_kube_failure *hf, void *ctx)
{
	struct wd_fetch *f = ctx;
	struct wd_kube_failure out = *hf;

	if (out.stage == WD_KUBE_STAGE_MAX && out.status == 401 && !f->again) {
		f->again = true;
		if (begin(f) == 0)
			return;
	}
	if (out.stage == WD_KUBE_STAGE_MAX && out.status != 200)
		answer_words(f, &out);
	if (out.stage == WD_KUBE_STAGE_MAX)
		wd_client_answered(f->client);
	else if (out.error != -ECANCELED) /* the caller's own end */
		wd_client_failed(f->client, &out, wd_http_way(f->http));
	f->request.done(&out, f->request.ctx);
}

int wd_fetch_get(struct wd_fetch *f, const struct wd_fetch_request *r)
{
	if (strlen(r->target) >= sizeof(f->target))
		return -ENAMETOOLONG;
	if (r->target != f->target)
		snprintf(f->target, sizeof(f->target), "%s", r->target);
	f->request = *r;
	f->request.target = f->target;
	f->again = false;
	return begin(f);
}

void wd_fetch_set_deadlines(struct wd_fetch *f, unsigned int idle_ms, unsigned int total_ms)
{
	wd_http_set_deadlines(f->http, idle_ms, total_ms);
}

const char *wd_fetch_next(const struct wd_fetch *f)
{
	return f->next;
}

int wd_fetch_escape(char *buf, size_t size, const char *text)
{
	static const char hex[] = "0123456789ABCDEF";
	size_t n = 0;

	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if (n + 4 > size)
			return -ENAMETOOLONG;
		if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		    strchr("-._~", c)) {
			buf[n++] = (char)c;
		} else {
			buf[n++] = '%';
			buf[n++] = hex[c >> 4];
			buf[n++] = hex[c & 15];
		}
	}
	if (n >= size)
		return -ENAMETOOLONG;
	buf[n] = '\0';
	return (int)n;
}

int wd_fetch_new(struct wd_client *client, struct wd_fetch **ret)
{
	struct wd_fetch *f = calloc(1, sizeof(*f));
	int r;

	if (!f)
		return -ENOMEM;
	f->client = client;
	wd_buf_init(&f->status, STATUS_MAX);
	r = wd_http_new(&client->way, client->credential, &f->http);
	if (r)
		free(f);
	else
		*ret = f;
	return r;
}

void wd_fetch_free(struct wd_fetch *f)
{
	if (!f)
		return;
	wd_http_free(f->http);
	wd_buf_release(&f->status);
	free(f);
}
