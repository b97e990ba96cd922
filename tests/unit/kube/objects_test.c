/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/split.h"
#include "tests/unit/kube/parsing.h"

/* ---- pods -------------------------------------------------------------------------------- */

static void pods(void **state)
{
	(void)state;
	is(WD_RESOURCE_POD,
	   "{'kind':'Pod','apiVersion':'v1','metadata':{'namespace':'shop','name':'cart-0',"
	   "'uid':'0F7a1c9e-2b3d-4e5f-8a9b-0c1d2e3f4a5b','labels':{'b':'2','a':'1','e':''}},"
	   "'spec':{'nodeName':'aks-1','containers':[{'ports':[{'name':'http','containerPort':80},"
	   "{'containerPort':53,'protocol':'UDP'}]},{'name':'none'},"
	   "{'ports':[{'containerPort':9,'protocol':'SCTP','hostPort':5}]}],"
	   "'initContainers':[{'ports':[{'containerPort':1}]},"
	   "{'restartPolicy':'Always','ports':[{'name':'mesh','containerPort':2}]}]},"
	   "'status':{'phase':'Running','podIP':'10.0.0.1','podIPs':[{'ip':'10.0.0.1'},"
	   "{'ip':'fd00::1'}],'conditions':[{'type':'Initialized','status':'True'},"
	   "{'type':'Ready','status':'True'}]}}",
	   "Pod shop/cart-0 node=aks-1 uid=0f7a1c9e2b3d4e5f8a9b0c1d2e3f4a5b "
	   "labels{b:2,a:1,e:} ips[10.0.0.1,fd00::1] http:80/6 :53/17 :9/132 mesh:2/6 ready");
	is(WD_RESOURCE_POD, "{" META "}", "Pod n/x");
	is(WD_RESOURCE_POD, "{" META ",'spec':null,'status':null}", "Pod n/x");
	is(WD_RESOURCE_POD,
	   "{'metadata':{'namespace':'n','name':'x','deletionTimestamp':'2026-01-01T00:00:00Z'},"
	   "'spec':{'hostNetwork':true,'containers':null},'status':{'podIP':'10.0.0.4',"
	   "'conditions':[{'type':'Ready','status':'False'}]}}",
	   "Pod n/x ips[10.0.0.4] host terminating");
	is(WD_RESOURCE_POD, "{" META ",'status':{'phase':'Succeeded'}}", "Pod n/x terminal");
	is(WD_RESOURCE_POD, "{" META ",'status':{'phase':'Failed'}}", "Pod n/x terminal");
	is(WD_RESOURCE_POD, "{" META ",'status':{'phase':'Pending','podIPs':[]}}", "Pod n/x");
}

static void uids_are_uuids_or_nothing(void **state)
{
	static const char *const others[] = {
		"x",
		"0f7a1c9e2b3d4e5f8a9b0c1d2e3f4a5b",
		"0f7a1c9e-2b3d-4e5f-8a9b-0c1d2e3f4a5",
		"0f7a1c9e-2b3d-4e5f-8a9b-0c1d2e3f4a5b0",
		"0f7a1c9e-2b3d-4e5f-8a9b-0c1d2e3f4a5g",
		"0f7a1c9e-2b3d-4e5f-8a9b00c1d2e3f4a5b",
		"-f7a1c9e-2b3d-4e5f-8a9b-0c1d2e3f4a5b",
	};
	char s[200];

	(void)state;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		snprintf(s, sizeof(s), "{'metadata':{'namespace':'n','name':'x','uid':'%s'}}",
		         others[i]);
		is(WD_RESOURCE_POD, s, "Pod n/x");
	}
}

