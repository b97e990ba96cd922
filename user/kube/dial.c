/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/dial.h"

#include <errno.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "kube/resolve.h"
#include "kube/response.h"

/* A name with many addresses, all silent, must not take minutes. */
#define ADDRS_MAX 4

enum step {
	STEP_RESOLVE,
	STEP_CONNECT,
	STEP_PROXY_ASK,
	STEP_PROXY_HEAR,
	STEP_TLS,
	STEP_OPEN,
	STEP_FAILED,
};

struct wd_dial {
	const struct wd_dial_env *env;
	wd_dial_done *done;
	void *ctx;
	enum step step;
	const char *host; /* that is connected to: the server, or its proxy */
	uint16_t port;
	struct wd_link link;
	SSL *ssl; /* for later; NULL: plain */
	struct wd_lookup *lookup;
	struct event *io, *timer;
	struct wd_addr addrs[WD_LOOKUP_ADDRS];
	unsigned int n_addrs, at;
	char ask[700]; /* CONNECT */
	size_t ask_n, asked;
	struct wd_response *answer;
	struct wd_kube_failure failure;
};

static void step_on(struct wd_dial *d);

/* "10.0.0.1:443", with the name that led there if there is one. */
static void place_words(const struct wd_dial *d, char words[340])
{
	char at[WD_ENDPOINT_STRLEN];
	struct wd_addr a;

	wd_endpoint_format(&d->link.ip, d->link.port, at);
	if (wd_addr_parse(d->host, &a) == 0)
		snprintf(words, 340, "%s%s", d->env->config->proxy_host ? "proxy " : "", at);
	else
		snprintf(words, 340, "%s%.253s (%s)", d->env->config->proxy_host ? "proxy " : "",
		         d->host, at);
}

static void io_drop(struct wd_dial *d)
{
	if (d->io)
		event_free(d->io);
	d->io = NULL;
}

static void failed(struct wd_dial *d)
{
	io_drop(d);
	event_del(d->timer);
	d->step = STEP_FAILED;
	d->failure.ip = d->link.ip;
	d->failure.port = d->link.port;
	event_active(d->timer, EV_TIMEOUT, 0); /* told from the loop */
}

static void wait_ms(struct wd_dial *d, unsigned int ms)
{
	struct timeval tv = {ms / 1000, ms % 1000 * 1000};

	event_add(d->timer, &tv);
}

/* ---- TCP ------------------------------------------------------------------------------------ */

static void socket_tune(int fd)
{
	static const struct {
		int level, name, value;
	} options[] = {
		{IPPROTO_TCP, TCP_NODELAY, 1},
		/* a watch is silent for minutes: whether the way still exists is to be known
	         * sooner, after some 30 s */
		{SOL_SOCKET, SO_KEEPALIVE, 1},
		{IPPROTO_TCP, TCP_KEEPIDLE, 15},
		{IPPROTO_TCP, TCP_KEEPINTVL, 5},
		{IPPROTO_TCP, TCP_KEEPCNT, 3},
		{IPPROTO_TCP, TCP_USER_TIMEOUT, 30000},
	};

	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		setsockopt(fd, options[i].level, options[i].name, &options[i].value,
		           sizeof(options[i].value));
}

static int socket_connect(const struct wd_addr *a, uint16_t port, int *ret)
{
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
	struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(port)};
	bool is_v4 = wd_addr_is_v4(a);
	WD_AUTO_FD int fd = socket(is_v4 ? AF_INET : AF_INET6,
	                           SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP);
	int r;

	if (fd < 0)
		return -errno;
	socket_tune(fd);
	v4.sin_addr.s_addr = wd_addr_v4(a);
	memcpy(&v6.sin6_addr, a->b, 16);
	r = is_v4 ? connect(fd, (struct sockaddr *)&v4, sizeof(v4))
	          : connect(fd, (struct sockaddr *)&v6, sizeof(v6));
	if (r && errno != EINPROGRESS)
		return -errno;
	*ret = wd_take_fd(fd);
	return 0;
}

static void connect_words(struct wd_dial *d, int error)
{
	char place[340], span[64];

	place_words(d, place);
	switch (-error) {
	case ETIMEDOUT:
		snprintf(span, sizeof(span), "%u.%u s", d->env->times->connect_ms / 1000,
		         d->env->times->connect_ms % 1000 / 100);
		wd_kube_failure_set(&d->failure, WD_KUBE_STAGE_CONNECT, error,
		                    "%s did not answer within %s (connect timed out)", place, span);
		break;
	case ECONNREFUSED:
		wd_kube_failure_set(&d->failure, WD_KUBE_STAGE_CONNECT, error,
		                    "%s refused the connection", place);
		break;
	default:
		wd_kube_failure_set(&d->failure, WD_KUBE_STAGE_CONNECT, error,
		                    "%s cannot be reached: %s", place, strerror(-error));
	}
}

