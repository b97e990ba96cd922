// SPDX-License-Identifier: Apache-2.0
/* A stranger beyond the node: what it sends was made by no stack of this machine. */
#include "peer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/icmp6.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/ip_icmp.h>
#include <netinet/tcp.h>
#include <string.h>
#include <unistd.h>

enum answer {
	ANSWER_RST,
	ANSWER_ICMP, /* administratively prohibited, by the address that was asked */
	ANSWER_SYNACK,
	ANSWER_NONE,
};

static const char *const names[] = {
	[ANSWER_RST] = "rst",
	[ANSWER_ICMP] = "icmp",
	[ANSWER_SYNACK] = "syn-ack",
};

static uint32_t sum(const void *data, size_t n, uint32_t start)
{
	const uint8_t *b = data;

	for (size_t i = 0; i + 1 < n; i += 2)
		start += (uint32_t)(b[i] << 8 | b[i + 1]);
	if (n & 1)
		start += (uint32_t)(b[n - 1] << 8);
	return start;
}

static uint16_t fold(uint32_t s)
{
	while (s >> 16)
		s = (s & 0xffff) + (s >> 16);
	return htons((uint16_t)~s);
}

static void answer_tcp(struct tcphdr *t, enum answer how)
{
	uint16_t port = t->source;
	uint32_t seq = ntohl(t->seq);

	t->source = t->dest;
	t->dest = port;
	t->seq = how == ANSWER_RST ? 0 : htonl(0x1234567);
	t->ack_seq = htonl(seq + 1);
	t->syn = how == ANSWER_SYNACK;
	t->rst = how == ANSWER_RST;
	t->ack = 1;
	t->doff = sizeof(*t) / 4;
	t->check = 0;
}

/* Turns the packet in buf into its answer and returns the length of that, 0 for none. */
static size_t answer4(uint8_t *buf, size_t n, enum answer how)
{
	struct ip ip, *out = (struct ip *)(void *)buf;
	struct tcphdr tcp;
	struct icmphdr icmp = {.type = ICMP_DEST_UNREACH, .code = ICMP_PKT_FILTERED};
	size_t head, total;

	memcpy(&ip, buf, sizeof(ip));
	head = (size_t)ip.ip_hl * 4;
	if (ip.ip_p != IPPROTO_TCP || head < sizeof(ip) || n < head + sizeof(tcp))
		return 0;
	memcpy(&tcp, buf + head, sizeof(tcp));
	if (!tcp.syn)
		return 0;
	if (how == ANSWER_ICMP) {
		size_t quoted = head + 8;

		memmove(buf + sizeof(ip) + sizeof(icmp), buf, quoted);
		icmp.checksum = fold(
			sum(buf + sizeof(ip) + sizeof(icmp), quoted, sum(&icmp, sizeof(icmp), 0)));
		memcpy(buf + sizeof(ip), &icmp, sizeof(icmp));
		total = sizeof(ip) + sizeof(icmp) + quoted;
	} else {
		struct {
			struct in_addr from, to;
			uint8_t zero, proto;
			uint16_t length;
		} pseudo = {ip.ip_dst, ip.ip_src, 0, IPPROTO_TCP, htons(sizeof(tcp))};

		answer_tcp(&tcp, how);
		tcp.check = fold(sum(&tcp, sizeof(tcp), sum(&pseudo, sizeof(pseudo), 0)));
		memcpy(buf + sizeof(ip), &tcp, sizeof(tcp));
		total = sizeof(ip) + sizeof(tcp);
	}
	memset(out, 0, sizeof(*out));
	out->ip_v = 4;
	out->ip_hl = 5;
	out->ip_len = htons((uint16_t)total);
	out->ip_ttl = 61;
	out->ip_p = how == ANSWER_ICMP ? IPPROTO_ICMP : IPPROTO_TCP;
	out->ip_src = ip.ip_dst;
	out->ip_dst = ip.ip_src;
	out->ip_sum = fold(sum(out, sizeof(*out), 0));
	return total;
}

static size_t answer6(uint8_t *buf, size_t n, enum answer how)
{
	struct ip6_hdr ip, *out = (struct ip6_hdr *)(void *)buf;
	struct icmp6_hdr icmp = {.icmp6_type = ICMP6_DST_UNREACH,
	                         .icmp6_code = ICMP6_DST_UNREACH_ADMIN};
	struct tcphdr tcp;
	struct {
		struct in6_addr from, to;
		uint32_t length;
		uint8_t zero[3], proto;
	} pseudo = {.zero = {0}};
	size_t part;

	memcpy(&ip, buf, sizeof(ip));
	if (n < sizeof(ip) + sizeof(tcp) || ip.ip6_nxt != IPPROTO_TCP)
		return 0;
	memcpy(&tcp, buf + sizeof(ip), sizeof(tcp));
	if (!tcp.syn)
		return 0;
	pseudo.from = ip.ip6_dst;
	pseudo.to = ip.ip6_src;
	pseudo.proto = how == ANSWER_ICMP ? IPPROTO_ICMPV6 : IPPROTO_TCP;
	if (how == ANSWER_ICMP) {
		memmove(buf + sizeof(ip) + sizeof(icmp), buf, n);
		part = sizeof(icmp) + n;
		pseudo.length = htonl((uint32_t)part);
		icmp.icmp6_cksum =
			fold(sum(buf + sizeof(ip) + sizeof(icmp), n,
		                 sum(&icmp, sizeof(icmp), sum(&pseudo, sizeof(pseudo), 0))));
		memcpy(buf + sizeof(ip), &icmp, sizeof(icmp));
	} else {
		part = sizeof(tcp);
		pseudo.length = htonl((uint32_t)part);
		answer_tcp(&tcp, how);
		tcp.check = fold(sum(&tcp, sizeof(tcp), sum(&pseudo, sizeof(pseudo), 0)));
		memcpy(buf + sizeof(ip), &tcp, sizeof(tcp));
	}
	memset(out, 0, sizeof(*out));
	out->ip6_vfc = 6 << 4;
	out->ip6_plen = htons((uint16_t)part);
	out->ip6_nxt = pseudo.proto;
	out->ip6_hlim = 61;
	out->ip6_src = pseudo.from;
	out->ip6_dst = pseudo.to;
	return sizeof(ip) + part;
}

/* beyond DEVICE rst|icmp|syn-ack */
int play_beyond(const struct options *options, int count, char **words)
{
	static uint8_t buf[65536 + 128];
	enum answer how = ANSWER_RST;
	int fd;

	if (count != 2)
		return EXIT_USAGE;
	while (how != ANSWER_NONE && strcmp(words[1], names[how]) != 0)
		how++;
	if (how == ANSWER_NONE)
		return EXIT_USAGE;
	fd = open_tun(words[0]);
	if (fd < 0 || touch(options->ready))
		return EXIT_CANNOT;
	for (;;) {
		ssize_t n = read(fd, buf, 65536);
		size_t out;

		if (n < (ssize_t)sizeof(struct ip)) {
			sleep_ms(10); /* the device is still down */
			continue;
		}
		out = buf[0] >> 4 == 6 ? answer6(buf, (size_t)n, how)
		                       : answer4(buf, (size_t)n, how);
		/* an error that meets connect(2) itself would only be noted (tcp_v4_err()) */
		sleep_ms(2);
		if (out && write(fd, buf, out) < 0)
			complain("tun: %s", errno_name(errno));
	}
}