static void pods_elements_left_out(void **state)
{
	(void)state;
	assert_int_equal(
		left_out(WD_RESOURCE_POD,
	                 "{" META ",'status':{'podIPs':[{'ip':'10.0.0.1'},{'ip':'10.0.0'},"
	                 "{'ip':''},{'ip':'fd00::1%eth0'},{'ip':'10.0.0.2'}]},'spec':{'containers':"
	                 "[{'ports':[{'containerPort':0},{'containerPort':65536},"
	                 "{'containerPort':-1},{'containerPort':9223372036854775807},"
	                 "{'containerPort':65535},{'containerPort':1,'protocol':'tcp'}]}]}}",
	                 "Pod n/x ips[10.0.0.1,10.0.0.2] :65535/6"),
		2 + 5);
	assert_int_equal(left_out(WD_RESOURCE_POD, "{" META ",'status':{'podIP':'?'}}", "Pod n/x"),
	                 1);
}

static void pods_wrong_types(void **state)
{
	(void)state;
	refused(WD_RESOURCE_POD, "{" META ",'spec':[]}", "spec: not an object");
	refused(WD_RESOURCE_POD, "{" META ",'spec':{'nodeName':1}}", "spec.nodeName: not a string");
	refused(WD_RESOURCE_POD, "{" META ",'spec':{'hostNetwork':'true'}}",
	        "spec.hostNetwork: neither true nor false");
	refused(WD_RESOURCE_POD, "{" META ",'spec':{'containers':{}}}",
	        "spec.containers: not an array");
	refused(WD_RESOURCE_POD, "{" META ",'spec':{'containers':[{},null]}}",
	        "spec.containers[1]: not an object");
	refused(WD_RESOURCE_POD,
	        "{" META ",'spec':{'containers':[{},{'ports':[{'containerPort':1},"
	        "{'containerPort':'80'}]}]}}",
	        "spec.containers[1].ports[1].containerPort: not an integer");
	refused(WD_RESOURCE_POD,
	        "{" META ",'spec':{'containers':[{'ports':[{'containerPort':1.0}]}]}}",
	        "spec.containers[0].ports[0].containerPort: not an integer");
	refused(WD_RESOURCE_POD, "{" META ",'status':{'podIPs':['10.0.0.1']}}",
	        "status.podIPs[0]: not an object");
	refused(WD_RESOURCE_POD, "{" META ",'status':{'conditions':[7]}}",
	        "status.conditions[0]: not an object");
	refused(WD_RESOURCE_POD, "{'metadata':{'namespace':'n','name':'x','labels':{'a':1}}}",
	        "metadata.labels.a: not a string");
	refused(WD_RESOURCE_POD, "{'metadata':{'namespace':'n','name':'x','labels':[]}}",
	        "metadata.labels: not an object");
}

static void names_are_needed(void **state)
{
	(void)state;
	refused(WD_RESOURCE_POD, "{}", "metadata.name: missing");
	refused(WD_RESOURCE_POD, "{'metadata':{'namespace':'n'}}", "metadata.name: missing");
	refused(WD_RESOURCE_POD, "{'metadata':{'name':'x'}}", "metadata.namespace: missing");
	refused(WD_RESOURCE_POD, "{'metadata':{'namespace':'n','name':''}}",
	        "metadata.name: missing");
	refused(WD_RESOURCE_POD, "{'metadata':{'namespace':'n','name':['x']}}",
	        "metadata.name: not a string");
	is(WD_RESOURCE_NODE, "{'metadata':{'name':'x'}}", "Node /x");
	is(WD_RESOURCE_NAMESPACE, "{'metadata':{'name':'x'}}", "Namespace /x");
}

static void kinds_are_compared(void **state)
{
	(void)state;
	refused(WD_RESOURCE_POD, "{'kind':'Service'," META "}", "kind: another kind than expected");
	refused(WD_RESOURCE_POLICY,
	        "{'kind':'NetworkPolicy','apiVersion':'projectcalico.org/v3'," META "}",
	        "apiVersion: another API than expected");
	is(WD_RESOURCE_POLICY,
	   "{'kind':'NetworkPolicy','apiVersion':'networking.k8s.io/v1'," META
	   ",'spec':{'policyTypes':"
	   "['Egress']}}",
	   "NetworkPolicy n/x pods() egress");
	is(WD_RESOURCE_NAMESPACE,
	   "{'kind':'PartialObjectMetadata','apiVersion':'meta.k8s.io/"
	   "v1','metadata':{'name':'shop',"
	   "'labels':{'team':'shop'}}}",
	   "Namespace /shop labels{team:shop}");
	refused(WD_RESOURCE_POD,
	        "{'kind':'PartialObjectMetadata','apiVersion':'meta.k8s.io/v1'," META "}",
	        "kind: another kind than expected");
}

