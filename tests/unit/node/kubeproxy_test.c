/* SPDX-License-Identifier: Apache-2.0 */
/* Services out of kube-proxy's rules, of every flavour. */
#include "tests/unit/node/kubeproxy.h"

#include <errno.h>

#define DATA     "tests/unit/node/data/"
#define FIXTURES "../shared/fixtures/"

/* What the API server said of the same cluster (services.json, endpointslices.json), without
 * what rules do not hold: the headless Service, and the type of a load balancer without
 * address. */
static const char shop[] =
	"default/kubernetes ClusterIP ip=10.96.0.1 https:443/6->6443|  kubernetes-kube-proxy-ipv4 "
	"https:6443/6 172.17.0.62\n"
	"kube-system/kube-dns %s\n"
	"payments/api ClusterIP ip=10.96.156.220 https:443/6->8443|  api-kube-proxy-ipv4 "
	"https:8443/6 10.244.0.20\n"
	"payments/db ClusterIP ip=10.96.252.31 pg:5432/6->5432|  db-kube-proxy-ipv4 pg:5432/6 "
	"10.244.1.21\n"
	"shop/backend ClusterIP ip=10.96.152.195 http:80/6->8080|  backend-kube-proxy-ipv4 "
	"http:8080/6 10.244.0.11 10.244.1.11\n"
	"shop/cart ClusterIP ip=10.96.150.159 grpc:9090/6->9090 affinity|  cart-kube-proxy-ipv4 "
	"grpc:9090/6 10.244.0.12\n"
	"shop/frontend NodePort ip=10.96.220.10 http:80/6->8080@30080|  frontend-kube-proxy-ipv4 "
	"http:8080/6 10.244.0.10\n"
	"shop/lb NodePort ip=10.96.60.115 http:80/6->8080@32097 external-local|  "
	"lb-kube-proxy-ipv4 http:8080/6 10.244.0.10\n"
	"shop/localonly ClusterIP ip=10.96.208.149 pg:5432/6\n"
	"shop/orphan ClusterIP ip=10.96.154.129 http:80/6\n"
	"shop/wrongport ClusterIP ip=10.96.37.124 http:80/6->9999|  wrongport-kube-proxy-ipv4 "
	"http:9999/6 10.244.0.11 10.244.1.11\n";

/* Ports come in the order of the rules. */
#define DNS "ClusterIP ip=10.96.0.10 "
#define DNS_LEGACY                                                                            \
	DNS "metrics:9153/6->9153 dns:53/17->53 dns-tcp:53/6->53|  kube-dns-kube-proxy-ipv4 " \
	    "metrics:9153/6 dns:53/17 dns-tcp:53/6 10.244.0.2 10.244.1.2"
#define DNS_NFT                                                                               \
	DNS "dns:53/17->53 dns-tcp:53/6->53 metrics:9153/6->9153|  kube-dns-kube-proxy-ipv4 " \
	    "dns:53/17 dns-tcp:53/6 metrics:9153/6 10.244.0.2 10.244.1.2"
#define DNS_TABLES                                                                            \
	DNS "dns-tcp:53/6->53 dns:53/17->53 metrics:9153/6->9153|  kube-dns-kube-proxy-ipv4 " \
	    "dns-tcp:53/6 dns:53/17 metrics:9153/6 10.244.0.2 10.244.1.2"

static struct wd_kubeproxy *new (void)
{
	struct wd_kubeproxy *k = NULL;

	assert_int_equal(wd_kubeproxy_new(&k), 0);
	return k;
}

/* refused of how many rules */
static void check_clean(const struct wd_kubeproxy *k, uint64_t rules)
{
	const struct wd_kubeproxy_report *r = wd_kubeproxy_report(k);

	assert_string_equal(r->first, "");
	assert_int_equal(r->refused, 0);
	assert_int_equal(r->rules, rules);
	assert_false(r->cut);
}

static void check_shop(struct wd_kubeproxy *k, const char *dns)
{
	char want[4096];

	snprintf(want, sizeof(want), shop, dns);
	check_objects(k, want);
	wd_kubeproxy_free(k);
}

static void reads_what_kube_proxy_wrote(void **state)
{
	static const size_t pieces[] = {1u << 20, 1, 7, 4096};
	char *legacy, *nft, *tables;
	size_t n1, n2, n3;

	(void)state;
	legacy = file_read(DATA "iptables-legacy.save", &n1);
	nft = file_read(DATA "iptables-nft.save", &n2);
	tables = file_read(DATA "nftables.json", &n3);
	assert_true(legacy && nft && tables);
	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		struct wd_kubeproxy *k = new ();

		assert_int_equal(save_read(k, WD_KUBEPROXY_LEGACY, legacy, n1, pieces[i]), 0);
		check_clean(k, 85);
		assert_true(wd_kubeproxy_report(k)->seen[WD_KUBEPROXY_LEGACY]);
		assert_false(wd_kubeproxy_report(k)->seen[WD_KUBEPROXY_NFT]);
		check_shop(k, DNS_LEGACY);
		k = new ();
		assert_int_equal(save_read(k, WD_KUBEPROXY_NFT, nft, n2, pieces[i]), 0);
		check_clean(k, 85);
		check_shop(k, DNS_NFT);
		k = new ();
		assert_int_equal(nft_read(k, tables, n3, pieces[i]), 0);
		check_clean(k, 47);
		check_shop(k, DNS_TABLES);
	}
	free(legacy);
	free(nft);
	free(tables);
}

