/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/follow.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "cmd/cmd.h"

/* Resolving a large cluster takes some ms. */
#define AGAIN_NS (2 * WD_NSEC_PER_SEC)
/* How long a reproducer waits for the cluster at most. */
#define PATIENCE_NS (3 * WD_NSEC_PER_SEC)

struct wd_follow {
	struct wd_spec *spec;
	struct wd_targets *targets;
	struct wd_cluster *cluster;
	struct wd_probe *probe;
	struct wd_hosts *hosts;
	uint64_t begun_ns, resolved_ns;
	uint64_t generation;
	bool user_all; /* the user's own word */
	bool known;    /* somebody told of Services, or of the API server */
	bool said, said_missing, said_cut, said_error;
};

int wd_follow_new(struct wd_spec *spec, struct wd_targets *targets, struct wd_cluster *cluster,
                  struct wd_follow **ret)
{
	struct wd_follow *f = calloc(1, sizeof(*f));

	if (!f)
		return -ENOMEM;
	f->spec = spec;
	f->targets = targets;
	f->cluster = cluster;
	f->user_all = targets->all;
	f->begun_ns = wd_clock_monotonic_ns();
	targets->all |= spec->by_default;
	*ret = f;
	return 0;
}

void wd_follow_probe(struct wd_follow *f, struct wd_probe *probe)
{
	f->probe = probe;
}

void wd_follow_free(struct wd_follow *f)
{
	if (!f)
		return;
	f->targets->hosts = NULL;
	wd_hosts_free(f->hosts);
	free(f);
}

/* ---- words --------------------------------------------------------------------------------- */

static void say_found(struct wd_follow *f, const struct wd_spec_result *r)
{
	f->said = true;
	if (f->spec->by_default && !f->known)
		wd_complain("this node and the API tell of no Service and no API server: tracing "
		            "connections to everybody");
	else if (f->spec->by_default)
		wd_complain(
			"tracing connections to the API server (%u addresses), Services (%u more), "
			"DNS (%u more)",
			r->api, r->services, r->dns);
	else if (f->spec->api && !r->api)
		wd_complain("target 'api': nobody tells (yet) where the API server is");
	else if (f->spec->services && !r->services)
		wd_complain("target 'services': nobody tells (yet) of any Service");
	else if (f->spec->dns && !r->dns)
		wd_complain("target 'dns': nobody tells (yet) where DNS is");
}

static void say_gaps(struct wd_follow *f, const struct wd_spec_result *r)
{
	if (r->missing && !f->said_missing) {
		f->said_missing = true;
		wd_complain(
			"%u of the Services and pods that you named %s not known (yet); the first: "
			"%s/%s/%s",
			r->missing, r->missing == 1 ? "is" : "are",
			r->first_missing->kind == WD_WANTED_POD ? "pod" : "svc",
			r->first_missing->ns, r->first_missing->name);
	}
	if (r->cut && !f->said_cut) {
		f->said_cut = true;
		wd_complain("more than %u target addresses: the others are not traced",
		            WD_HOSTS_MAX);
	}
}

/* ---- following ----------------------------------------------------------------------------- */

static void install(struct wd_follow *f, struct wd_hosts *hosts)
{
	struct wd_hosts *was = f->hosts;
	int r;

	f->hosts = hosts;
	f->targets->hosts = hosts;
	f->targets->all = f->user_all || (f->spec->by_default && !f->known);
	r = wd_probe_retarget(f->probe, f->targets, was);
	if (r < 0 && !f->said_error) {
		f->said_error = true;
		wd_complain("targets: the kernel's map takes no more (%s): some are not traced",
		            strerror(-r));
	}
	wd_hosts_free(was);
}

void wd_follow_run(struct wd_follow *f, uint64_t now_ns)
{
	const struct wd_addr *ips, *resolvers;
	uint64_t generation = wd_cluster_generation(f->cluster);
	size_t n_ips, n_resolvers;
	struct wd_spec_result r;
	bool settled = wd_cluster_settled(f->cluster);

	if (!f->probe || !wd_spec_follows(f->spec))
		return;
	if (generation == f->generation && (f->said || !settled))
		return;
	/* at once as soon as the first word is in, then now and then */
	if (f->resolved_ns && now_ns < f->resolved_ns + AGAIN_NS && (f->said || !settled))
		return;
	f->generation = generation;
	f->resolved_ns = now_ns;
	n_ips = wd_cluster_node_ips(f->cluster, &ips);
	n_resolvers = wd_cluster_resolvers(f->cluster, &resolvers);
	if (wd_spec_resolve(f->spec, wd_cluster_stores(f->cluster), ips, n_ips, resolvers,
	                    n_resolvers, &r) < 0)
		return;
	/* half of what there is must not narrow "everything" */
	if (!f->said && !settled && f->targets->all) {
		wd_hosts_free(r.hosts);
		return;
	}
	/* name servers alone are no cluster */
	f->known = r.api || r.services;
	install(f, r.hosts);
	if (!f->said && settled)
		say_found(f, &r);
	if (settled)
		say_gaps(f, &r);
}

bool wd_follow_ready(const struct wd_follow *f, uint64_t now_ns)
{
	/* whatever is traced: what fails first wants its names, too */
	bool known = wd_spec_follows(f->spec) ? f->said : wd_cluster_settled(f->cluster);

	return known || now_ns > f->begun_ns + PATIENCE_NS;
}