/* ---- services, slices -------------------------------------------------------------------- */

static void services(void **state)
{
	(void)state;
	is(WD_RESOURCE_SERVICE,
	   "{" META ",'spec':{'type':'LoadBalancer','clusterIP':'10.96.0.1','clusterIPs':"
	   "['10.96.0.1','fd00::1'],'externalIPs':['1.2.3.4'],'loadBalancerSourceRanges':"
	   "[' 10.0.0.1/8 ','fd00::/64'],'selector':{'app':'x'},'sessionAffinity':'ClientIP',"
	   "'internalTrafficPolicy':'Local','externalTrafficPolicy':'Local','ports':["
	   "{'name':'a','port':80,'targetPort':8080,'nodePort':30080},"
	   "{'name':'b','port':53,'protocol':'UDP','targetPort':'dns'},{'port':9}]},"
	   "'status':{'loadBalancer':{'ingress':[{'ip':'5.6.7.8'},{'hostname':'h'}]}}}",
	   "Service n/x type=2 cluster[10.96.0.1,fd00::1] external[1.2.3.4] lb[5.6.7.8] "
	   "sources[10.0.0.0/8,fd00::/64] a:80/6>8080@30080 b:53/17>0dns@0 :9/6>0@0 "
	   "selector{app:x} internal-local external-local affinity");
	is(WD_RESOURCE_SERVICE, "{" META "}", "Service n/x type=0");
	is(WD_RESOURCE_SERVICE, "{" META ",'spec':{'clusterIP':'None','clusterIPs':['None']}}",
	   "Service n/x type=0 headless");
	is(WD_RESOURCE_SERVICE, "{" META ",'spec':{'clusterIP':'None'}}",
	   "Service n/x type=0 headless");
	is(WD_RESOURCE_SERVICE, "{" META ",'spec':{'clusterIP':'10.96.0.7','type':'NodePort'}}",
	   "Service n/x type=1 cluster[10.96.0.7]");
	is(WD_RESOURCE_SERVICE,
	   "{" META ",'spec':{'type':'ExternalName','externalName':'db.example.net'}}",
	   "Service n/x type=3 name=db.example.net");
	is(WD_RESOURCE_SERVICE, "{" META ",'spec':{'type':'ClusterIP','clusterIP':''}}",
	   "Service n/x type=0");
	assert_int_equal(left_out(WD_RESOURCE_SERVICE,
	                          "{" META ",'spec':{'clusterIPs':['x'],'externalIPs':['1.2.3'],"
	                          "'loadBalancerSourceRanges':['10.0.0.0/33','any'],"
	                          "'ports':[{'port':0},{'port':70000},{'port':1,'nodePort':-4},"
	                          "{'port':1,'targetPort':65536},{'port':1,'protocol':'IP'},"
	                          "{'port':2}]}}",
	                          "Service n/x type=0 :2/6>0@0"),
	                 9);
	refused(WD_RESOURCE_SERVICE, "{" META ",'spec':{'ports':[{'port':1},{'port':1.5}]}}",
	        "spec.ports[1].port: not an integer");
	refused(WD_RESOURCE_SERVICE, "{" META ",'spec':{'ports':[{'port':1,'targetPort':true}]}}",
	        "spec.ports[0].targetPort: neither an integer nor a string");
	refused(WD_RESOURCE_SERVICE, "{" META ",'spec':{'clusterIPs':[1]}}",
	        "spec.clusterIPs[0]: not a string");
}