/* Both back ends hold the same: each thing is told once. */
static void joins_several_dumps(void **state)
{
	struct wd_kubeproxy *k = new ();
	char *text;
	size_t n;

	(void)state;
	text = file_read(DATA "iptables-legacy.save", &n);
	assert_non_null(text);
	assert_int_equal(save_read(k, WD_KUBEPROXY_LEGACY, text, n, n), 0);
	assert_int_equal(save_read(k, WD_KUBEPROXY_NFT, text, n, n), 0);
	free(text);
	text = file_read(DATA "nftables.json", &n);
	assert_non_null(text);
	assert_int_equal(nft_read(k, text, n, n), 0);
	free(text);
	check_shop(k, DNS_LEGACY);
}

#define UPSTREAM(lb, affinity)                                                                \
	"ns1/svc1 ClusterIP ip=172.30.0.41 p80:80/6->80|  svc1-kube-proxy-ipv4 p80:80/6 "     \
	"10.180.0.1\n"                                                                        \
	"ns2/svc2 LoadBalancer ip=172.30.0.42 " lb " p80:80/6->80@3001 external-local|  "     \
	"svc2-kube-proxy-ipv4 p80:80/6 10.180.0.2\n"                                          \
	"ns3/svc3 NodePort ip=172.30.0.43 p80:80/6->80@3003|  svc3-kube-proxy-ipv4 p80:80/6 " \
	"10.180.0.3\n"                                                                        \
	"ns4/svc4 ClusterIP ip=172.30.0.44 ext=192.168.99.33 p80:80/6->80|  "                 \
	"svc4-kube-proxy-ipv4 p80:80/6 10.180.0.4 10.180.0.5\n"                               \
	"ns5/svc5 LoadBalancer ip=172.30.0.45 lb=5.6.7.8 from=203.0.113.0/25 "                \
	"p80:80/6->80@3002" affinity "|  svc5-kube-proxy-ipv4 p80:80/6 10.180.0.3\n"          \
	"ns6/svc6 ClusterIP ip=172.30.0.46 p80:80/6\n"

static void reads_every_layout(void **state)
{
	static const struct {
		const char *file;
		enum wd_kubeproxy_source source;
		const char *want;
	} cases[] = {
		{"iptables/k8s-1.36.2-iptables-legacy-save.txt", WD_KUBEPROXY_LEGACY,
	         UPSTREAM("ext=192.168.99.22 lb=1.2.3.4", "")},
		{"iptables/k8s-1.36.2-iptables-legacy-save-c.txt", WD_KUBEPROXY_LEGACY,
	         UPSTREAM("ext=192.168.99.22 lb=1.2.3.4", "")},
		{"iptables/k8s-1.36.2-iptables-nft-save.txt", WD_KUBEPROXY_NFT,
	         UPSTREAM("ext=192.168.99.22 lb=1.2.3.4", "")},
		{"iptables/k8s-1.36.2-iptables-nft-save-c.txt", WD_KUBEPROXY_NFT,
	         UPSTREAM("ext=192.168.99.22 lb=1.2.3.4", "")},
		/* nftables does not tell the two apart */
		{"nftables/k8s-1.32.5-nft-j-list-ruleset.json", WD_KUBEPROXY_TABLES,
	         UPSTREAM("lb=1.2.3.4 lb=192.168.99.22", " affinity")},
		{"nftables/k8s-1.36.2-nft-j-list-ruleset.json", WD_KUBEPROXY_TABLES,
	         UPSTREAM("lb=1.2.3.4 lb=192.168.99.22", " affinity")},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct wd_kubeproxy *k;
		char path[256], *text;
		size_t n;

		snprintf(path, sizeof(path), FIXTURES "kube-proxy/%s", cases[i].file);
		text = file_read(path, &n);
		if (!text) {
			print_message("# SKIP " FIXTURES " is not there\n");
			skip();
		}
		k = new ();
		if (cases[i].source == WD_KUBEPROXY_TABLES)
			assert_int_equal(nft_read(k, text, n, 100), 0);
		else
			assert_int_equal(save_read(k, cases[i].source, text, n, 100), 0);
		assert_string_equal(wd_kubeproxy_report(k)->first, "");
		check_objects(k, cases[i].want);
		wd_kubeproxy_free(k);
		free(text);
	}
}

