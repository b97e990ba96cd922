/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rule dumps as Services. The first byte says what the rest is, and in pieces of which size it
 * comes: the pieces must not matter.
 */
#include "fuzz.h"

#include "node/elements.h"
#include "node/kubeproxy.h"
#include "node/podpath.h"

#define NAT                                                                                      \
	"*nat\n:KUBE-SVC-X - [0:0]\n[0:0] -A KUBE-SERVICES -d 10.96.0.1/32 -p tcp -m comment "   \
	"--comment \"default/kubernetes:https cluster IP\" -m tcp --dport 443 -j KUBE-SVC-X\n"   \
	"-A KUBE-NODEPORTS -p udp -m comment --comment a/b -m udp --dport 30000 -j KUBE-EXT-Y\n" \
	"-A KUBE-EXT-Y -j KUBE-SVL-Y\n-A KUBE-SVL-Y -m recent --rcheck -j KUBE-SEP-Z\n"          \
	"-A KUBE-SVC-X -m statistic --mode random --probability 0.5 -j KUBE-SEP-Z\n"             \
	"-A KUBE-FW-Y -s 1.2.3.0/24 -j KUBE-EXT-Y\n"                                             \
	"-A KUBE-SEP-Z -p tcp -m tcp -j DNAT --to-destination [fd00::1]:6443\nCOMMIT\n"          \
	"*filter\n-A KUBE-EXTERNAL-SERVICES -d 1.2.3.4/32 -p tcp -m comment --comment "          \
	"\"a/b:c has no local endpoints\" -m tcp --dport 80 -j DROP\nCOMMIT\n"

#define ELEMENT(kind, rest) \
	"{\"" kind "\": {\"family\": \"ip\", \"table\": \"kube-proxy\", " rest "}}"
#define NFT                                                                                                                                                                                                                                                                                                \
	"{\"nftables\": [{\"metainfo\": {}}, " ELEMENT(                                                                                                                                                                                                                                                    \
		"set",                                                                                                                                                                                                                                                                                     \
		"\"name\": \"cluster-ips\", \"elem\": [\"10.96.0.1\"]") ", " ELEMENT("map",                                                                                                                                                                                                                \
	                                                                             "\"name\": "                                                                                                                                                                                                          \
	                                                                             "\"service-"                                                                                                                                                                                                          \
	                                                                             "ips\", "                                                                                                                                                                                                             \
	                                                                             "\"elem\": "                                                                                                                                                                                                          \
	                                                                             "[[{"                                                                                                                                                                                                                 \
	                                                                             "\"concat\":"                                                                                                                                                                                                         \
	                                                                             " [\"10.96."                                                                                                                                                                                                          \
	                                                                             "0.1\", "                                                                                                                                                                                                             \
	                                                                             "\"tcp\", "                                                                                                                                                                                                           \
	                                                                             "443]}, "                                                                                                                                                                                                             \
	                                                                             "{\"goto\": "                                                                                                                                                                                                         \
	                                                                             "{\"target\""                                                                                                                                                                                                         \
	                                                                             ": "                                                                                                                                                                                                                  \
	                                                                             "\"service-"                                                                                                                                                                                                          \
	                                                                             "AAAAAAAA-a/"                                                                                                                                                                                                         \
	                                                                             "b/tcp/"                                                                                                                                                                                                              \
	                                                                             "c\"}}]]") ", " ELEMENT("map",                                                                                                                                                                                        \
	                                                                                                     "\"name\": \"no-endpoint-nodeports\", \"elem\": [[{\"elem\": {\"val\": {\"concat\": "                                                                                                         \
	                                                                                                     "[\"tcp\", 3001]}, \"comment\": \"a/b:c\"}}, {\"drop\": null}]]") ", " ELEMENT("rule",                                                                                                        \
	                                                                                                                                                                                    "\"chain\": \"service-AAAAAAAA-a/b/tcp/c\", \"expr\": [{\"dnat\": {\"addr\": "                                 \
	                                                                                                                                                                                    "{\"map\": {\"key\": 1, \"data\": {\"set\": [[0, {\"concat\": [\"10.1.0.1\", "                                 \
	                                                                                                                                                                                    "80]}]]}}}}}]") ", " ELEMENT("rule",                                                                           \
	                                                                                                                                                                                                                 "\"chain\": \"firewall-AAAAAAAA-a/b/tcp/c\", \"expr\": [{\"match\": {\"right\": " \
	                                                                                                                                                                                                                 "{\"set\": [{\"prefix\": {\"addr\": \"10.0.0.0\", \"len\": 8}}, \"1.2.3.4\"]}}}]") "]}"

