/* SPDX-License-Identifier: Apache-2.0 */
/* Request formats: include/uapi/linux/rtnetlink.h, pkt_sched.h, pkt_cls.h;
 * what the kernel does with them: net/sched/cls_api.c, cls_bpf.c, sch_api.c. */
#include "probe/hooks_filter.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>

#include <netlink/attr.h>
#include <netlink/msg.h>

/* Where there are no filters: behind those that an administrator numbers by hand, in front
 * of those that the kernel numbers (from 0xc000 down). */
#define PRIORITY_ALONE 0x7764
/* Priorities up to here are likely to be asked for by others, and one priority takes one kind of
 * filter only. */
#define FIRST_MAX    3
#define HANDLE_FIRST 0x7764

#define RETRIES     5
#define CLSACTS_MAX 2048

static uint32_t parent_of(enum wd_direction d)
{
	return TC_H_MAKE(TC_H_CLSACT, d == WD_DIRECTION_IN ? TC_H_MIN_INGRESS : TC_H_MIN_EGRESS);
}

static struct tcmsg filter_header(uint32_t ifindex, enum wd_direction d, uint16_t priority,
                                  uint16_t protocol, uint32_t handle)
{
	return (struct tcmsg){
		.tcm_family = AF_UNSPEC,
		.tcm_ifindex = (int)ifindex,
		.tcm_parent = parent_of(d),
		.tcm_handle = handle,
		.tcm_info = TC_H_MAKE((uint32_t)priority << 16, htons(protocol)),
	};
}

/* ---- list --------------------------------------------------------------------------- */

static void text_of(const struct nlattr *a, char *to, size_t size)
{
	to[0] = '\0';
	if (a && nla_len(a) > 0 && (size_t)nla_len(a) < size)
		snprintf(to, size, "%.*s", nla_len(a), (const char *)nla_data(a));
}

struct listing {
	struct wd_filters *to;
	uint32_t ifindex, parent;
};

static void on_filter(struct nlmsghdr *h, void *ctx)
{
	struct listing *l = ctx;
	const struct tcmsg *t = nlmsg_data(h);
	const struct nlattr *a;
	struct wd_filter *f;

	if (h->nlmsg_type != RTM_NEWTFILTER && h->nlmsg_type != RTM_NEWCHAIN)
		return;
	if (nlmsg_datalen(h) < (int)sizeof(*t) || (uint32_t)t->tcm_ifindex != l->ifindex ||
	    t->tcm_parent != l->parent)
		return;
	if (l->to->n == WD_FILTERS_MAX) {
		l->to->more = true;
		return;
	}
	f = &l->to->f[l->to->n++];
	memset(f, 0, sizeof(*f));
	f->priority = (uint16_t)(t->tcm_info >> 16);
	f->protocol = ntohs((uint16_t)t->tcm_info);
	f->handle = t->tcm_handle;
	a = nlmsg_find_attr(h, sizeof(*t), TCA_CHAIN);
	f->chain = a && nla_len(a) >= 4 ? nla_get_u32(a) : 0;
	text_of(nlmsg_find_attr(h, sizeof(*t), TCA_KIND), f->kind, sizeof(f->kind));
	a = nlmsg_find_attr(h, sizeof(*t), TCA_OPTIONS);
	if (a && strcmp(f->kind, "bpf") == 0)
		text_of(nla_find(nla_data(a), nla_len(a), TCA_BPF_NAME), f->name, sizeof(f->name));
}

/* Filters; for want of any also chains, which may stand empty. */
static int list(struct wd_netlink *n, int type, uint32_t ifindex, enum wd_direction d,
                struct wd_filters *ret)
{
	struct tcmsg t = filter_header(ifindex, d, 0, 0, 0);
	struct listing l = {ret, ifindex, parent_of(d)};
	int r = -EAGAIN;

	for (int tries = 0; r == -EAGAIN && tries < RETRIES; tries++) {
		ret->n = 0;
		ret->more = false;
		r = wd_netlink_ask(n, wd_netlink_request(type, NLM_F_DUMP, &t, sizeof(t)),
		                   on_filter, &l);
	}
	return r;
}

int wd_filters_list(struct wd_netlink *n, uint32_t ifindex, enum wd_direction d,
                    struct wd_filters *ret)
{
	return list(n, RTM_GETTFILTER, ifindex, d, ret);
}

/* ---- place -------------------------------------------------------------------------- */