/* A node of AKS with Azure's NPM: kube-proxy 1.2x, its canaries, unnamed ports. */
static void reads_a_real_node(void **state)
{
	struct wd_kubeproxy *k;
	char *text, *got;
	size_t n;

	(void)state;
	text = file_read(FIXTURES "azure-npm/iptablesave-v2", &n);
	if (!text) {
		print_message("# SKIP " FIXTURES " is not there\n");
		skip();
	}
	k = new ();
	assert_int_equal(save_read(k, WD_KUBEPROXY_LEGACY, text, n, 1000), 0);
	check_clean(k, 214);
	assert_true(wd_kubeproxy_report(k)->marked[WD_KUBEPROXY_LEGACY]);
	assert_false(wd_kubeproxy_report(k)->marked[WD_KUBEPROXY_NFT]);
	assert_int_equal(wd_kubeproxy_report(k)->all[WD_KUBEPROXY_LEGACY], 270);
	got = show(k);
	assert_non_null(strstr(got, "default/kubernetes ClusterIP ip=10.0.0.1 https:443/6->443|  "
	                            "kubernetes-kube-proxy-ipv4 https:443/6 40.64.79.12\n"));
	assert_non_null(strstr(got, "kube-system/metrics-server ClusterIP ip=10.0.52.70 :443/6\n"));
	assert_non_null(strstr(got, "\nkube-system/npm-metrics-cluster-service ClusterIP "
	                            "ip=10.0.82.246 :9000/6->10091|  "
	                            "npm-metrics-cluster-service-kube-proxy-ipv4 :10091/6 "
	                            "10.224.0.4 10.224.0.35 10.224.0.66\n"));
	free(got);
	wd_kubeproxy_free(k);
	free(text);
}

#define NAT(rules) "*nat\n" rules "COMMIT\n"

static struct wd_kubeproxy *read_text(enum wd_kubeproxy_source source, const char *text)
{
	struct wd_kubeproxy *k = new ();

	assert_int_equal(save_read(k, source, text, strlen(text), strlen(text)), 0);
	return k;
}

static void check_text(enum wd_kubeproxy_source source, const char *text, const char *want)
{
	struct wd_kubeproxy *k = read_text(source, text);

	assert_string_equal(wd_kubeproxy_report(k)->first, "");
	check_objects(k, want);
	wd_kubeproxy_free(k);
}

static void reads_ipv6(void **state)
{
	(void)state;
	check_text(
		WD_KUBEPROXY_NFT6,
		NAT("-A KUBE-SERVICES -d fd00::a/128 -p tcp -m comment --comment \"a/b:c cluster "
	            "IP\" -m tcp --dport 80 -j KUBE-SVC-X\n"
	            "-A KUBE-SVC-X -j KUBE-SEP-Y\n"
	            "-A KUBE-SEP-Y -s fd00:1::5/128 -j KUBE-MARK-MASQ\n"
	            "-A KUBE-SEP-Y -p tcp -m tcp -j DNAT --to-destination [fd00:1::5]:8080\n"),
		"a/b ClusterIP ip=fd00::a c:80/6->8080|  b-kube-proxy-ipv6 c:8080/6 fd00:1::5\n");
}

/* 1 000 endpoints or more: no comments but in KUBE-SERVICES. */
static void follows_chains_without_comments(void **state)
{
	(void)state;
	check_text(
		WD_KUBEPROXY_LEGACY,
		NAT("-A KUBE-SEP-1 -p udp -m udp -j DNAT --to-destination 10.1.0.1:53\n"
	            "-A KUBE-SEP-2 -p udp -m udp -j DNAT --to-destination 10.1.0.2:53\n"
	            "-A KUBE-SERVICES -d 10.0.0.10/32 -p udp -m comment --comment \"a/dns cluster "
	            "IP\" -m udp --dport 53 -j KUBE-SVC-X\n"
	            "-A KUBE-SVC-X -m statistic --mode random --probability 0.5 -j KUBE-SEP-1\n"
	            "-A KUBE-SVC-X -j KUBE-SEP-2\n"),
		"a/dns ClusterIP ip=10.0.0.10 :53/17->53|  dns-kube-proxy-ipv4 :53/17 10.1.0.1 "
		"10.1.0.2\n");
}

