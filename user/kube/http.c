/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/http.h"

#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/clock.h"

/* Records of TLS are no longer. */
#define PIECE (16u << 10)
/* Of one connection in a row, before others have their turn. */
#define PIECES_MAX 16
/* An idle connection is kept that long. */
#define KEEP_S 60

enum phase {
	PHASE_IDLE,
	PHASE_IDENTITY,
	PHASE_DIAL,
	PHASE_SEND,
	PHASE_HEAD,
	PHASE_BODY,
};

struct wd_http {
	const struct wd_dial_env *const *ways;
	const struct wd_dial_env *env; /* of this connection */
	struct wd_credential *credential;
	struct wd_credential_wait wait;
	struct wd_dial *dial;
	struct wd_link link;
	struct event *io, *timer;
	enum phase phase;

	struct wd_http_request request;
	char target[WD_HTTP_TARGET_MAX];
	struct wd_buf head; /* of the request: holds the token while it is sent */
	size_t sent;
	bool reused;             /* the connection served a request before */
	uint64_t generation;     /* of the identity */
	uint64_t heard, started; /* monotonic ns */
	struct wd_kube_failure failure;
	struct wd_response response;
};

static void begin(struct wd_http *h);
static void body_timer(struct wd_http *h);
static void await(struct wd_http *h, short want);

/* ---- ends ----------------------------------------------------------------------------------- */

static void io_drop(struct wd_http *h)
{
	if (h->io)
		event_free(h->io);
	h->io = NULL;
}

static void link_drop(struct wd_http *h)
{
	io_drop(h);
	wd_link_close(&h->link);
}

static void head_drop(struct wd_http *h)
{
	if (h->head.data)
		explicit_bzero(h->head.data, h->head.len);
	wd_buf_reset(&h->head);
}

static void timer_set(struct wd_http *h, uint64_t ms)
{
	struct timeval tv = {(time_t)(ms / 1000), (suseconds_t)(ms % 1000 * 1000)};

	event_add(h->timer, &tv);
}

/* Into the state between requests. */
static void rest(struct wd_http *h, bool keep)
{
	wd_credential_cancel(h->credential, &h->wait);
	wd_dial_free(h->dial);
	h->dial = NULL;
	head_drop(h);
	h->phase = PHASE_IDLE;
	event_del(h->timer);
	if (!keep || h->link.fd < 0) {
		link_drop(h);
		return;
	}
	/* whatever comes now is its end */
	h->reused = true;
	timer_set(h, KEEP_S * 1000);
	await(h, EV_READ);
}

static void finish(struct wd_http *h, bool keep)
{
	void (*done)(const struct wd_kube_failure *f, void *ctx) = h->request.done;
	struct wd_kube_failure f = h->failure;

	if (h->link.fd >= 0) {
		f.ip = h->link.ip;
		f.port = h->link.port;
	}
	rest(h, keep);
	done(&f, h->request.ctx);
}

static void place_words(const struct wd_http *h, char words[WD_ENDPOINT_STRLEN])
{
	wd_endpoint_format(&h->link.ip, h->link.port, words);
}

/* The connection failed with a request on it. */
static void broken(struct wd_http *h, int error)
{
	bool body = h->phase == PHASE_BODY;
	char at[WD_ENDPOINT_STRLEN];

	/* an idle connection that the server closes meets our next request: not a failure */
	if (h->reused && !body && h->response.head == 0 && error != -ETIMEDOUT) {
		link_drop(h);
		event_del(h->timer);
		head_drop(h);
		begin(h);
		return;
	}
	place_words(h, at);
	if (error == -EPROTO && h->response.error)
		wd_kube_failure_set(&h->failure, body ? WD_KUBE_STAGE_BODY : WD_KUBE_STAGE_REQUEST,
		                    error, "%s: %s", at, h->response.error);
	else if (body)
		wd_kube_failure_set(&h->failure, WD_KUBE_STAGE_BODY, error,
		                    error == -EPIPE ? "%s cut its answer off"
		                                    : "%s broke its answer off: %s",
		                    at, strerror(-error));
	else
		wd_kube_failure_set(&h->failure, WD_KUBE_STAGE_REQUEST, error,
		                    error == -EPIPE ? "%s closed the connection without an answer"
		                                    : "%s gave no answer: %s",
		                    at, strerror(-error));
	finish(h, false);
}

/* ---- receiving ------------------------------------------------------------------------------ */

static int on_body(const char *bytes, size_t n, void *ctx)
{
	struct wd_http *h = ctx;

	return h->request.body ? h->request.body(h->response.status, bytes, n, h->request.ctx) : 0;
}

static void complete(struct wd_http *h, bool all_used)
{
	h->failure.status = h->response.status;
	h->failure.retry_after_s = h->response.retry_after_s;
	if (h->response.status == 401)
		wd_credential_refused(h->credential, h->generation);
	/* a new connection is a new identity */
	finish(h, all_used && h->response.keep_alive && h->response.status != 401);
}