static void slices(void **state)
{
	(void)state;
	is(WD_RESOURCE_SLICE,
	   "{'metadata':{'namespace':'n','name':'x','labels':{'kubernetes.io/service-name':'api'}},"
	   "'addressType':'IPv4','endpoints':[{'addresses':['10.0.0.1']},"
	   "{'addresses':['10.0.0.2','10.0.0.3'],'conditions':{'ready':false,'serving':true,"
	   "'terminating':true},'nodeName':'aks-1','targetRef':{'kind':'Pod','namespace':'m',"
	   "'name':'p'}},{'addresses':['10.0.0.4'],'conditions':{'ready':null,'serving':false},"
	   "'targetRef':{'kind':'Pod','name':'q'}},"
	   "{'addresses':['10.0.0.5'],'targetRef':{'kind':'Node','name':'q'}}],"
	   "'ports':[{'name':'https','port':6443,'protocol':'TCP'},{'name':null,'port':null}]}",
	   "EndpointSlice n/x service=api https:6443/6 :0/6 (10.0.0.1 ready serving) "
	   "(10.0.0.2 serving terminating node=aks-1 ns=m pod=p) "
	   "(10.0.0.3 serving terminating node=aks-1 ns=m pod=p) (10.0.0.4 ready ns=n pod=q) "
	   "(10.0.0.5 ready serving)");
	is(WD_RESOURCE_SLICE, "{" META ",'addressType':'IPv6','endpoints':null,'ports':null}",
	   "EndpointSlice n/x");
	assert_int_equal(left_out(WD_RESOURCE_SLICE,
	                          "{" META ",'addressType':'FQDN','endpoints':[{'addresses':"
	                          "['a.example']}]}",
	                          "EndpointSlice n/x"),
	                 0);
	assert_int_equal(left_out(WD_RESOURCE_SLICE,
	                          "{" META ",'addressType':'IPv4','endpoints':[{'addresses':"
	                          "['a.example','','::1']}],'ports':[{'port':0},{'port':-1},"
	                          "{'protocol':'x'}]}",
	                          "EndpointSlice n/x (::1 ready serving)"),
	                 5);
	refused(WD_RESOURCE_SLICE, "{" META ",'endpoints':[{'addresses':['::1',5]}]}",
	        "endpoints[0].addresses[1]: not a string");
	refused(WD_RESOURCE_SLICE,
	        "{" META ",'endpoints':[{'addresses':['::1'],'conditions':"
	        "{'ready':'yes'}}]}",
	        "endpoints[0].conditions.ready: neither true nor false");
}

/* ---- nodes, NodeNetworkConfigs ----------------------------------------------------------- */

static void nodes(void **state)
{
	(void)state;
	is(WD_RESOURCE_NODE,
	   "{'metadata':{'name':'aks-1','labels':{'a':'b'}},'spec':{'podCIDR':'10.244.0.0/24',"
	   "'podCIDRs':['10.244.0.0/24','fd00:1::/64'],'providerID':'azure:///x',"
	   "'unschedulable':true},'status':{'addresses':[{'type':'InternalIP','address':"
	   "'10.224.0.4'},{'type':'Hostname','address':'aks-1'},{'type':'ExternalIP','address':"
	   "'20.1.2.3'},{'type':'InternalIP','address':'fd00::4'}],'conditions':[{'type':'Ready',"
	   "'status':'True'}],'nodeInfo':{'osImage':'Ubuntu','kernelVersion':'6.8',"
	   "'containerRuntimeVersion':'containerd://2','kubeletVersion':'v1.35.0'}}}",
	   "Node /aks-1 labels{a:b} internal[10.224.0.4,fd00::4] external[20.1.2.3] "
	   "cidrs[10.244.0.0/24,fd00:1::/64] provider=azure:///x os=Ubuntu kernel=6.8 "
	   "runtime=containerd://2 kubelet=v1.35.0 ready unschedulable");
	is(WD_RESOURCE_NODE, "{'metadata':{'name':'a'},'spec':{'podCIDR':'10.244.0.0/24'}}",
	   "Node /a cidrs[10.244.0.0/24]");
	assert_int_equal(left_out(WD_RESOURCE_NODE,
	                          "{'metadata':{'name':'a'},'spec':{'podCIDR':'?'},'status':"
	                          "{'addresses':[{'type':'InternalIP','address':'x'}]}}",
	                          "Node /a"),
	                 2);
}