static void reads_old_layouts_and_affinity(void **state)
{
	(void)state;
	/* until 1.23: KUBE-XLB-, masquerading in KUBE-SERVICES and KUBE-NODEPORTS */
	check_text(
		WD_KUBEPROXY_LEGACY,
		NAT("-A KUBE-NODEPORTS -s 127.0.0.0/8 -p tcp -m comment --comment a/b:c -m tcp "
	            "--dport "
	            "31000 -j KUBE-MARK-MASQ\n"
	            "-A KUBE-NODEPORTS -p tcp -m comment --comment a/b:c -m tcp --dport 31000 -j "
	            "KUBE-XLB-X\n"
	            "-A KUBE-SERVICES ! -s 10.1.0.0/16 -d 10.0.0.9/32 -p tcp -m comment --comment "
	            "\"a/b:c cluster IP\" -m tcp --dport 80 -j KUBE-MARK-MASQ\n"
	            "-A KUBE-SERVICES -d 10.0.0.9/32 -p tcp -m comment --comment \"a/b:c cluster "
	            "IP\" "
	            "-m tcp --dport 80 -j KUBE-SVC-X\n"
	            "-A KUBE-SERVICES -d 1.2.3.4/32 -p tcp -m comment --comment \"a/b:c "
	            "loadbalancer "
	            "IP\" -m tcp --dport 80 -j KUBE-FW-X\n"
	            "-A KUBE-FW-X -m comment --comment \"a/b:c loadbalancer IP\" -j KUBE-XLB-X\n"
	            "-A KUBE-FW-X -m comment --comment \"a/b:c loadbalancer IP\" -j "
	            "KUBE-MARK-DROP\n"
	            "-A KUBE-SVC-X -m comment --comment a/b:c -m recent --rcheck --seconds 10800 "
	            "--reap --name KUBE-SEP-1 --mask 255.255.255.255 --rsource -j KUBE-SEP-1\n"
	            "-A KUBE-SVC-X -m comment --comment a/b:c -j KUBE-SEP-1\n"
	            "-A KUBE-SEP-1 -p tcp -m comment --comment a/b:c -m recent --set --name "
	            "KUBE-SEP-1 "
	            "--mask 255.255.255.255 --rsource -m tcp -j DNAT --to-destination "
	            "10.1.0.1:8080\n"
	            "-A KUBE-XLB-X -m comment --comment \"masquerade LOCAL traffic for a/b:c LB "
	            "IP\" "
	            "-m addrtype --src-type LOCAL -j KUBE-SVC-X\n"
	            "-A KUBE-XLB-X -m comment --comment \"Balancing rule 0 for a/b:c\" -j "
	            "KUBE-SEP-1\n"),
		"a/b LoadBalancer ip=10.0.0.9 lb=1.2.3.4 c:80/6->8080@31000 external-local "
		"affinity|  b-kube-proxy-ipv4 c:8080/6 10.1.0.1\n");
}

/* Ports whose endpoints differ need slices of their own. */
static void parts_ports_with_other_endpoints(void **state)
{
	(void)state;
	check_text(
		WD_KUBEPROXY_LEGACY,
		NAT("-A KUBE-SERVICES -d 10.0.0.9/32 -p tcp -m comment --comment \"a/b:x cluster "
	            "IP\" -m tcp --dport 80 -j KUBE-SVC-X\n"
	            "-A KUBE-SERVICES -d 10.0.0.9/32 -p tcp -m comment --comment \"a/b:y cluster "
	            "IP\" -m tcp --dport 81 -j KUBE-SVL-Y\n"
	            "-A KUBE-SVC-X -j KUBE-SEP-1\n-A KUBE-SVC-X -j KUBE-SEP-2\n"
	            "-A KUBE-SVL-Y -j KUBE-SEP-3\n"
	            "-A KUBE-SEP-1 -j DNAT --to-destination 10.1.0.1:8080\n"
	            "-A KUBE-SEP-2 -j DNAT --to-destination 10.1.0.2:8081\n"
	            "-A KUBE-SEP-3 -j DNAT --to-destination 10.1.0.1:9090\n"),
		"a/b ClusterIP ip=10.0.0.9 x:80/6 y:81/6->9090 internal-local|  "
		"b-kube-proxy-ipv4 x:8080/6 y:9090/6 10.1.0.1|  b-kube-proxy-ipv4-2 x:8081/6 "
		"10.1.0.2\n");
}

static void source_ranges_are_told_once(void **state)
{
	(void)state;
	check_text(WD_KUBEPROXY_LEGACY,
	           NAT("-A KUBE-SERVICES -d 1.2.3.4/32 -p tcp -m comment --comment \"a/b:x "
	               "loadbalancer IP\" -m tcp --dport 80 -j KUBE-FW-X\n"
	               "-A KUBE-SERVICES -d 1.2.3.4/32 -p tcp -m comment --comment \"a/b:y "
	               "loadbalancer IP\" -m tcp --dport 81 -j KUBE-FW-Y\n"
	               "-A KUBE-FW-X -s 10.0.0.0/8 -j KUBE-EXT-X\n"
	               "-A KUBE-FW-Y -s 10.0.0.0/8 -j KUBE-EXT-Y\n"),
	           "a/b LoadBalancer lb=1.2.3.4 from=10.0.0.0/8 x:80/6 y:81/6\n");
}