/* True: the response goes on. */
static bool take(struct wd_http *h, const char *bytes, size_t n)
{
	char at[WD_ENDPOINT_STRLEN];
	size_t used = 0;
	int r = wd_response_feed(&h->response, bytes, n, &used);

	h->heard = wd_clock_monotonic_ns();
	h->failure.status = h->response.status;
	if (r == -EPROTO && h->response.error) {
		broken(h, r);
		return false;
	}
	if (r) {
		place_words(h, at);
		wd_kube_failure_set(&h->failure, WD_KUBE_STAGE_BODY, r,
		                    "%s: its answer was not taken", at);
		finish(h, false);
		return false;
	}
	if (h->response.state == WD_RESPONSE_DONE) {
		complete(h, used == n);
		return false;
	}
	if (h->phase == PHASE_HEAD && wd_response_has_head(&h->response)) {
		h->phase = PHASE_BODY;
		body_timer(h);
		on_body("", 0, h); /* a watch is open before anything happens */
	}
	return true;
}

static void closed(struct wd_http *h, int error)
{
	/* without length and chunks, only a farewell tells the end from a cut */
	if (error == 0 && wd_response_close(&h->response) == 0)
		complete(h, false);
	else
		broken(h, error ? error : -EPIPE);
}

static void receive(struct wd_http *h)
{
	char piece[PIECE];

	for (unsigned int i = 0; i < PIECES_MAX; i++) {
		ssize_t n = wd_link_read(&h->link, piece, sizeof(piece));

		if (n == -EAGAIN) {
			await(h, h->link.want);
			return;
		}
		if (n <= 0) {
			closed(h, (int)n);
			return;
		}
		if (!take(h, piece, (size_t)n))
			return;
	}
	await(h, EV_READ);
	if (h->io)
		event_active(h->io, EV_READ,
		             0); /* TLS may hold bytes that the socket does not show */
}

static void send_head(struct wd_http *h)
{
	while (h->sent < h->head.len) {
		ssize_t n = wd_link_write(&h->link, h->head.data + h->sent, h->head.len - h->sent);

		if (n == -EAGAIN) {
			await(h, h->link.want);
			return;
		}
		if (n < 0) {
			broken(h, (int)n);
			return;
		}
		h->sent += (size_t)n;
	}
	head_drop(h);
	h->phase = PHASE_HEAD;
	await(h, EV_READ);
}

static void on_io(evutil_socket_t fd, short what, void *ctx)
{
	struct wd_http *h = ctx;
	char c;

	(void)fd;
	(void)what;
	switch (h->phase) {
	case PHASE_SEND:
		send_head(h);
		break;
	case PHASE_HEAD:
	case PHASE_BODY:
		receive(h);
		break;
	default:
		/* session tickets of TLS 1.3 come here too, and are no end */
		if (wd_link_read(&h->link, &c, 1) == -EAGAIN)
			await(h, h->link.want);
		else
			rest(h, false);
	}
}

static void await(struct wd_http *h, short want)
{
	io_drop(h);
	h->io = event_new(h->env->loop, h->link.fd, want, on_io, h);
	if (h->io && event_add(h->io, NULL) == 0)
		return;
	/* without it only the deadline is left */
	io_drop(h);
}

/* ---- sending -------------------------------------------------------------------------------- */

static void head_write(struct wd_http *h, const char *token)
{
	const struct wd_kube_config *c = h->env->config;
	bool v6 = strchr(c->host, ':');

	head_drop(h);
	wd_buf_printf(&h->head, "GET %s%s HTTP/1.1\r\nHost: %s%s%s:%u\r\n", c->prefix, h->target,
	              v6 ? "[" : "", c->host, v6 ? "]" : "", c->port);
	wd_buf_puts(&h->head, "User-Agent: whydrop/" WD_VERSION "\r\nAccept: application/json\r\n");
	if (token) {
		wd_buf_puts(&h->head, "Authorization: Bearer ");
		wd_buf_puts(&h->head, token);
		wd_buf_puts(&h->head, "\r\n");
	}
	wd_buf_puts(&h->head, "\r\n");
	h->sent = 0;
}

static void send_begin(struct wd_http *h)
{
	wd_response_begin(&h->response, on_body, h);
	h->phase = PHASE_SEND;
	timer_set(h, h->env->times->header_ms);
	send_head(h);
}

static void on_dial(struct wd_link *link, const struct wd_kube_failure *f, void *ctx)
{
	struct wd_http *h = ctx;

	if (!link) {
		h->failure = *f;
		finish(h, false);
		return;
	}
	h->link = *link;
	link->fd = -1;
	link->ssl = NULL;
	wd_dial_free(h->dial);
	h->dial = NULL;
	h->reused = false;
	send_begin(h);
}

static void no_memory(struct wd_http *h)
{
	wd_kube_failure_set(&h->failure, WD_KUBE_STAGE_REQUEST, -ENOMEM, "no memory");
	finish(h, false);
}

