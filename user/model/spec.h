/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The TARGET words of a command, and what they mean on this cluster at this time: `api`,
 * `services`, `dns`, `svc/NS/NAME` and `pod/NS/NAME` stand for addresses that come and go.
 */
#ifndef WD_MODEL_SPEC_H
#define WD_MODEL_SPEC_H

#include <stdbool.h>
#include <stddef.h>

#include "model/hosts.h"
#include "model/target.h"
#include "model/who.h"

enum wd_wanted_kind {
	WD_WANTED_SERVICE,
	WD_WANTED_POD,
};

struct wd_wanted {
	enum wd_wanted_kind kind;
	const char *ns, *name; /* in `text` */
	char *text;
};

#define WD_WANTED_MAX 256

struct wd_spec {
	bool api, services, dns;
	bool by_default; /* nobody asked: api, services, dns */
	struct wd_wanted wanted[WD_WANTED_MAX];
	unsigned int n_wanted;
	struct wd_targets *fixed; /* prefixes and `all`: not owned */
};

/* words: n of them; none: the default. -EINVAL, -ERANGE, -ENOSPC, -ENOMEM: of the bad word, and why
 * in words. */
int wd_spec_parse(struct wd_spec *ret, struct wd_targets *fixed, char **words, int n,
                  const char **ret_word, const char **ret_why);
void wd_spec_release(struct wd_spec *s);
/* Is there anything that follows from the cluster? */
bool wd_spec_follows(const struct wd_spec *s);

struct wd_spec_result {
	struct wd_hosts *hosts;                /* the caller's */
	unsigned int api, services, dns;       /* addresses found for each */
	unsigned int missing;                  /* wanted Services and pods that nobody knows */
	const struct wd_wanted *first_missing; /* of the spec */
	bool cut;                              /* more than WD_HOSTS_MAX */
};

/* node_ips: the node's own, for node ports. resolvers: name servers of the node. -ENOMEM. */
int wd_spec_resolve(const struct wd_spec *s, const struct wd_stores *stores,
                    const struct wd_addr *node_ips, size_t n_node_ips,
                    const struct wd_addr *resolvers, size_t n_resolvers,
                    struct wd_spec_result *ret);

#endif