static void loops_of_chains_end(void **state)
{
	(void)state;
	check_text(WD_KUBEPROXY_LEGACY,
	           NAT("-A KUBE-SERVICES -d 10.0.0.9/32 -p tcp -m comment --comment \"a/b cluster "
	               "IP\" -m tcp --dport 80 -j KUBE-SVC-X\n"
	               "-A KUBE-SVC-X -j KUBE-SVC-Y\n-A KUBE-SVC-Y -j KUBE-SVC-X\n"
	               "-A KUBE-SVC-Y -j KUBE-SVC-Y\n"),
	           "a/b ClusterIP ip=10.0.0.9 :80/6\n");
}

#define SERVICE(comment, rest) \
	"-A KUBE-SERVICES -d 10.0.0.9/32 -p tcp -m comment --comment " comment rest "\n"
#define JUMP " -m tcp --dport 80 -j KUBE-SVC-X"

static void refuses_what_it_does_not_understand(void **state)
{
	static const char *const bad[] = {
		SERVICE("\"a/b:c cluster IP\"", " -m tcp --dport 0 -j KUBE-SVC-X"),
		SERVICE("\"a/b:c cluster IP\"", " -m tcp --dport 65536 -j KUBE-SVC-X"),
		SERVICE("\"a/b:c cluster IP\"", " -m tcp --dport http -j KUBE-SVC-X"),
		SERVICE("\"a/b:c cluster IP\"", " -m tcp ! --dport 80 -j KUBE-SVC-X"),
		SERVICE("\"a/b:c cluster IP\"", " -j KUBE-SVC-X"),
		SERVICE("\"a/b:c cluster IP", JUMP),
		SERVICE("\"a/b:c\"", JUMP),
		SERVICE("\"a/b:c cluster IP \"", JUMP),
		SERVICE("\" cluster IP\"", JUMP),
		SERVICE("\"a cluster IP\"", JUMP),
		SERVICE("\"a/ cluster IP\"", JUMP),
		SERVICE("\"/b cluster IP\"", JUMP),
		SERVICE("\"a/b: cluster IP\"", JUMP),
		SERVICE("\"A/b cluster IP\"", JUMP),
		SERVICE("\"a/b/c cluster IP\"", JUMP),
		SERVICE("\"a/../b cluster IP\"", JUMP),
		SERVICE("\"a/b\x1b[2J cluster IP\"", JUMP),
		SERVICE("\"a/b:c\\\" cluster IP\"", JUMP),
		SERVICE("\"a/b:c\x01 cluster IP\"", JUMP),
		"-A KUBE-SERVICES -d 10.0.0.0/8 -p tcp -m comment --comment \"a/b cluster IP\"" JUMP
		"\n",
		"-A KUBE-SERVICES -p tcp -m comment --comment \"a/b cluster IP\"" JUMP "\n",
		"-A KUBE-SERVICES -d 10.0.0.9/32 -m comment --comment \"a/b cluster IP\"" JUMP "\n",
		"-A KUBE-SERVICES -d 10.0.0.9/32 -p icmp -m comment --comment \"a/b cluster "
		"IP\"" JUMP "\n",
		"-A KUBE-NODEPORTS -p tcp -m comment --comment a -m tcp --dport 1 -j KUBE-SVC-X\n",
		"-A KUBE-SEP-1 -j DNAT --to-destination 10.0.0.1\n",
		"-A KUBE-SEP-1 -j DNAT --to-destination 10.0.0.1:80-90\n",
		"-A KUBE-SEP-1 -j DNAT --to-destination 10.0.0.01:80\n",
		"-A KUBE-SEP-1 -j DNAT --to-destination :0 --persistent\n",
		"-A KUBE-SEP-1 -j DNAT [unsupported revision]\n",
		"-A KUBE-SEP-1 -j DNAT --to-destination\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char text[1024];
		struct wd_kubeproxy *k;

		snprintf(text, sizeof(text), NAT("-A KUBE-SERVICES -j RETURN\n%s"), bad[i]);
		k = read_text(WD_KUBEPROXY_NFT, text);
		if (wd_kubeproxy_report(k)->refused != 1)
			fail_msg("taken: %s", bad[i]);
		assert_int_equal(wd_kubeproxy_report(k)->rules, 2);
		assert_int_equal(strncmp(wd_kubeproxy_report(k)->first,
		                         "iptables-nft-save line 3: -A KUBE-", 34),
		                 0);
		check_objects(k, "");
		wd_kubeproxy_free(k);
	}
}