static bool taken(const struct wd_filters *l, uint16_t priority, uint32_t handle)
{
	for (unsigned int i = 0; i < l->n; i++)
		if (l->f[i].chain == 0 && l->f[i].priority == priority &&
		    (!handle || l->f[i].handle == handle))
			return true;
	return false;
}

/* Of those at this priority: one tcf_proto has one kind and one protocol. */
static bool joinable(const struct wd_filters *l, uint16_t priority)
{
	for (unsigned int i = 0; i < l->n; i++)
		if (l->f[i].chain == 0 && l->f[i].priority == priority &&
		    (strcmp(l->f[i].kind, "bpf") != 0 || l->f[i].protocol != ETH_P_ALL))
			return false;
	return true;
}

int wd_filter_place(const struct wd_filters *l, struct wd_filter_place *ret)
{
	struct wd_filter_place at = {PRIORITY_ALONE, HANDLE_FIRST};
	uint16_t lowest = 0;

	if (l->more)
		return -ENOSPC;
	for (unsigned int i = 0; i < l->n; i++)
		if (l->f[i].chain == 0 && (!lowest || l->f[i].priority < lowest))
			lowest = l->f[i].priority;
	if (lowest > FIRST_MAX) {
		/* half way, so that others find room on both sides */
		at.priority = lowest / 2 < PRIORITY_ALONE ? lowest / 2 : PRIORITY_ALONE;
	} else if (lowest && joinable(l, lowest)) {
		at.priority = lowest;
		while (taken(l, lowest, at.handle))
			at.handle++;
	} else if (lowest) {
		at.priority = lowest + 1;
		while (at.priority && taken(l, at.priority, 0))
			at.priority++;
		if (!at.priority)
			return -ENOSPC;
	}
	*ret = at;
	return 0;
}

/* ---- add and delete ----------------------------------------------------------------- */

static int put_options(struct nl_msg *m, int prog_fd, const char *name)
{
	struct nlattr *options;

	if (nla_put_string(m, TCA_KIND, "bpf") < 0)
		return -ENOMEM;
	options = nla_nest_start(m, TCA_OPTIONS);
	if (!options || nla_put_u32(m, TCA_BPF_FD, (uint32_t)prog_fd) < 0 ||
	    nla_put_string(m, TCA_BPF_NAME, name) < 0 ||
	    nla_put_u32(m, TCA_BPF_FLAGS, TCA_BPF_FLAG_ACT_DIRECT) < 0 ||
	    /* never offered to the network card */
	    nla_put_u32(m, TCA_BPF_FLAGS_GEN, TCA_CLS_FLAGS_SKIP_HW) < 0)
		return -ENOMEM;
	nla_nest_end(m, options);
	return 0;
}

int wd_filter_add(struct wd_netlink *n, uint32_t ifindex, enum wd_direction d,
                  const struct wd_filter_place *at, int prog_fd, const char *name)
{
	struct tcmsg t = filter_header(ifindex, d, at->priority, ETH_P_ALL, at->handle);
	struct nl_msg *m = wd_netlink_request(RTM_NEWTFILTER, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL,
	                                      &t, sizeof(t));

	if (m && put_options(m, prog_fd, name) < 0) {
		nlmsg_free(m);
		m = NULL;
	}
	return wd_netlink_ask(n, m, NULL, NULL);
}

int wd_filter_delete(struct wd_netlink *n, uint32_t ifindex, enum wd_direction d,
                     const struct wd_filter *f)
{
	struct tcmsg t = filter_header(ifindex, d, f->priority, f->protocol, f->handle);
	struct nl_msg *m = wd_netlink_request(RTM_DELTFILTER, NLM_F_ACK, &t, sizeof(t));

	/* without a handle it would delete all of that priority */
	if (m && (!f->handle || f->chain || nla_put_string(m, TCA_KIND, "bpf") < 0)) {
		nlmsg_free(m);
		return -EINVAL;
	}
	return wd_netlink_ask(n, m, NULL, NULL);
}

/* ---- the qdisc ---------------------------------------------------------------------- */

static struct tcmsg qdisc_header(uint32_t ifindex)
{
	return (struct tcmsg){
		.tcm_family = AF_UNSPEC,
		.tcm_ifindex = (int)ifindex,
		.tcm_parent = TC_H_CLSACT,
		.tcm_handle = TC_H_MAKE(TC_H_CLSACT, 0),
	};
}

