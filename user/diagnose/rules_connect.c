/* SPDX-License-Identifier: Apache-2.0 */
/* connect(2) failed before a packet was sent. */
#include <errno.h>

#include "diagnose/case.h"

static const char *route_words(const struct wd_route_fact *r)
{
	switch (r->kind) {
	case WD_ROUTE_NONE:
		return r->other_tables ? NULL : "has no route to";
	case WD_ROUTE_REJECT:
		return "has an unreachable, prohibit or blackhole route to";
	default:
		return NULL;
	}
}

static bool no_route(struct wd_case *c)
{
	const struct wd_route_fact *r = &c->facts->client.route;
	const char *err = wd_errno_name(c->arena, c->flow->err);
	const char *why = route_words(r);
	char addr[WD_ADDR_STRLEN];

	wd_addr_format(&c->flow->tuple.daddr, addr);
	/* EINVAL (blackhole) and EACCES (prohibit) mean other things as well */
	if ((c->flow->err == EINVAL || c->flow->err == EACCES) && r->kind != WD_ROUTE_REJECT)
		return false;
	if (why) {
		wd_case_answer(c, WD_CAUSE_NO_ROUTE, WD_CONFIDENCE_CERTAIN,
		               "the client's own network namespace %s %s", why, addr);
		wd_case_evidence(c, "route", "its main routing table %s %s", why, addr);
	} else {
		wd_case_answer(c, WD_CAUSE_NO_ROUTE, WD_CONFIDENCE_LIKELY,
		               "connect(2) failed with %s before anything was sent: the client's "
		               "network namespace has no usable route to %s",
		               err, addr);
		if (r->kind == WD_ROUTE_UNICAST)
			wd_case_evidence(c, "route",
			                 "its main routing table does have a route%s%s: look at "
			                 "policy routing (ip rule) and at the device's state",
			                 r->device[0] ? " by " : "", r->device);
	}
	wd_case_next(c, "in the client's network namespace: ip route get %s; ip rule", addr);
	return true;
}

/* An error that can only have come with an answer, or after the SYN was sent. */
static bool needs_an_answer(const struct wd_flow *f)
{
	return f->syn_sent || !f->connect_failed || f->err == ECONNREFUSED ||
	       f->err == ECONNRESET || f->err == ETIMEDOUT;
}

bool wd_rule_connect_failed(struct wd_case *c)
{
	const struct wd_flow *f = c->flow;
	const char *err;

	if (f->outcome != WD_OUTCOME_FAILED || !f->err)
		return false;
	err = wd_errno_name(c->arena, f->err);
	if (needs_an_answer(f) && f->err != EADDRNOTAVAIL) {
		wd_case_answer(c, WD_CAUSE_UNKNOWN, WD_CONFIDENCE_POSSIBLE,
		               "the client got %s; what came as answer to it was not seen", err);
		wd_case_next(c, "tcpdump in the client's network namespace shows the answer");
		return true;
	}
	switch (f->err) {
	case ENETUNREACH:
	case EHOSTUNREACH:
	case ENETDOWN:
	case EINVAL:
	case EACCES:
		if (f->connect_failed && no_route(c))
			return true;
		break;
	case EADDRNOTAVAIL:
		/* the socket went to SYN_SENT and back: only a source port was missing */
		if (f->end_state != WD_TCP_SYN_SENT)
			break;
		if (f->tuple.sport) {
			wd_case_answer(
				c, WD_CAUSE_UNKNOWN, WD_CONFIDENCE_POSSIBLE,
				"the source port %u that the client chose itself is still in use "
				"for another connection to %s",
				f->tuple.sport, c->target);
			wd_case_next(
				c, "let the client connect without binding a port, or wait for the "
				   "former connection to leave TIME_WAIT (ss -tan)");
			return true;
		}
		wd_case_answer(c, WD_CAUSE_SNAT_PORTS_EXHAUSTED, WD_CONFIDENCE_LIKELY,
		               "no free source port is left for another connection to %s",
		               c->target);
		wd_case_next(c,
		             "in the client's network namespace: ss -tan dst %s | wc -l, and "
		             "sysctl net.ipv4.ip_local_port_range; reuse connections",
		             c->target);
		return true;
	}
	wd_case_next(c, "strace -e connect shows the call; bpftool cgroup tree shows programs that "
	                "may refuse it");
	wd_case_answer(c, WD_CAUSE_UNKNOWN, WD_CONFIDENCE_POSSIBLE,
	               "connect(2) failed with %s before anything was sent%s", err,
	               f->err == EPERM || f->err == EACCES
	                       ? ": refused on this node (a cgroup BPF program, a security module)"
	                       : "");
	return true;
}