/* A comment is one word, whatever it holds. */
static void comments_cannot_pose_as_options(void **state)
{
	struct wd_kubeproxy *k =
		read_text(WD_KUBEPROXY_LEGACY,
	                  NAT("-A KUBE-SVC-X -m comment --comment \"-j KUBE-SEP-9\" -j KUBE-SEP-1\n"
	                      "-A KUBE-SEP-1 -m comment --comment \"\\\" -j DNAT --to-destination "
	                      "6.6.6.6:6\" -j "
	                      "DNAT --to-destination 10.1.0.1:80\n"
	                      "-A KUBE-SEP-9 -j DNAT --to-destination 6.6.6.6:6\n" SERVICE(
				      "\"a/b cluster IP\"", JUMP)));

	(void)state;
	assert_int_equal(wd_kubeproxy_report(k)->refused, 0);
	check_objects(k,
	              "a/b ClusterIP ip=10.0.0.9 :80/6->80|  b-kube-proxy-ipv4 :80/6 10.1.0.1\n");
	wd_kubeproxy_free(k);
}

static void tells_a_dump_that_is_not_whole(void **state)
{
	static const char *const cut[] = {
		"*nat\n",
		"*nat\n-A KUBE-SEP-1 -j DNAT --to-destination 10.0.0.1:8",
		"*nat\nCOMMIT\n*filter\n:INPUT ACCEPT [0:0]\n",
		"*nat\nCOMMIT",
	};
	struct wd_kubeproxy *k = new ();
	char *line = malloc(WD_KUBEPROXY_LINE_MAX + 100);

	(void)state;
	for (size_t i = 0; i < sizeof(cut) / sizeof(cut[0]); i++)
		assert_int_equal(save_read(k, WD_KUBEPROXY_NFT, cut[i], strlen(cut[i]), 3),
		                 -EPROTO);
	assert_int_equal(save_read(k, WD_KUBEPROXY_NFT, "", 0, 1), 0);
	check_objects(k, "");
	/* A line without end costs no memory, and the next one is read. */
	assert_non_null(line);
	memset(line, 'x', WD_KUBEPROXY_LINE_MAX + 100);
	wd_kubeproxy_iptables_begin(k, WD_KUBEPROXY_NFT);
	for (int i = 0; i < 100; i++)
		assert_int_equal(wd_kubeproxy_iptables(k, line, WD_KUBEPROXY_LINE_MAX), 0);
	assert_int_equal(wd_kubeproxy_report(k)->refused, 0);
	assert_int_equal(
		wd_kubeproxy_iptables(k, "\n*nat\n:KUBE-IPTABLES-HINT - [0:0]\nCOMMIT\n", 41), 0);
	assert_int_equal(wd_kubeproxy_iptables_end(k), 0);
	assert_int_equal(wd_kubeproxy_report(k)->refused, 1);
	assert_true(wd_kubeproxy_report(k)->marked[WD_KUBEPROXY_NFT]);
	assert_int_equal(wd_kubeproxy_report(k)->all[WD_KUBEPROXY_NFT], 0);
	free(line);
	wd_kubeproxy_free(k);
}

#define NFT(elements) "{\"nftables\": [" elements "]}\n"
#define MAP(name, elem)                                \
	"{\"map\":{\"family\":\"ip\",\"name\":\"" name \
	"\",\"table\":\"kube-proxy\",\"map\":\"verdict\",\"elem\":[" elem "]}}"
#define RULE(chain, expr)                                                          \
	"{\"rule\":{\"family\":\"ip\",\"table\":\"kube-proxy\",\"chain\":\"" chain \
	"\",\"handle\":1,\"expr\":[" expr "]}}"
#define GOTO(to) "{\"goto\":{\"target\":\"" to "\"}}"