static void connect_next(struct wd_dial *d)
{
	int r = -EHOSTUNREACH;

	io_drop(d);
	wd_link_close(&d->link);
	for (; d->at < d->n_addrs && d->at < ADDRS_MAX; d->at++) {
		d->link.ip = d->addrs[d->at];
		d->link.port = d->port;
		r = socket_connect(&d->link.ip, d->port, &d->link.fd);
		if (r == 0) {
			d->at++;
			d->step = STEP_CONNECT;
			d->link.want = EV_WRITE;
			wait_ms(d, d->env->times->connect_ms);
			step_on(d);
			return;
		}
		connect_words(d, r);
	}
	failed(d);
}

/* ---- the proxy ------------------------------------------------------------------------------ */

static bool proxy_begin(struct wd_dial *d)
{
	const struct wd_kube_config *c = d->env->config;
	bool v6 = strchr(c->host, ':');
	char at[300];

	snprintf(at, sizeof(at), "%s%.255s%s:%u", v6 ? "[" : "", c->host, v6 ? "]" : "", c->port);
	d->ask_n = (size_t)snprintf(d->ask, sizeof(d->ask),
	                            "CONNECT %s HTTP/1.1\r\nHost: %s\r\n\r\n", at, at);
	d->answer = calloc(1, sizeof(*d->answer));
	if (!d->answer)
		return false;
	wd_response_begin(d->answer, NULL, NULL);
	d->answer->tunnel = true;
	return true;
}

static int proxy_ask(struct wd_dial *d)
{
	while (d->asked < d->ask_n) {
		ssize_t n = wd_link_write(&d->link, d->ask + d->asked, d->ask_n - d->asked);

		if (n < 0)
			return (int)n;
		d->asked += (size_t)n;
	}
	d->step = STEP_PROXY_HEAR;
	return 0;
}

/* One byte at a time: what comes behind the head belongs to TLS. */
static int proxy_hear(struct wd_dial *d)
{
	while (!wd_response_has_head(d->answer)) {
		size_t used;
		char c;
		ssize_t n = wd_link_read(&d->link, &c, 1);
		int r;

		if (n < 0)
			return (int)n;
		if (n == 0)
			return -EPIPE;
		r = wd_response_feed(d->answer, &c, 1, &used);
		if (r)
			return r;
	}
	if (d->answer->status >= 300)
		return -EACCES;
	d->step = STEP_TLS;
	return 0;
}

static void proxy_words(struct wd_dial *d, int error)
{
	char place[340];

	place_words(d, place);
	if (error == -EACCES)
		wd_kube_failure_set(&d->failure, WD_KUBE_STAGE_PROXY, error,
		                    "%s refused to connect to the API server (status %d)", place,
		                    d->answer->status);
	else
		wd_kube_failure_set(&d->failure, WD_KUBE_STAGE_PROXY, error, "%s: %s", place,
		                    error == -ETIMEDOUT ? "no answer in time"
		                    : error == -EPIPE   ? "closed the connection"
		                    : error == -EPROTO  ? d->answer->error
		                                        : strerror(-error));
}

/* ---- TLS ------------------------------------------------------------------------------------ */

static int tls_step(struct wd_dial *d)
{
	int r;

	if (!d->ssl && !d->link.ssl) {
		d->step = STEP_OPEN; /* http */
		return 0;
	}
	if (!d->link.ssl) {
		if (SSL_set_fd(d->ssl, d->link.fd) != 1)
			return -ENOMEM;
		d->link.ssl = wd_take_ptr(d->ssl);
		wait_ms(d, d->env->times->tls_ms);
	}
	r = wd_link_handshake(&d->link);
	if (r == 0)
		d->step = STEP_OPEN;
	return r;
}

static void tls_words(struct wd_dial *d, int error)
{
	char place[340], words[WD_KUBE_ERRLEN];

	place_words(d, place);
	if (error == -EPROTO)
		wd_tls_words(d->env->tls, d->link.ssl, words);
	else
		snprintf(words, sizeof(words), "%s",
		         error == -ETIMEDOUT
		                 ? "accepted the connection, but TLS got no answer in time"
		         : error == -EPIPE ? "closed the connection during the TLS handshake"
		                           : strerror(-error));
	wd_kube_failure_set(&d->failure, WD_KUBE_STAGE_TLS, error, "%s: %.400s", place, words);
}

/* ---- steps ---------------------------------------------------------------------------------- */

static int socket_error(int fd)
{
	int error = 0;
	socklen_t n = sizeof(error);

	return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &n) ? -errno : -error;
}

static void step_failed(struct wd_dial *d, int error)
{
	switch (d->step) {
	case STEP_CONNECT:
		connect_words(d, error);
		connect_next(d);
		return;
	case STEP_PROXY_ASK:
	case STEP_PROXY_HEAR:
		proxy_words(d, error);
		break;
	default:
		tls_words(d, error);
	}
	failed(d);
}