/* Calls fn for each qdisc in the ingress place. Asking for one alone would be answered only
 * together with a notice to everybody who listens (NLM_F_ECHO). */
struct qdiscs {
	void (*fn)(uint32_t ifindex, const char *kind, void *ctx);
	void *ctx;
};

static void on_qdisc(struct nlmsghdr *h, void *ctx)
{
	const struct tcmsg *t = nlmsg_data(h);
	const struct qdiscs *q = ctx;
	char kind[16];

	if (h->nlmsg_type != RTM_NEWQDISC || nlmsg_datalen(h) < (int)sizeof(*t) ||
	    t->tcm_parent != TC_H_INGRESS)
		return;
	text_of(nlmsg_find_attr(h, sizeof(*t), TCA_KIND), kind, sizeof(kind));
	q->fn((uint32_t)t->tcm_ifindex, kind, q->ctx);
}

static int each_qdisc(struct wd_netlink *n, struct qdiscs *q)
{
	struct tcmsg all = {.tcm_family = AF_UNSPEC};

	return wd_netlink_ask(n, wd_netlink_request(RTM_GETQDISC, NLM_F_DUMP, &all, sizeof(all)),
	                      on_qdisc, q);
}

struct kind_of {
	uint32_t ifindex;
	char *kind;
};

static void note_kind(uint32_t ifindex, const char *kind, void *ctx)
{
	const struct kind_of *k = ctx;

	if (ifindex == k->ifindex)
		snprintf(k->kind, 16, "%.15s", kind[0] ? kind : "?");
}

int wd_qdisc_kind(struct wd_netlink *n, uint32_t ifindex, char kind[16])
{
	struct kind_of k = {ifindex, kind};
	struct qdiscs q = {note_kind, &k};
	int r = -EAGAIN;

	for (int tries = 0; r == -EAGAIN && tries < RETRIES; tries++) {
		kind[0] = '\0';
		r = each_qdisc(n, &q);
	}
	return r;
}

int wd_qdisc_add(struct wd_netlink *n, uint32_t ifindex)
{
	struct tcmsg t = qdisc_header(ifindex);
	struct nl_msg *m = wd_netlink_request(RTM_NEWQDISC, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL,
	                                      &t, sizeof(t));

	if (m && nla_put_string(m, TCA_KIND, "clsact") < 0) {
		nlmsg_free(m);
		m = NULL;
	}
	return wd_netlink_ask(n, m, NULL, NULL);
}

static bool is_empty(struct wd_netlink *n, uint32_t ifindex)
{
	struct wd_filters l;

	for (int d = 0; d < WD_DIRECTION_MAX; d++) {
		if (list(n, RTM_GETTFILTER, ifindex, (enum wd_direction)d, &l) < 0 || l.n)
			return false;
		if (list(n, RTM_GETCHAIN, ifindex, (enum wd_direction)d, &l) < 0 || l.n)
			return false;
	}
	return true;
}

void wd_qdisc_delete_empty(struct wd_netlink *n, uint32_t ifindex)
{
	struct tcmsg t = qdisc_header(ifindex);
	struct nl_msg *m;
	char kind[16];

	if (wd_qdisc_kind(n, ifindex, kind) < 0 || strcmp(kind, "clsact") != 0)
		return;
	m = wd_netlink_request(RTM_DELQDISC, NLM_F_ACK, &t, sizeof(t));
	if (m && nla_put_string(m, TCA_KIND, "clsact") == 0 && is_empty(n, ifindex))
		wd_netlink_ask(n, m, NULL, NULL);
	else
		nlmsg_free(m);
}

struct clsacts {
	uint32_t of[CLSACTS_MAX];
	unsigned int n;
};

static void note_clsact(uint32_t ifindex, const char *kind, void *ctx)
{
	struct clsacts *c = ctx;

	if (strcmp(kind, "clsact") == 0 && c->n < CLSACTS_MAX)
		c->of[c->n++] = ifindex;
}

int wd_qdisc_each(struct wd_netlink *n, void (*fn)(uint32_t ifindex, void *ctx), void *ctx)
{
	struct clsacts c;
	struct qdiscs q = {note_clsact, &c};
	int r;

	c.n = 0;
	r = each_qdisc(n, &q);
	if (r < 0 && r != -EAGAIN)
		return r;
	for (unsigned int i = 0; i < c.n; i++)
		fn(c.of[i], ctx);
	return 0;
}