static void node_network_configs(void **state)
{
	(void)state;
	is(WD_RESOURCE_NNC,
	   "{'apiVersion':'acn.azure.com/v1alpha','kind':'NodeNetworkConfig'," META ",'spec':"
	   "{'requestedIPCount':32},'status':{'assignedIPCount':16,'status':'Updated','scaler':"
	   "{'maxIPCount':250},'networkContainers':[{'id':'u','assignmentMode':'dynamic','type':"
	   "'vnet','status':'NCUpdateSuccess','subnetName':'s','subnetAddressSpace':'10.18.0.0/15',"
	   "'primaryIP':'10.18.0.3','ipAssignments':[{'name':'1','ip':'10.18.0.4'}]},"
	   "{'primaryIP':'192.168.1.7/24'},{'type':'vnetblock','primaryIP':'10.0.0.16/28',"
	   "'ipAssignments':[{'ip':'10.0.0.32/28'}]}]}}",
	   "NodeNetworkConfig n/x requested=32 assigned=16 max=250 status=Updated ( id=u "
	   "mode=dynamic type=vnet status=NCUpdateSuccess subnet=s space[10.18.0.0/15] "
	   "primary[10.18.0.3/32] ips[10.18.0.4]) ( primary[192.168.1.0/24]) ( type=vnetblock "
	   "primary[10.0.0.16/28])");
	is(WD_RESOURCE_NNC, "{" META "}", "NodeNetworkConfig n/x");
	assert_int_equal(left_out(WD_RESOURCE_NNC,
	                          "{" META ",'status':{'networkContainers':[{'primaryIP':'x',"
	                          "'subnetAddressSpace':'y','ipAssignments':[{'ip':'z'},{}]}]}}",
	                          "NodeNetworkConfig n/x ()"),
	                 3);
	refused(WD_RESOURCE_NNC, "{" META ",'spec':{'requestedIPCount':-1}}",
	        "spec.requestedIPCount: negative");
	refused(WD_RESOURCE_NNC, "{" META ",'status':{'assignedIPCount':'16'}}",
	        "status.assignedIPCount: not an integer");
}

/* ---- hostile ----------------------------------------------------------------------------- */

static void refused_like(const char *s, size_t n, const char *like)
{
	struct wd_object o;

	assert_int_equal(wd_parse_object(parse, WD_RESOURCE_POD, s, n, &o, err), -EPROTO);
	if (!strstr(err, like))
		fail_msg("\"%s\" instead of \"%s\"", err, like);
}

static void what_is_no_json(void **state)
{
	static const char whole[] = "{\"metadata\":{\"namespace\":\"n\",\"name\":\"x\",\"labels\":"
				    "{\"a\":\"b\"}},\"spec\":{\"containers\":[{\"ports\":[{"
				    "\"containerPort\":80}]}]}}";
	struct wd_object o;

	(void)state;
	for (size_t n = 0; n < sizeof(whole) - 1; n++) {
		char *copy = malloc(n ? n : 1);

		memcpy(copy, whole, n);
		refused_like(copy, n, "not JSON: byte ");
		free(copy);
	}
	assert_int_equal(wd_parse_object(parse, WD_RESOURCE_POD, whole, sizeof(whole) - 1, &o, err),
	                 0);
	refused_like("[]", 2, "not an object");
	refused_like("{} {}", 5, "not JSON: byte ");
	refused_like("{\"a\":1,\"a\":2}", 13, "not JSON: byte ");
	refused_like("{\"a\":\"\xff\"}", 9, "unable to decode byte 0xff");
	refused_like("{\"a\":\"\xc0\x80\"}", 10, "unable to decode byte 0xc0");
	refused_like("{\"a\":99999999999999999999}", 26, "too big integer");
	refused_like("{\"a\":1e999}", 11, "real number overflow");
}

