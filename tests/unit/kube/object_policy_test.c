/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/kube/parsing.h"

#define RULES(r) "{" META ",'spec':{'podSelector':{},'ingress':" r "}}"
#define PEER(p)  RULES("[{'from':[" p "]}]")
#define PORT(p)  RULES("[{'ports':[" p "]}]")

static void policy_types(void **state)
{
	(void)state;
	is(WD_RESOURCE_POLICY, "{" META "}", "NetworkPolicy n/x pods() ingress");
	is(WD_RESOURCE_POLICY, "{" META ",'spec':{'egress':[]}}",
	   "NetworkPolicy n/x pods() ingress");
	is(WD_RESOURCE_POLICY, "{" META ",'spec':{'egress':[{}],'policyTypes':[]}}",
	   "NetworkPolicy n/x pods() ingress egress out<>");
	is(WD_RESOURCE_POLICY, "{" META ",'spec':{'egress':[{}],'policyTypes':['Ingress']}}",
	   "NetworkPolicy n/x pods() ingress out<>");
	is(WD_RESOURCE_POLICY, "{" META ",'spec':{'policyTypes':['Ingress','Egress','Later']}}",
	   "NetworkPolicy n/x pods() ingress egress");
	is(WD_RESOURCE_POLICY, "{" META ",'spec':{'policyTypes':['Later']}}",
	   "NetworkPolicy n/x pods()");
	refused(WD_RESOURCE_POLICY, "{" META ",'spec':{'policyTypes':'Ingress'}}",
	        "spec.policyTypes: not an array");
}

static void policy_selectors(void **state)
{
	(void)state;
	is(WD_RESOURCE_POLICY,
	   "{" META ",'spec':{'podSelector':{'matchLabels':{'app':'db'},'matchExpressions':["
	   "{'key':'a','operator':'In','values':['1','2']},{'key':'b','operator':'NotIn','values':"
	   "['']},{'key':'c','operator':'Exists'},{'key':'d','operator':'DoesNotExist','values':"
	   "null},{'key':'e','operator':'Gt','values':['1']}]}}}",
	   "NetworkPolicy n/x pods( {app:db} a#0,1,2 b#1, c#2 d#3 e#4,1) ingress");
	is(WD_RESOURCE_POLICY, "{" META ",'spec':{'podSelector':{'matchFields':[]}}}",
	   "NetworkPolicy n/x pods( #4) ingress");
	refused(WD_RESOURCE_POLICY,
	        "{" META ",'spec':{'podSelector':{'matchExpressions':[{'key':'a','operator':'In',"
	        "'values':[1]}]}}}",
	        "spec.podSelector.matchExpressions[0].values[0]: not a string");
}

static void policy_peers(void **state)
{
	(void)state;
	/* absent is not empty */
	is(WD_RESOURCE_POLICY, PEER("{'podSelector':{}}"),
	   "NetworkPolicy n/x pods() ingress in< peer pods()>");
	is(WD_RESOURCE_POLICY, PEER("{'namespaceSelector':{}}"),
	   "NetworkPolicy n/x pods() ingress in< peer namespaces()>");
	is(WD_RESOURCE_POLICY, PEER("{'podSelector':null,'namespaceSelector':{}}"),
	   "NetworkPolicy n/x pods() ingress in< peer namespaces()>");
	/* both in one are one peer */
	is(WD_RESOURCE_POLICY,
	   PEER("{'podSelector':{'matchLabels':{'a':'b'}},'namespaceSelector':{'matchLabels':"
	        "{'c':'d'}}},{'podSelector':{}}"),
	   "NetworkPolicy n/x pods() ingress in< peer pods( {a:b}) namespaces( {c:d}) peer "
	   "pods()>");
	is(WD_RESOURCE_POLICY,
	   PEER("{'ipBlock':{'cidr':'10.1.2.3/8','except':['10.1.0.0/16','10.2.3.4/32']}}"),
	   "NetworkPolicy n/x pods() ingress in< peer block[10.0.0.0/8] "
	   "except[10.1.0.0/16,10.2.3.4/32]>");
	is(WD_RESOURCE_POLICY,
	   PEER("{'ipBlock':{'cidr':'fd00::1/64'}},{'ipBlock':{'cidr':'::/0'}}"),
	   "NetworkPolicy n/x pods() ingress in< peer block[fd00::/64] peer block[::/0]>");
	is(WD_RESOURCE_POLICY, RULES("[]"), "NetworkPolicy n/x pods() ingress");
	is(WD_RESOURCE_POLICY, RULES("[{}]"), "NetworkPolicy n/x pods() ingress in<>");
	is(WD_RESOURCE_POLICY, RULES("[{'from':[],'ports':null}]"),
	   "NetworkPolicy n/x pods() ingress in<>");
}

