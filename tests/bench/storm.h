/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A storm of drops between two namespaces joined by a veth, each kind with the kernel's own
 * counter beside it:
 *   SYNs, each of another connection, to a port that a rule drops   the rule's counter
 *   datagrams to a full socket, always the same                     Udp RcvbufErrors
 *   datagrams to a closed port                                      Udp NoPorts
 */
#ifndef WD_BENCH_STORM_H
#define WD_BENCH_STORM_H

#include <netinet/ip.h>

#include "tests/bench/net.h"

#define STORM_RULE_PORT   7091
#define STORM_FULL_PORT   7092
#define STORM_CLOSED_PORT 7093
#define STORM_SERVER      "10.79.5.2"

struct storm {
	int client, server; /* namespaces */
	int raw, full, closed, receiver;
	uint64_t syns; /* sent until now: the number of the next */
	uint64_t fulls, closeds;
};

struct storm_syn {
	struct iphdr ip;
	struct tcphdr tcp;
};

static inline void storm_open(struct storm *s)
{
	struct sockaddr_in full = bench_addr(STORM_SERVER, STORM_FULL_PORT);

	memset(s, 0, sizeof(*s));
	s->server = bench_ns_new();
	bench_sh("nft add table ip t && "
	         "nft 'add chain ip t i { type filter hook input priority 0; }' && "
	         "nft add rule ip t i tcp dport %d counter drop",
	         STORM_RULE_PORT);
	s->client = bench_ns_new();
	bench_veth("c0", "10.79.5.1/24", s->server, "s0", STORM_SERVER "/24");
	bench_ns_enter(s->server);
	s->receiver = bench_bound(SOCK_DGRAM, &full);
	setsockopt(s->receiver, SOL_SOCKET, SO_RCVBUF, &(int){1}, sizeof(int));
	bench_ns_enter(s->client);
	s->full = bench_connected(SOCK_DGRAM, &full);
	/* not connected: it does not learn that the port is closed */
	s->closed = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	s->raw = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
	if (s->closed < 0 || s->raw < 0)
		bench_die("socket: %s", strerror(errno));
}

/* Number i: 64 000 ports of each of 250 addresses, so 16 million different connections. */
static inline void storm_send_syn(struct storm *s)
{
	struct sockaddr_in to = bench_addr(STORM_SERVER, 0);
	struct storm_syn p;
	uint64_t i = s->syns++;

	memset(&p, 0, sizeof(p));
	p.ip.version = 4;
	p.ip.ihl = 5;
	p.ip.ttl = 64;
	p.ip.protocol = IPPROTO_TCP;
	p.ip.tot_len = htons(sizeof(p));
	p.ip.daddr = to.sin_addr.s_addr;
	p.tcp.source = htons((uint16_t)(1024 + i % 64000));
	p.tcp.dest = htons(STORM_RULE_PORT);
	p.tcp.doff = 5;
	p.tcp.syn = 1;
	p.ip.saddr = htonl(0x0a4f0503u + (uint32_t)(i / 64000 % 250));
	if (sendto(s->raw, &p, sizeof(p), 0, (struct sockaddr *)&to, sizeof(to)) < 0)
		bench_die("send a SYN: %s", strerror(errno));
}

static inline void storm_send_full(struct storm *s)
{
	static const char data[64];

	if (send(s->full, data, sizeof(data), 0) < 0)
		bench_die("send: %s", strerror(errno));
	s->fulls++;
}

static inline void storm_send_closed(struct storm *s)
{
	static const char data[64];
	struct sockaddr_in to = bench_addr(STORM_SERVER, STORM_CLOSED_PORT);

	if (sendto(s->closed, data, sizeof(data), 0, (struct sockaddr *)&to, sizeof(to)) < 0)
		bench_die("send: %s", strerror(errno));
	s->closeds++;
}

/* What the kernel itself counted, in the server's namespace. */
struct storm_counts {
	uint64_t rule, full, closed;
};

static inline uint64_t storm_rule_count(void)
{
	unsigned long long n = 0;
	char line[256];
	const char *at;
	FILE *f = popen("nft list chain ip t i", "r");

	while (f && fgets(line, sizeof(line), f)) {
		at = strstr(line, "counter packets ");
		if (at)
			sscanf(at, "counter packets %llu", &n);
	}
	if (!f || pclose(f) != 0)
		bench_die("nft list failed");
	return n;
}

static inline struct storm_counts storm_counts(const struct storm *s)
{
	struct storm_counts c;

	bench_ns_enter(s->server);
	c.rule = storm_rule_count();
	c.full = bench_snmp("Udp", "RcvbufErrors");
	c.closed = bench_snmp("Udp", "NoPorts");
	bench_ns_enter(s->client);
	return c;
}

#endif
