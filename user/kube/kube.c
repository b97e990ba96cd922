/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/kube.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "kube/reflector.h"

struct wd_kube {
	struct wd_client *client;
	struct wd_reflector_env env;
	struct wd_reflector *reflectors[WD_RESOURCE_MAX];
	struct wd_wants *wants;
	struct wd_store *store;
	enum wd_kube_scope scope;
	char node[254];
};

/* RFC 1123, as Kubernetes demands of its names: nothing that a URL would have to escape. */
static bool node_is_sane(const char *name)
{
	size_t n = strlen(name);

	return n > 0 && n <= 253 && strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789.-") == n;
}

int wd_kube_new(const struct wd_kube_options *o, struct wd_kube **ret, char err[WD_KUBE_ERRLEN])
{
	const struct wd_kube_sources from = {.file = o->kubeconfig,
	                                     .context = o->context,
	                                     .host_root = o->host_root,
	                                     .account = o->account};
	struct wd_kube_config *config;
	struct wd_kube *k;
	int r;

	if (o->scope == WD_KUBE_SCOPE_NODE && (!o->node || !node_is_sane(o->node))) {
		snprintf(err, WD_KUBE_ERRLEN, "'%.253s' is no name of a node",
		         o->node ? o->node : "");
		return -EINVAL;
	}
	r = wd_kube_config_new(&from, &config, err);
	if (r)
		return r;
	k = calloc(1, sizeof(*k));
	if (!k)
		wd_kube_config_free(config);
	r = k ? wd_client_new(o->loop, config, o->host_root, o->times, &k->client) : -ENOMEM;
	if (!r)
		r = wd_wants_new(k->client, o->store, &k->wants);
	if (r) {
		snprintf(err, WD_KUBE_ERRLEN, "%s", strerror(-r));
		wd_kube_free(k);
		return r;
	}
	k->store = o->store;
	k->scope = o->scope;
	snprintf(k->node, sizeof(k->node), "%s", o->node ? o->node : "");
	k->env = (struct wd_reflector_env){.client = k->client,
	                                   .store = o->store,
	                                   .no_watch = o->no_watch,
	                                   .log = o->log,
	                                   .ctx = o->ctx};
	*ret = k;
	return 0;
}

static bool of_this_node(const struct wd_kube *k, enum wd_resource r)
{
	return k->scope == WD_KUBE_SCOPE_NODE &&
	       (r == WD_RESOURCE_POD || r == WD_RESOURCE_NODE || r == WD_RESOURCE_NNC);
}

int wd_kube_start(struct wd_kube *k)
{
	char selector[300];
	int e;

	for (int i = 0; i < WD_RESOURCE_MAX; i++) {
		enum wd_resource r = (enum wd_resource)i;
		bool node_only = of_this_node(k, r);

		selector[0] = '\0';
		if (node_only)
			snprintf(selector, sizeof(selector), "%s%%3D%s",
			         r == WD_RESOURCE_POD ? "spec.nodeName" : "metadata.name", k->node);
		e = wd_reflector_new(&k->env, r, selector, node_only, &k->reflectors[i]);
		if (e)
			return e;
	}
	for (int i = 0; i < WD_RESOURCE_MAX; i++)
		wd_reflector_start(k->reflectors[i]);
	return 0;
}

void wd_kube_free(struct wd_kube *k)
{
	if (!k)
		return;
	k->env.quiet = true;
	for (int i = 0; i < WD_RESOURCE_MAX; i++)
		wd_reflector_free(k->reflectors[i]);
	wd_wants_free(k->wants);
	wd_client_free(k->client);
	free(k);
}

bool wd_kube_settled(const struct wd_kube *k)
{
	for (int i = 0; i < WD_RESOURCE_MAX; i++) {
		const struct wd_store_state *st = wd_store_state(k->store, (enum wd_resource)i);

		if (!st->complete && !st->absent && !st->problem)
			return false;
	}
	return true;
}

const struct wd_kube_health *wd_kube_health(const struct wd_kube *k)
{
	return &k->client->health;
}

char *wd_kube_health_words(const struct wd_kube_health *h, uint64_t now_ns, char *buf, size_t size)
{
	char span[WD_SPAN_STRLEN], last[WD_SPAN_STRLEN + 40] = ", and it never answered";

	if (h->answered_ns) {
		wd_clock_format_span((now_ns - h->answered_ns) / WD_NSEC_PER_MSEC, span);
		snprintf(last, sizeof(last), "; it last answered %s ago", span);
	}
	if (h->reachable && h->detour)
		snprintf(buf, size,
		         "whydrop reaches the API server only at the kubelet's address, %s; the "
		         "usual way failed %s ago: %s",
		         h->server,
		         wd_clock_format_span((now_ns - h->usual_ns) / WD_NSEC_PER_MSEC, span),
		         h->usual.text);
	else if (h->reachable)
		snprintf(buf, size, "whydrop's own connection to %s works%s", h->server, last);
	else if (!h->failed_ns)
		snprintf(buf, size, "whydrop's own connection to %s has not been tried yet",
		         h->server);
	else
		snprintf(buf, size, "whydrop's own connection to %s failed %s ago: %s%s", h->server,
		         wd_clock_format_span((now_ns - h->failed_ns) / WD_NSEC_PER_MSEC, span),
		         h->failure.text, last);
	return buf;
}

int wd_kube_want_pod(struct wd_kube *k, const struct wd_addr *ip)
{
	const struct wd_store_state *st = wd_store_state(k->store, WD_RESOURCE_POD);
	const struct wd_pod *pod;
	bool known = wd_store_pods_by_ip(k->store, ip, &pod, 1) > 0;

	if (st->complete && !st->node_only && st->live)
		return known ? WD_WANT_FOUND : WD_WANT_NONE;
	/* watched, so it is fresh */
	if (known && !pod->on_demand && st->live)
		return WD_WANT_FOUND;
	return wd_wants_ask(k->wants, ip);
}

int wd_kube_list_raw(struct wd_kube *k, const struct wd_raw_request *q, struct wd_raw **ret)
{
	return wd_raw_start(k->client, q, ret);
}
