/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/resolve.h"

#include <errno.h>
#include <event2/dns.h>
#include <event2/event.h>
#include <event2/util.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "kube/file.h"

#define TURN_US 20000

struct wd_lookup {
	struct event_base *inner;
	struct evdns_base *dns;
	struct event *turn;
	wd_lookup_done *done;
	void *ctx;
	bool answered;
	unsigned int n;
	struct wd_addr v[WD_LOOKUP_ADDRS];
	int error; /* EVUTIL_EAI_* */
};

static void on_log(int warning, const char *text)
{
	(void)warning; /* "All nameservers have failed": the answer says so too */
	(void)text;
}

static void on_answer(int error, struct evutil_addrinfo *list, void *ctx)
{
	struct wd_lookup *l = ctx;

	l->answered = true;
	l->error = error;
	for (struct evutil_addrinfo *a = list; a && l->n < WD_LOOKUP_ADDRS; a = a->ai_next) {
		if (a->ai_family == AF_INET) {
			struct sockaddr_in sa;

			memcpy(&sa, a->ai_addr, sizeof(sa));
			l->v[l->n++] = wd_addr_from_v4(sa.sin_addr.s_addr);
		} else if (a->ai_family == AF_INET6) {
			struct sockaddr_in6 sa;

			memcpy(&sa, a->ai_addr, sizeof(sa));
			memcpy(l->v[l->n++].b, &sa.sin6_addr, 16);
		}
	}
	if (list)
		evutil_freeaddrinfo(list);
}

static const char *error_words(int error)
{
	switch (error) {
	case EVUTIL_EAI_NONAME:
	case EVUTIL_EAI_NODATA:
		return "DNS knows no such name";
	case EVUTIL_EAI_AGAIN:
		return "DNS did not answer, or could not";
	case EVUTIL_EAI_FAIL:
		return "DNS refused the question";
	default:
		return "DNS failed";
	}
}

static void on_turn(evutil_socket_t fd, short what, void *ctx)
{
	static const struct timeval turn = {0, TURN_US};
	struct wd_lookup *l = ctx;

	(void)fd;
	(void)what;
	event_base_loop(l->inner, EVLOOP_NONBLOCK);
	if (!l->answered)
		event_add(l->turn, &turn);
	else
		l->done(l->v, l->n, l->n ? "" : error_words(l->error), l->ctx);
}

void wd_lookup_free(struct wd_lookup *l)
{
	if (!l)
		return;
	if (l->turn)
		event_free(l->turn);
	if (l->dns)
		evdns_base_free(l->dns, 1);
	if (l->inner) {
		/* answers of what was cut off free it */
		for (unsigned int i = 0; i < 4; i++)
			event_base_loop(l->inner, EVLOOP_NONBLOCK);
		event_base_free(l->inner);
	}
	free(l);
}

/* libevent takes a path; links in it must be followed below host_root. */
static void read_files(struct evdns_base *dns, const char *host_root)
{
	WD_AUTO_FD int conf = wd_kube_file_open(host_root, "/etc/resolv.conf");
	WD_AUTO_FD int hosts = wd_kube_file_open(host_root, "/etc/hosts");
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", conf);
	evdns_base_resolv_conf_parse(dns,
	                             DNS_OPTION_SEARCH | DNS_OPTION_NAMESERVERS | DNS_OPTION_MISC,
	                             conf >= 0 ? path : "/nonexistent");
	if (hosts >= 0) {
		snprintf(path, sizeof(path), "/proc/self/fd/%d", hosts);
		evdns_base_load_hosts(dns, path);
	}
	evdns_base_set_option(dns, "timeout", "2");
	evdns_base_set_option(dns, "attempts", "2");
	/* servers exist that do not repeat the case of the question */
	evdns_base_set_option(dns, "randomize-case", "0");
}

int wd_lookup_start(struct event_base *loop, const char *host_root, const char *name,
                    wd_lookup_done *done, void *ctx, struct wd_lookup **ret)
{
	struct evutil_addrinfo hints = {
		.ai_family = PF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_protocol = IPPROTO_TCP};
	struct wd_lookup *l = calloc(1, sizeof(*l));

	if (!l)
		return -ENOMEM;
	evdns_set_log_fn(on_log);
	l->done = done;
	l->ctx = ctx;
	l->inner = event_base_new();
	l->dns = l->inner ? evdns_base_new(l->inner, 0) : NULL;
	l->turn = event_new(loop, -1, 0, on_turn, l);
	if (!l->dns || !l->turn) {
		wd_lookup_free(l);
		return -ENOMEM;
	}
	read_files(l->dns, host_root);
	/* a port, so that no service name is looked up; from the hosts file it answers at once */
	evdns_getaddrinfo(l->dns, name, "443", &hints, on_answer, l);
	event_active(l->turn, EV_TIMEOUT, 0);
	*ret = l;
	return 0;
}