static void reads_chain_names(void **state)
{
	static const struct {
		const char *chain, *want;
	} cases[] = {
		{"service-AAAAAAAA-a/b/tcp/c", "a/b ClusterIP ip=10.0.0.9 c:80/6\n"},
		/* a port without name */
		{"service-AAAAAAAA-a/b/tcp/", "a/b ClusterIP ip=10.0.0.9 :80/6\n"},
		{"local-AAAAAAAA-a/b/tcp/c", "a/b ClusterIP ip=10.0.0.9 c:80/6 internal-local\n"},
		{"external-AAAAAAAA-a/b/tcp/c", "a/b ClusterIP ext=10.0.0.9 c:80/6\n"},
		/* cut off: of the port's name nothing certain is left */
		{"service-AAAAAAAA-a/b/tcp/ver...", "a/b ClusterIP ip=10.0.0.9 :80/6\n"},
		{"service-AAAAAAAA-a/b/tcp...", NULL},
		{"service-AAAAAAAA-a/b...", NULL},
		{"service-AAAAAAA-a/b/tcp/c", NULL},
		{"service-aaaaaaaa-a/b/tcp/c", NULL},
		{"service-AAAAAAAA-A/b/tcp/c", NULL},
		{"service-AAAAAAAA-a/b/icmp/c", NULL},
		{"service-AAAAAAAA-a/b/tcp/\\u001b", NULL},
		{"service-AAAAAAAA-a/b/tcp/c/d", NULL},
		{"service-endpoints-check", NULL},
		{"", NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct wd_kubeproxy *k = new ();
		char text[1024];

		snprintf(text, sizeof(text),
		         NFT(MAP("service-ips",
		                 "[{\"concat\":[\"10.0.0.9\",\"tcp\",80]}," GOTO("%s") "]")),
		         cases[i].chain);
		assert_int_equal(nft_read(k, text, strlen(text), 5), 0);
		assert_int_equal(wd_kubeproxy_report(k)->refused, cases[i].want ? 0 : 1);
		check_objects(k, cases[i].want ? cases[i].want : "");
		wd_kubeproxy_free(k);
	}
}

/* Names that are too long end in "..."; endpoints are then read from the rules. */
static void reads_endpoints_behind_cut_names(void **state)
{
	static const char text[] = NFT(MAP(
		"service-ips",
		"[{\"concat\":[\"10.0.0.9\",\"udp\",53]}"
		"," GOTO(
			"service-AAAAAAAA-a/b/udp/c") "]") "," RULE("service-AAAAAAAA-a/b/udp/"
	                                                            "c",
	                                                            "{\"vmap\":{\"key\":{"
	                                                            "\"numgen\":{\"mode\":"
	                                                            "\"random\",\"mod\":2}},"
	                                                            "\"data\":"
	                                                            "{\"set\":[[0," GOTO(
									    "endpo"
									    "int-"
									    "BBBBB"
									    "BBB-"
									    "a/b/"
									    "udp/"
									    "c__"
									    "10.1."
									    "..") "],[1," GOTO("end"
	                                                                                       "poi"
	                                                                                       "nt-"
	                                                                                       "CCC"
	                                                                                       "CCC"
	                                                                                       "CC-"
	                                                                                       "a/"
	                                                                                       "b/"
	                                                                                       "udp"
	                                                                                       "/"
	                                                                                       "c__"
	                                                                                       "10."
	                                                                                       "1.."
	                                                                                       ".") "]]}}"
	                                                                                            "}") "," RULE("endpoint-"
	                                                                                                          "BBBBBBBB-a/b/"
	                                                                                                          "udp/c__10.1...",
	                                                                                                          "{\"dnat\":{"
	                                                                                                          "\"addr\":\"10.1."
	                                                                                                          "0.1\",\"port\":"
	                                                                                                          "5353}}") "," RULE("endpoint-CCCCCCCC-a/b/udp/c__10.1...",
	                                                                                                                             "{\"dnat\":{\"addr\":\"10.1.0.2\",\"port\":5353}}"));
	struct wd_kubeproxy *k = new ();

	(void)state;
	assert_int_equal(nft_read(k, text, sizeof(text) - 1, 1), 0);
	check_clean(k, 4);
	check_objects(k, "a/b ClusterIP ip=10.0.0.9 c:53/17->5353|  b-kube-proxy-ipv4 c:5353/17 "
	                 "10.1.0.1 10.1.0.2\n");
	wd_kubeproxy_free(k);
}

static void skips_broken_elements(void **state)
{
	static const char *const bad[] = {
		MAP("service-ips",
	            "[{\"concat\":[\"10.0.0.9\",\"tcp\"]}," GOTO("service-AAAAAAAA-a/b/tcp/c") "]"),
		MAP("service-ips", "[{\"concat\":[\"10.0.0\",\"tcp\",80]}," GOTO(
					   "service-AAAAAAAA-a/b/tcp/c") "]"),
		MAP("service-ips", "[{\"concat\":[\"10.0.0.9\",\"tcp\",80]},{\"drop\":null}]"),
		MAP("service-ips", "[{\"concat\":[\"10.0.0.9\",\"tcp\",80]}]"),
		MAP("service-ips", "17"),
		MAP("no-endpoint-services",
	            "[{\"concat\":[\"10.0.0.9\",\"tcp\",80]},{\"drop\":null}]"),
		MAP("no-endpoint-services",
	            "[{\"elem\":{\"val\":{\"concat\":[\"10.0.0.9\",\"tcp\",80]},\"comment\":\"a/b "
	            "\\u001b\"}},{\"drop\":null}]"),
		RULE("service-AAAAAAAA-a/b/tcp/c", "{\"dnat\":{\"addr\":\"10.1\",\"port\":80}}"),
		RULE("service-AAAAAAAA-a/b/tcp/c", "{\"dnat\":{\"port\":80}}"),
		RULE("service-AAAAAAAA-a/b/tcp/c",
	             "{\"dnat\":{\"addr\":\"10.1.0.1\",\"port\":\"x\"}}"),
		RULE("service-AAAAAAAA-a/b/tcp/c", "{\"vmap\":{\"data\":\"@x\"}}"),
		RULE("firewall-AAAAAAAA-a/b/tcp/c",
	             "{\"match\":{\"right\":{\"prefix\":{\"addr\":\"10.0.0.0\",\"len\":33}}}}"),
	};
	static const char good[] = MAP("service-ips", "[{\"concat\":[\"10.0.0.7\",6,80]}," GOTO(
							      "service-AAAAAAAA-a/good/tcp/c") "]");

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct wd_kubeproxy *k = new ();
		char text[2048];

		snprintf(text, sizeof(text), NFT("%s,%s,%s"), good, bad[i], good);
		assert_int_equal(nft_read(k, text, strlen(text), 64), 0);
		if (wd_kubeproxy_report(k)->refused != 1)
			fail_msg("%u refused: %s", (unsigned int)wd_kubeproxy_report(k)->refused,
			         bad[i]);
		check_objects(k, "a/good ClusterIP ip=10.0.0.7 c:80/6\n");
		wd_kubeproxy_free(k);
	}
}