static void on_identity(const struct wd_identity *id, const struct wd_kube_failure *f, void *ctx)
{
	struct wd_http *h = ctx;

	if (!id) {
		h->failure = *f;
		finish(h, false);
		return;
	}
	/* another certificate needs another connection */
	if (h->link.fd >= 0 && id->generation != h->generation)
		link_drop(h);
	h->generation = id->generation;
	if (h->link.fd < 0)
		h->env = *h->ways;
	head_write(h, id->token);
	if (h->head.err) {
		no_memory(h);
	} else if (h->link.fd >= 0) {
		send_begin(h);
	} else {
		h->phase = PHASE_DIAL;
		if (wd_dial_start(h->env, id, on_dial, h, &h->dial))
			no_memory(h);
	}
}

static void begin(struct wd_http *h)
{
	h->phase = PHASE_IDENTITY;
	h->failure = (struct wd_kube_failure){.stage = WD_KUBE_STAGE_MAX};
	h->wait.done = on_identity;
	h->wait.ctx = h;
	wd_credential_get(h->credential, &h->wait);
}

/* ---- time ----------------------------------------------------------------------------------- */

/* To the earlier of its two deadlines. Bytes do not move it: it looks again when it fires. */
static void body_timer(struct wd_http *h)
{
	uint64_t now = wd_clock_monotonic_ns();
	uint64_t due = h->heard + h->request.idle_ms * WD_NSEC_PER_MSEC;
	uint64_t end = h->started + h->request.total_ms * WD_NSEC_PER_MSEC;

	if (h->request.total_ms && end < due)
		due = end;
	timer_set(h, due > now ? (due - now) / WD_NSEC_PER_MSEC + 1 : 0);
}

static void timed_out(struct wd_http *h, const char *how)
{
	char at[WD_ENDPOINT_STRLEN];

	place_words(h, at);
	wd_kube_failure_set(&h->failure,
	                    h->phase == PHASE_BODY ? WD_KUBE_STAGE_BODY : WD_KUBE_STAGE_REQUEST,
	                    -ETIMEDOUT, "%s %s", at, how);
	finish(h, false);
}

static void on_timer(evutil_socket_t fd, short what, void *ctx)
{
	struct wd_http *h = ctx;
	uint64_t now = wd_clock_monotonic_ns();

	(void)fd;
	(void)what;
	if (h->phase == PHASE_IDLE) {
		rest(h, false);
		return;
	}
	if (h->phase != PHASE_BODY) {
		timed_out(h, "took the request, but gave no answer in time");
		return;
	}
	if ((now - h->heard) / WD_NSEC_PER_MSEC >= h->request.idle_ms)
		timed_out(h, "fell silent within its answer");
	else if (h->request.total_ms &&
	         (now - h->started) / WD_NSEC_PER_MSEC >= h->request.total_ms)
		timed_out(h, "answers too slowly");
	else
		body_timer(h);
}

/* ---- the room's ----------------------------------------------------------------------------- */

int wd_http_get(struct wd_http *h, const struct wd_http_request *r)
{
	if (h->phase != PHASE_IDLE)
		return -EBUSY;
	if (strlen(r->target) >= sizeof(h->target))
		return -ENAMETOOLONG;
	snprintf(h->target, sizeof(h->target), "%s", r->target);
	h->request = *r;
	h->request.target = h->target;
	h->started = wd_clock_monotonic_ns();
	event_del(h->timer);
	io_drop(h);
	begin(h);
	return 0;
}

void wd_http_set_deadlines(struct wd_http *h, unsigned int idle_ms, unsigned int total_ms)
{
	h->request.idle_ms = idle_ms;
	h->request.total_ms = total_ms;
	h->started = wd_clock_monotonic_ns();
	if (h->phase == PHASE_BODY)
		body_timer(h);
}

void wd_http_cancel(struct wd_http *h)
{
	if (h->phase != PHASE_IDLE)
		rest(h, false);
}

bool wd_http_busy(const struct wd_http *h)
{
	return h->phase != PHASE_IDLE;
}

const struct wd_dial_env *wd_http_way(const struct wd_http *h)
{
	return h->env;
}

int wd_http_new(const struct wd_dial_env *const *env, struct wd_credential *credential,
                struct wd_http **ret)
{
	struct wd_http *h = calloc(1, sizeof(*h));

	if (!h)
		return -ENOMEM;
	h->ways = env;
	h->env = *env;
	h->credential = credential;
	h->link.fd = -1;
	wd_buf_init(&h->head, WD_HTTP_TARGET_MAX + WD_KUBE_TOKEN_MAX + 2048);
	h->timer = event_new(h->env->loop, -1, 0, on_timer, h);
	if (!h->timer) {
		free(h);
		return -ENOMEM;
	}
	*ret = h;
	return 0;
}

void wd_http_free(struct wd_http *h)
{
	if (!h)
		return;
	rest(h, false);
	event_free(h->timer);
	wd_buf_release(&h->head);
	free(h);
}