static void policy_peers_that_are_unknown(void **state)
{
	static const char *const unknown[] = {
		"{'podSelector':{},'serviceAccounts':{}}",
		"{}",
		"{'ipBlock':null}",
	};
	static const char *const blocks[] = {
		"{'ipBlock':{'cidr':'10.0.0.0/33'}}",
		"{'ipBlock':{'cidr':'10.0.0.0'}}",
		"{'ipBlock':{}}",
		"{'ipBlock':{'cidr':'fd00::/129'}}",
		"{'ipBlock':{'cidr':'10.0.0.0/8','except':['x']}}",
		"{'ipBlock':{'cidr':'10.0.0.0/8','ports':[]}}",
	};
	char s[400];

	(void)state;
	for (size_t i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++) {
		snprintf(s, sizeof(s), PEER("%s"), unknown[i]);
		is(WD_RESOURCE_POLICY, s,
		   i ? "NetworkPolicy n/x pods() ingress in< peer unknown>"
		     : "NetworkPolicy n/x pods() ingress in< peer pods() unknown>");
	}
	for (size_t i = 0; i < sizeof(blocks) / sizeof(blocks[0]); i++) {
		snprintf(s, sizeof(s), PEER("%s"), blocks[i]);
		is(WD_RESOURCE_POLICY, s,
		   i < 4 ? "NetworkPolicy n/x pods() ingress in< peer block[::/0] unknown>"
		         : "NetworkPolicy n/x pods() ingress in< peer block[10.0.0.0/8] unknown>");
	}
}

static void policy_ports(void **state)
{
	(void)state;
	is(WD_RESOURCE_POLICY,
	   PORT("{'port':80},{'port':'http','protocol':'UDP'},{'protocol':'SCTP'},"
	        "{'port':32000,'endPort':32768},{'port':1,'protocol':'ICMP'},{}"),
	   "NetworkPolicy n/x pods() ingress in< 80-0/6 0-0http/17 0-0/132 32000-32768/6 1-0/0 "
	   "0-0/6>");
	/* leaving one out would allow every port */
	refused(WD_RESOURCE_POLICY, PORT("{'port':0}"),
	        "spec.ingress[0].ports[0].port: not a port number");
	refused(WD_RESOURCE_POLICY, PORT("{'port':1},{'port':65536}"),
	        "spec.ingress[0].ports[1].port: not a port number");
	refused(WD_RESOURCE_POLICY, PORT("{'port':''}"), "spec.ingress[0].ports[0].port: empty");
	refused(WD_RESOURCE_POLICY, PORT("{'port':[80]}"),
	        "spec.ingress[0].ports[0].port: neither an integer nor a string");
	refused(WD_RESOURCE_POLICY, PORT("{'endPort':80}"),
	        "spec.ingress[0].ports[0].endPort: no range with its port");
	refused(WD_RESOURCE_POLICY, PORT("{'port':'a','endPort':80}"),
	        "spec.ingress[0].ports[0].endPort: no range with its port");
	refused(WD_RESOURCE_POLICY, PORT("{'port':81,'endPort':80}"),
	        "spec.ingress[0].ports[0].endPort: no range with its port");
	refused(WD_RESOURCE_POLICY, PORT("{'port':81,'endPort':65536}"),
	        "spec.ingress[0].ports[0].endPort: no range with its port");
	refused(WD_RESOURCE_POLICY, RULES("[null]"), "spec.ingress[0]: not an object");
	refused(WD_RESOURCE_POLICY, PEER("'x'"), "spec.ingress[0].from[0]: not an object");
	refused(WD_RESOURCE_POLICY, "{" META ",'spec':{'egress':[{'to':[{'podSelector':7}]}]}}",
	        "spec.egress[0].to[0].podSelector: not an object");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(policy_types), cmocka_unit_test(policy_selectors),
		cmocka_unit_test(policy_peers), cmocka_unit_test(policy_peers_that_are_unknown),
		cmocka_unit_test(policy_ports),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
