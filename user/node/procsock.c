/* SPDX-License-Identifier: Apache-2.0 */
#include "node/procsock.h"

#include <string.h>

#include "model/event.h"
#include "node/lines.h"

struct entry {
	struct wd_addr addr;
	bool any6; /* [::], not the IPv4 wildcard */
	uint16_t port;
	bool listens;
	uint32_t queue;
};

void wd_procsock_init(struct wd_procsock *q, const struct wd_addr *addr, uint16_t port)
{
	memset(q, 0, sizeof(*q));
	q->addr = *addr;
	q->port = port;
}

/* Addresses are printed as 32-bit words in the byte order of the machine. */
static bool address_parse(const struct wd_span *s, bool v6, struct wd_addr *ret)
{
	uint32_t words[4];
	size_t n = v6 ? 4 : 1;

	if (s->n != n * 8)
		return false;
	for (size_t i = 0; i < n; i++) {
		struct wd_span part = wd_span(s->p + i * 8, 8);
		uint64_t v;

		if (!wd_span_number(&part, 16, UINT32_MAX, &v))
			return false;
		words[i] = (uint32_t)v;
	}
	if (v6)
		memcpy(ret->b, words, sizeof(ret->b));
	else
		*ret = wd_addr_from_v4(words[0]);
	return true;
}

static bool endpoint_parse(const struct wd_span *s, bool v6, struct wd_addr *addr, uint16_t *port)
{
	const char *colon = memchr(s->p, ':', s->n);
	struct wd_span a, p;
	uint64_t v;

	if (!colon)
		return false;
	a = wd_span(s->p, (size_t)(colon - s->p));
	p = wd_span(colon + 1, s->n - a.n - 1);
	if (!address_parse(&a, v6, addr) || !wd_span_number(&p, 16, UINT16_MAX, &v))
		return false;
	*port = (uint16_t)v;
	return true;
}

/* "sl: local remote st tx_queue:rx_queue ..." */
static bool entry_parse(struct wd_span line, enum wd_procsock_file file, struct entry *ret)
{
	bool v6 = file == WD_PROCSOCK_TCP6 || file == WD_PROCSOCK_UDP6;
	bool tcp = file == WD_PROCSOCK_TCP || file == WD_PROCSOCK_TCP6;
	struct wd_span w[5], rx;
	struct wd_addr peer;
	uint16_t peer_port;
	uint64_t state, queue;

	if (wd_span_words(line, w, 5) < 5)
		return false;
	if (!endpoint_parse(&w[1], v6, &ret->addr, &ret->port) ||
	    !endpoint_parse(&w[2], v6, &peer, &peer_port) ||
	    !wd_span_number(&w[3], 16, UINT8_MAX, &state))
		return false;
	if (w[4].n != 17 || w[4].p[8] != ':')
		return false;
	rx = wd_span(w[4].p + 9, 8);
	if (!wd_span_number(&rx, 16, UINT32_MAX, &queue))
		return false;
	/* A UDP socket without peer is in state CLOSE. */
	ret->listens = state == (tcp ? WD_TCP_LISTEN : WD_TCP_CLOSE) && ret->port &&
	               (tcp || !peer_port);
	ret->queue = tcp ? (uint32_t)queue : 0;
	ret->any6 = v6 && wd_addr_is_any(&ret->addr) && !wd_addr_is_v4(&ret->addr);
	return true;
}

static void port_insert(struct wd_procsock *q, uint16_t port)
{
	unsigned int i = 0;

	while (i < q->n_ports && q->ports[i] < port)
		i++;
	if (i == WD_FACTS_PORTS_MAX || (i < q->n_ports && q->ports[i] == port))
		return;
	if (q->n_ports < WD_FACTS_PORTS_MAX)
		q->n_ports++;
	memmove(&q->ports[i + 1], &q->ports[i], (q->n_ports - i - 1) * sizeof(q->ports[0]));
	q->ports[i] = port;
}

static void entry_count(struct wd_procsock *q, const struct entry *e)
{
	bool same_family = wd_addr_is_v4(&e->addr) == wd_addr_is_v4(&q->addr);
	bool wildcard = e->any6 || (same_family && wd_addr_is_any(&e->addr));
	bool exact = wd_addr_equal(&e->addr, &q->addr);

	if (e->port != q->port) {
		if (wildcard || exact)
			port_insert(q, e->port);
		return;
	}
	if (exact) {
		q->exact = true;
		if (e->queue > q->queue_exact)
			q->queue_exact = e->queue;
	} else if (wildcard) {
		q->wildcard = true;
		if (e->queue > q->queue_wildcard)
			q->queue_wildcard = e->queue;
	} else if (wd_addr_is_loopback(&e->addr) && !wd_addr_is_loopback(&q->addr)) {
		q->loopback = true;
	} else {
		q->other = true;
	}
}

void wd_procsock_read(struct wd_procsock *q, enum wd_procsock_file file, const char *text, size_t n)
{
	struct wd_span rest = wd_span(text, n), line;
	struct entry e;

	q->other_state = false;
	while (wd_span_line(&rest, &line)) {
		if (!entry_parse(line, file, &e))
			continue;
		q->other_state = !e.listens;
		if (e.listens)
			entry_count(q, &e);
	}
}

enum wd_listener wd_procsock_verdict(const struct wd_procsock *q, bool complete)
{
	if (q->exact || q->wildcard)
		return WD_LISTENER_PRESENT;
	if (!complete)
		return WD_LISTENER_UNKNOWN;
	if (q->other)
		return WD_LISTENER_OTHER_ADDR;
	return q->loopback ? WD_LISTENER_LOOPBACK_ONLY : WD_LISTENER_NONE;
}

uint32_t wd_procsock_queue(const struct wd_procsock *q)
{
	/* inet_lookup_listener prefers the socket that is bound to the address. */
	return q->exact ? q->queue_exact : q->queue_wildcard;
}