/* Elsewhere a NUL does no harm: an argument of a container may have one. */
static void a_nul_in_a_name_is_refused(void **state)
{
	(void)state;
	refused(WD_RESOURCE_POD, "{'metadata':{'namespace':'n','name':'x\\u0000y'}}",
	        "metadata.name: holds a NUL");
	refused(WD_RESOURCE_POD, "{'metadata':{'namespace':'\\u0000','name':'x'}}",
	        "metadata.namespace: holds a NUL");
	refused(WD_RESOURCE_POD,
	        "{'metadata':{'namespace':'n','name':'x','labels':{'a':'\\u0000'}}}",
	        "metadata.labels.a: holds a NUL");
	is(WD_RESOURCE_POD, "{" META ",'spec':{'containers':[{'args':['\\u0000']}]}}", "Pod n/x");
	refused_like("{\"a\\u0000\":1}", 13, "not JSON: byte ");
}

static void long_texts_and_deep_nests(void **state)
{
	struct wd_buf b;
	char *at;

	(void)state;
	wd_buf_init(&b, 64u << 20);
	wd_buf_puts(&b, "{\"metadata\":{\"namespace\":\"n\",\"name\":\"");
	at = wd_buf_reserve(&b, 10u << 20);
	assert_non_null(at);
	memset(at, 'x', 10u << 20);
	b.len += 10u << 20;
	wd_buf_puts(&b, "\"}}");
	refused_like(b.data, b.len, "longer than 4194304 bytes");
	memset(b.data, '[', b.len);
	refused_like(b.data, 100000, "maximum parsing depth");
	wd_buf_release(&b);
}

/* A path that is as long as the attacker likes is cut, never the reason. */
static void long_paths_are_cut(void **state)
{
	char s[3000];
	size_t n;

	(void)state;
	n = (size_t)snprintf(s, sizeof(s),
	                     "{\"metadata\":{\"namespace\":\"n\",\"name\":\"x\","
	                     "\"labels\":{\"%02000d\":1}}}",
	                     7);
	refused_like(s, n, "0: not a string");
	assert_true(strlen(err) < 200);
}

/* begin, then as many of `each` as asked for, end. */
static void refused_many(enum wd_resource kind, const char *begin, const char *each, size_t n,
                         const char *finish, const char *error)
{
	struct wd_object o;
	struct wd_buf b;

	wd_buf_init(&b, WD_SPLIT_VALUE_MAX);
	wd_buf_puts(&b, "{\"metadata\":{\"namespace\":\"n\",\"name\":\"x\"},");
	wd_buf_puts(&b, begin);
	wd_buf_puts(&b, each);
	while (n--) {
		wd_buf_putc(&b, ',');
		wd_buf_puts(&b, each);
	}
	wd_buf_puts(&b, finish);
	assert_int_equal(b.err, 0);
	assert_int_equal(wd_parse_object(parse, kind, b.data, b.len, &o, err), -EPROTO);
	assert_string_equal(err, error);
	wd_buf_release(&b);
	is(WD_RESOURCE_NODE, "{'metadata':{'name':'x'}}", "Node /x");
}

/* Three bytes of text are 136 of a peer: bounded all the same. */
static void memory_is_bounded(void **state)
{
	(void)state;
	refused_many(WD_RESOURCE_SLICE, "\"endpoints\":[{\"addresses\":[", "\"\"", 1000000, "]}]}",
	             "holds too many values");
	refused_many(WD_RESOURCE_POLICY, "\"spec\":{\"ingress\":[{\"from\":[", "{}", 180000,
	             "]}]}}", "holds more than can be kept");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pods),
		cmocka_unit_test(uids_are_uuids_or_nothing),
		cmocka_unit_test(pods_elements_left_out),
		cmocka_unit_test(pods_wrong_types),
		cmocka_unit_test(names_are_needed),
		cmocka_unit_test(kinds_are_compared),
		cmocka_unit_test(services),
		cmocka_unit_test(slices),
		cmocka_unit_test(nodes),
		cmocka_unit_test(node_network_configs),
		cmocka_unit_test(what_is_no_json),
		cmocka_unit_test(a_nul_in_a_name_is_refused),
		cmocka_unit_test(long_texts_and_deep_nests),
		cmocka_unit_test(long_paths_are_cut),
		cmocka_unit_test(memory_is_bounded),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