static void on_io(evutil_socket_t fd, short what, void *ctx)
{
	struct wd_dial *d = ctx;
	int r = 0;

	(void)what;
	if (d->step == STEP_CONNECT) {
		r = socket_error(fd);
		if (!r) {
			d->step = d->env->config->proxy_host ? STEP_PROXY_ASK : STEP_TLS;
			wait_ms(d, d->env->times->tls_ms);
		}
	}
	if (!r && d->step == STEP_PROXY_ASK)
		r = proxy_ask(d);
	if (!r && d->step == STEP_PROXY_HEAR)
		r = proxy_hear(d);
	if (!r && d->step == STEP_TLS)
		r = tls_step(d);
	if (r == -EAGAIN) {
		step_on(d);
	} else if (r) {
		step_failed(d, r);
	} else {
		io_drop(d);
		event_del(d->timer);
		d->done(&d->link, &d->failure, d->ctx);
	}
}

static void step_on(struct wd_dial *d)
{
	io_drop(d);
	d->io = event_new(d->env->loop, d->link.fd, d->link.want, on_io, d);
	if (!d->io || event_add(d->io, NULL)) {
		wd_kube_failure_set(&d->failure, WD_KUBE_STAGE_CONNECT, -ENOMEM, "no memory");
		failed(d);
	}
}

static void on_timer(evutil_socket_t fd, short what, void *ctx)
{
	struct wd_dial *d = ctx;

	(void)fd;
	(void)what;
	if (d->step == STEP_FAILED) {
		d->done(NULL, &d->failure, d->ctx);
		return;
	}
	if (d->step != STEP_RESOLVE) {
		step_failed(d, -ETIMEDOUT);
		return;
	}
	wd_kube_failure_set(&d->failure, WD_KUBE_STAGE_RESOLVE, -ETIMEDOUT,
	                    "the name %.253s has no address yet: DNS did not answer in time",
	                    d->host);
	failed(d);
}

static void on_lookup(const struct wd_addr *v, unsigned int n, const char *words, void *ctx)
{
	struct wd_dial *d = ctx;

	if (!n)
		wd_kube_failure_set(&d->failure, WD_KUBE_STAGE_RESOLVE, -ENOENT,
		                    "the name %.253s has no address: %s", d->host, words);
	memcpy(d->addrs, v, n * sizeof(*v));
	d->n_addrs = n;
	wd_lookup_free(d->lookup);
	d->lookup = NULL;
	connect_next(d);
}

/* What can go wrong before the first packet is told from the loop too. */
static void begin(struct wd_dial *d, const struct wd_identity *id)
{
	const struct wd_kube_config *c = d->env->config;
	char words[WD_KUBE_ERRLEN];
	int r = 0;

	if (c->tls)
		r = wd_tls_session(d->env->tls, id, &d->ssl, words);
	if (r) {
		wd_kube_failure_set(&d->failure, WD_KUBE_STAGE_CREDENTIAL, r, "%.500s", words);
		failed(d);
		return;
	}
	if (wd_addr_parse(d->host, &d->addrs[0]) == 0) {
		d->n_addrs = 1;
		connect_next(d);
		return;
	}
	wait_ms(d, d->env->times->resolve_ms);
	r = wd_lookup_start(d->env->loop, d->env->host_root, d->host, on_lookup, d, &d->lookup);
	if (r) {
		wd_kube_failure_set(&d->failure, WD_KUBE_STAGE_RESOLVE, r, "%s", strerror(-r));
		failed(d);
	}
}

int wd_dial_start(const struct wd_dial_env *env, const struct wd_identity *id, wd_dial_done *done,
                  void *ctx, struct wd_dial **ret)
{
	const struct wd_kube_config *c = env->config;
	struct wd_dial *d = calloc(1, sizeof(*d));

	if (!d)
		return -ENOMEM;
	d->env = env;
	d->done = done;
	d->ctx = ctx;
	d->link.fd = -1;
	d->failure.stage = WD_KUBE_STAGE_MAX;
	d->host = c->proxy_host ? c->proxy_host : c->host;
	d->port = c->proxy_host ? c->proxy_port : c->port;
	d->timer = event_new(env->loop, -1, 0, on_timer, d);
	if (!d->timer || (c->proxy_host && !proxy_begin(d))) {
		wd_dial_free(d);
		return -ENOMEM;
	}
	begin(d, id);
	*ret = d;
	return 0;
}

void wd_dial_free(struct wd_dial *d)
{
	if (!d)
		return;
	wd_lookup_free(d->lookup);
	io_drop(d);
	if (d->timer)
		event_free(d->timer);
	SSL_free(d->ssl);
	wd_link_close(&d->link);
	free(d->answer);
	free(d);
}
