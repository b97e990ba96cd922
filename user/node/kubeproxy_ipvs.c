/* SPDX-License-Identifier: Apache-2.0 */
/*
 * /proc/net/ip_vs: virtual and real servers, in hexadecimal, without names.
 *   TCP  0A600001:01BB rr persistent 10800
 *     -> AC110002:192B      Masq    1      0          0
 *   TCP  [fd00:0000:0000:0000:0000:0000:0000:0001]:0050 rr
 */
#include <arpa/inet.h>
#include <stdio.h>

#include "node/kubeproxy_graph.h"

static bool hex_endpoint(const struct wd_span *s, struct wd_addr *ip, uint16_t *port)
{
	const char *colon = s->n ? memrchr(s->p, ':', s->n) : NULL;
	struct wd_span host, number;
	uint64_t v, p;

	if (!colon)
		return false;
	host = wd_span(s->p, (size_t)(colon - s->p));
	number = wd_span(colon + 1, (size_t)(s->p + s->n - colon - 1));
	if (!wd_span_number(&number, 16, UINT16_MAX, &p))
		return false;
	*port = (uint16_t)p;
	if (host.n > 2 && host.p[0] == '[' && host.p[host.n - 1] == ']')
		return wd_kp_addr_parse(wd_span(host.p + 1, host.n - 2), ip);
	if (host.n != 8 || !wd_span_number(&host, 16, UINT32_MAX, &v))
		return false;
	*ip = wd_addr_from_v4(htonl((uint32_t)v));
	return true;
}

/* The chain of the virtual server, or WD_KP_NONE. Nobody says its name: its address does. */
static uint32_t virtual_server(struct wd_kubeproxy *k, const struct wd_span *w, unsigned int n)
{
	struct wd_kp_name name = {.ns = wd_span("", 0), .port = wd_span("", 0)};
	uint8_t proto = wd_kp_proto_parse(w[0]);
	char text[WD_ADDR_STRLEN], id[64];
	struct wd_addr ip;
	uint32_t chain;
	uint16_t port;

	if (n < 2 || !proto || !hex_endpoint(&w[1], &ip, &port) || !port)
		return WD_KP_NONE;
	wd_addr_format(&ip, text);
	name.svc = wd_span(text, strlen(text));
	snprintf(id, sizeof(id), "%u %s %u", proto, text, port);
	chain = wd_kp_chain(k, WD_KUBEPROXY_IPVS, wd_span(id, strlen(id)));
	if (chain == WD_KP_NONE || !wd_kp_front(k, &name, &ip, port, proto, WD_KP_CLUSTER, chain))
		return WD_KP_NONE;
	for (unsigned int i = 2; i < n; i++)
		if (wd_span_is(&w[i], "persistent"))
			k->chains.v[chain].affinity = true;
	return chain;
}

int wd_kubeproxy_ipvs(struct wd_kubeproxy *k, const char *text, size_t n)
{
	struct wd_span rest = wd_span(text, n), line, w[8];
	uint32_t chain = WD_KP_NONE;
	uint64_t number = 0;

	while (!k->err && wd_span_line(&rest, &line)) {
		unsigned int words = wd_span_words(line, w, 8);
		bool real = words >= 2 && wd_span_is(&w[0], "->");
		struct wd_addr ip;
		char where[32];
		uint16_t port;
		bool good;

		number++;
		/* three lines of headings; servers by firewall mark are not kube-proxy's */
		if (!words || number <= 3 || wd_span_is(&w[0], "FWM")) {
			chain = WD_KP_NONE;
			continue;
		}
		k->report.rules++;
		k->report.seen[WD_KUBEPROXY_IPVS] = true;
		if (real) {
			good = chain == WD_KP_NONE || (hex_endpoint(&w[1], &ip, &port) && port &&
			                               wd_kp_backend(k, chain, &ip, port));
		} else {
			chain = virtual_server(k, w, words);
			good = chain != WD_KP_NONE;
		}
		if (good || k->report.cut)
			continue;
		snprintf(where, sizeof(where), "ip_vs line %llu", (unsigned long long)number);
		wd_kp_refuse(k, where, line.p, line.n);
	}
	return k->err;
}