static void cuts_documents_into_elements(void **state)
{
	static const struct {
		const char *text;
		int want;
	} cases[] = {
		{"{\"nftables\": []}", 0},
		{"{\"nftables\":[{\"a\":\"]}\\\"\"},1,[2],{}]}\n", 0},
		{"", -EPROTO},
		{"{\"nftables\": [", -EPROTO},
		{"{\"nftables\": [{\"a\":\"]}\\\"\"}", -EPROTO},
		{"x", -EPROTO},
		{"}", -EPROTO},
		{"{}x", -EPROTO},
	};
	struct wd_kubeproxy *k = new ();

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		for (size_t piece = 1; piece < 40; piece++)
			assert_int_equal(nft_read(k, cases[i].text, strlen(cases[i].text), piece),
			                 cases[i].want);
	wd_kubeproxy_free(k);
}

static void reads_ip_vs(void **state)
{
	static const char text[] = "IP Virtual Server version 1.2.1 (size=4096)\n"
				   "Prot LocalAddress:Port Scheduler Flags\n"
				   "  -> RemoteAddress:Port Forward Weight ActiveConn InActConn\n"
				   "TCP  0A600001:01BB rr  \n"
				   "  -> AC11003E:192B      Masq    1      0          0         \n"
				   "UDP  0A60000A:0035 rr  \n"
				   "TCP  0A60000A:0035 rr  persistent 10800\n"
				   "  -> 0AF40002:0035      Masq    1      0          0         \n"
				   "  -> 0AF40102:0035      Masq    1      0          0         \n"
				   "FWM  00000001 rr  \n"
				   "  -> 0AF40102:0035      Masq    1      0          0         \n"
				   "TCP  [fd00:0000:0000:0000:0000:0000:0000:000a]:0050 rr  \n"
				   "  -> [fd00:0001:0000:0000:0000:0000:0000:0005]:1F90      Masq  "
				   "  1      0          0\n"
				   "TCP  0A60:0035 rr\n"
				   "  -> 0AF40102:0035      Masq    1      0          0         \n";
	struct wd_kubeproxy *k = new ();

	(void)state;
	assert_int_equal(wd_kubeproxy_ipvs(k, text, sizeof(text) - 1), 0);
	assert_int_equal(wd_kubeproxy_report(k)->refused, 1);
	assert_string_equal(wd_kubeproxy_report(k)->first, "ip_vs line 14: TCP  0A60:0035 rr");
	check_objects(k,
	              "/10.96.0.1 ClusterIP ip=10.96.0.1 :443/6->6443|  10.96.0.1-kube-proxy-ipv4 "
	              ":6443/6 172.17.0.62\n"
	              "/10.96.0.10 ClusterIP ip=10.96.0.10 :53/17 :53/6->53 affinity|  "
	              "10.96.0.10-kube-proxy-ipv4 :53/6 10.244.0.2 10.244.1.2\n"
	              "/fd00::a ClusterIP ip=fd00::a :80/6->8080|  fd00::a-kube-proxy-ipv6 "
	              ":8080/6 fd00:1::5\n");
	wd_kubeproxy_free(k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_what_kube_proxy_wrote),
		cmocka_unit_test(joins_several_dumps),
		cmocka_unit_test(reads_every_layout),
		cmocka_unit_test(reads_a_real_node),
		cmocka_unit_test(reads_ipv6),
		cmocka_unit_test(follows_chains_without_comments),
		cmocka_unit_test(reads_old_layouts_and_affinity),
		cmocka_unit_test(parts_ports_with_other_endpoints),
		cmocka_unit_test(source_ranges_are_told_once),
		cmocka_unit_test(loops_of_chains_end),
		cmocka_unit_test(refuses_what_it_does_not_understand),
		cmocka_unit_test(comments_cannot_pose_as_options),
		cmocka_unit_test(tells_a_dump_that_is_not_whole),
		cmocka_unit_test(reads_chain_names),
		cmocka_unit_test(reads_endpoints_behind_cut_names),
		cmocka_unit_test(skips_broken_elements),
		cmocka_unit_test(cuts_documents_into_elements),
		cmocka_unit_test(reads_ip_vs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