WD_FUZZ_TEXT_SEEDS(WD_FUZZ_TEXT("\x00" NAT), WD_FUZZ_TEXT("\x05" NAT), WD_FUZZ_TEXT("\x40" NFT),
                   WD_FUZZ_TEXT("\x47" NFT),
                   WD_FUZZ_TEXT("\x80IP\nProt\n  ->\nTCP  0A600001:01BB rr persistent 10800\n"
                                "  -> AC110002:192B      Masq    1      0          0\n"
                                "UDP  [fd00:0000:0000:0000:0000:0000:0000:0001]:0050 rr\n"
                                "  -> [fd00:0000:0000:0000:0000:0000:0000:0002]:0050      Masq\n"))

/* A sum over all that comes out. */
struct sum {
	uint64_t v;
	unsigned int services;
	bool named;
};

static void sum_text(struct sum *s, const char *text)
{
	for (; *text; text++)
		s->v = (s->v ^ (unsigned char)*text) * 0x100000001b3ull;
	s->v++;
}

static int sum_object(const struct wd_object *o, void *ctx)
{
	struct sum *s = ctx;

	if (o->kind == WD_RESOURCE_SERVICE) {
		const struct wd_service *v = &o->service;

		s->services++;
		if (s->named) {
			WD_FUZZ_CHECK(wd_podpath_is_label(v->ns, strlen(v->ns)));
			WD_FUZZ_CHECK(wd_podpath_is_label(v->name, strlen(v->name)));
		}
		sum_text(s, v->ns);
		sum_text(s, v->name);
		WD_FUZZ_CHECK(v->n_ports);
		for (unsigned int i = 0; i < v->n_ports; i++) {
			WD_FUZZ_CHECK(v->ports[i].proto);
			WD_FUZZ_CHECK(v->ports[i].port || v->ports[i].node_port);
			sum_text(s, v->ports[i].name);
			s->v += v->ports[i].port * 3u + v->ports[i].target_port;
		}
		s->v += v->n_cluster_ips + v->n_external_ips * 7u + v->n_lb_ips * 11u +
		        v->n_lb_sources * 13u;
		return 0;
	}
	WD_FUZZ_CHECK(s->services && o->slice.n_endpoints && o->slice.n_ports);
	for (unsigned int i = 0; i < o->slice.n_ports; i++)
		WD_FUZZ_CHECK(o->slice.ports[i].port);
	sum_text(s, o->slice.name);
	s->v += o->slice.n_endpoints;
	return 0;
}

static int element(const char *json, size_t n, void *ctx)
{
	return wd_kubeproxy_nft_element(ctx, json, n);
}

static struct sum read_all(uint8_t kind, const char *text, size_t n, size_t piece)
{
	struct sum s = {.named = kind != 2};
	struct wd_kubeproxy *k;
	struct wd_elements e;
	int r = 0;

	if (wd_kubeproxy_new(&k))
		abort();
	wd_elements_init(&e, element, k);
	wd_kubeproxy_iptables_begin(k, WD_KUBEPROXY_NFT);
	if (kind == 2)
		wd_kubeproxy_ipvs(k, text, n);
	for (size_t at = 0; kind != 2 && at < n && !r; at += piece) {
		size_t len = n - at < piece ? n - at : piece;

		r = kind ? wd_elements_feed(&e, text + at, len)
		         : wd_kubeproxy_iptables(k, text + at, len);
	}
	wd_kubeproxy_iptables_end(k);
	wd_elements_release(&e);
	WD_FUZZ_CHECK(!wd_kubeproxy_each(k, sum_object, &s));
	WD_FUZZ_CHECK(wd_kubeproxy_report(k)->refused || !wd_kubeproxy_report(k)->first[0]);
	s.v += wd_kubeproxy_report(k)->refused + wd_kubeproxy_report(k)->rules;
	wd_kubeproxy_free(k);
	return s;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sum whole, parts;
	char *text;

	if (!size)
		return 0;
	text = malloc(size);
	if (!text)
		abort();
	memcpy(text, data + 1, size - 1);
	whole = read_all(data[0] >> 6 & 3, text, size - 1, size);
	parts = read_all(data[0] >> 6 & 3, text, size - 1, (data[0] & 63) + 1u);
	WD_FUZZ_CHECK(whole.v == parts.v && whole.services == parts.services);
	free(text);
	return 0;
}
