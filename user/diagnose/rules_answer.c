/* SPDX-License-Identifier: Apache-2.0 */
/* Refused, unreachable, or no answer at all, without a drop that explains it. */
#include <errno.h>

#include "diagnose/case.h"

static uint16_t backend_port(const struct wd_case *c)
{
	return c->flow->has_backend ? c->flow->backend_port : c->flow->tuple.dport;
}

static const char *other_ports(struct wd_case *c)
{
	const char *list = "";

	for (unsigned int i = 0; i < c->facts->backend.n_ports; i++) {
		if (i == 0)
			list = wd_arena_printf(c->arena, "%u", c->facts->backend.ports[i]);
		else
			list = wd_arena_append(c->arena, list, ", %u", c->facts->backend.ports[i]);
	}
	return list;
}

/* Sockets in the backend's namespace as witness; false when they speak against it. */
static bool listener_witness(struct wd_case *c, bool *ret_supports)
{
	const struct wd_facts *x = c->facts;
	const char *proto = c->flow->tuple.proto == WD_PROTO_UDP ? "UDP" : "TCP";

	*ret_supports = false;
	/* The node's own addresses are often served by NAT (hostPort, NodePort, IPVS): that
	 * no socket has the port there means nothing unless the backend is known. */
	if (!x->backend.local || (x->backend.host && !c->flow->has_backend && !c->flow->rst_local))
		return true;
	switch (x->backend.listener) {
	case WD_LISTENER_NONE:
		wd_case_evidence(c, "socket", "no socket listens on %s %u in %s%s%s", proto,
		                 backend_port(c), wd_case_backend_place(c),
		                 x->backend.n_ports ? "; it listens on " : "", other_ports(c));
		*ret_supports = true;
		return true;
	case WD_LISTENER_LOOPBACK_ONLY:
		wd_case_evidence(c, "socket",
		                 "%s %u is open in %s, but on the loopback address only", proto,
		                 backend_port(c), wd_case_backend_place(c));
		*ret_supports = true;
		return true;
	case WD_LISTENER_OTHER_ADDR:
		wd_case_evidence(c, "socket", "%s %u is open in %s, but on another address", proto,
		                 backend_port(c), wd_case_backend_place(c));
		*ret_supports = true;
		return true;
	case WD_LISTENER_PRESENT:
		wd_case_evidence(c, "socket", "by now somebody does listen on %s %u in %s", proto,
		                 backend_port(c), wd_case_backend_place(c));
		return false;
	case WD_LISTENER_UNKNOWN:
		break;
	}
	return true;
}

static void not_listening(struct wd_case *c, enum wd_confidence sure)
{
	const struct wd_facts *x = c->facts;
	const char *proto = c->flow->tuple.proto == WD_PROTO_UDP ? "UDP" : "TCP";

	if (x->backend.local && x->backend.listener == WD_LISTENER_LOOPBACK_ONLY) {
		wd_case_answer(c, WD_CAUSE_BACKEND_NOT_LISTENING, sure,
		               "%s listens on %s port %u, but on its loopback address only",
		               c->backend_name, proto, backend_port(c));
		wd_case_next(c, "let the server bind 0.0.0.0 or [::] instead of 127.0.0.1");
		return;
	}
	if (x->backend.local && x->backend.listener == WD_LISTENER_OTHER_ADDR) {
		wd_case_answer(c, WD_CAUSE_BACKEND_NOT_LISTENING, sure,
		               "%s listens on %s port %u, but on another address only",
		               c->backend_name, proto, backend_port(c));
		wd_case_next(c,
		             "let the server bind the address that is dialled, or 0.0.0.0 or [::]");
		return;
	}
	/* a Service's address listens nowhere; who stood behind it went with the RST */
	if (c->in->who && c->in->who->service.name[0] && !c->f->backend.known) {
		wd_case_answer(
			c, WD_CAUSE_BACKEND_NOT_LISTENING,
			sure < WD_CONFIDENCE_LIKELY ? sure : WD_CONFIDENCE_LIKELY,
			"a backend of Service %s/%s refuses: nothing listens on its %s target "
			"port, or a firewall rejects in its name; which backend it was is not "
			"known any more",
			c->in->who->service.ns, c->in->who->service.name, proto);
		wd_case_next(c, "do all endpoints of the Service listen on its targetPort? is that "
		                "port right?");
		return;
	}
	wd_case_answer(c, WD_CAUSE_BACKEND_NOT_LISTENING, sure,
	               "%s is there, but nothing listens on its %s port %u%s", c->backend_name,
	               proto, backend_port(c),
	               sure == WD_CONFIDENCE_CERTAIN
	                       ? ""
	                       : ", or a firewall beyond this node rejects in its name");
	if (x->backend.local && x->backend.n_ports)
		wd_case_next(c, "it listens on %s: is the port (targetPort) right?",
		             other_ports(c));
	else
		wd_case_next(
			c, "is the port right (targetPort, containerPort), and is the server up?");
}

/* The packet hooks saw the refusal come in. */
static void came_from_beyond(struct wd_case *c, const struct wd_flow_sight *s, const char *device)
{
	char addr[WD_ADDR_STRLEN];

	if (s->icmp && !s->rst) {
		wd_addr_format(&s->icmp_from, addr);
		wd_case_evidence(c, "packet",
		                 "ICMP type %u code %u from %s came in by %s (TTL %u): not made on "
		                 "this node",
		                 s->icmp_type, s->icmp_code, addr, device, s->ttl);
	} else {
		wd_case_evidence(c, "packet", "RST came in by %s (TTL %u): not made on this node",
		                 device, s->ttl);
	}
	if (!c->f->where)
		c->f->where =
			wd_arena_printf(c->arena, "beyond this node: it came in by %s", device);
}

/* Is the ICMP error that this node sent the one that the client met? Only port unreachable is
 * ECONNREFUSED, and what tells of an MTU ends no attempt (net/ipv4/icmp.c: icmp_err_convert[];
 * net/ipv6/icmp.c: icmpv6_err_convert()). */
static bool icmp_explains(const struct wd_flow *f)
{
	const struct wd_flow_icmp *i = &f->icmp_sent;
	bool refuses = i->v6 ? i->type == 1 && i->code == 4 : i->type == 3 && i->code == 3;
	bool too_big = i->v6 ? i->type == 2 : i->type == 3 && i->code == 4;

	if (!i->count || i->reply)
		return false;
	return f->outcome == WD_OUTCOME_REFUSED ? refuses : !refuses && !too_big;
}

/* "Administratively prohibited": of a filter that rejects, seldom of a route of that type. */
static bool icmp_prohibits(const struct wd_flow_icmp *i)
{
	return i->v6 ? i->type == 1 && i->code == 1
	             : i->type == 3 && (i->code == 9 || i->code == 10 || i->code == 13);
}

bool wd_rule_refused(struct wd_case *c)
{
	const struct wd_flow *f = c->flow;
	bool no_socket = (f->rst_local && f->rst_no_socket) ||
	                 (c->drop && c->drop_class == WD_DROP_NO_SOCKET && !c->drop->reply);
	const struct wd_flow_sight *from;
	const char *device = "";
	bool supports, against;

	if (f->outcome != WD_OUTCOME_REFUSED)
		return false;
	against = !listener_witness(c, &supports);
	from = wd_where_refused_from(c, &device);
	if (from)
		came_from_beyond(c, from, device);
	/* nobody here has seen the client (it is beyond this node, or masqueraded), nor what it got
	 */
	if (f->tuple.proto == WD_PROTO_UDP || f->rst_received || !c->in->sees_resets ||
	    (no_socket && !f->syn_sent)) {
		enum wd_confidence sure = no_socket || supports ? WD_CONFIDENCE_CERTAIN
		                                                : WD_CONFIDENCE_LIKELY;

		if (f->rst_received && no_socket)
			wd_case_evidence(c, "event",
			                 "RST sent on this node: no socket for that SYN");
		/* it may have started since; but if no probe saw the refusal, doubt it */
		if (against && !no_socket) {
			wd_case_answer(c, WD_CAUSE_UNKNOWN, WD_CONFIDENCE_POSSIBLE,
			               "refused, although %s listens there by now: it has just "
			               "started, or something between answers in its name",
			               c->backend_name);
			wd_case_next(c,
			             "try again; if it is refused again, tcpdump in %s shows "
			             "whether the SYN arrives",
			             wd_case_backend_place(c));
			return true;
		}
		if (!c->in->sees_resets && f->tuple.proto == WD_PROTO_TCP && !no_socket &&
		    !supports)
			sure = WD_CONFIDENCE_POSSIBLE;
		not_listening(c, sure);
		return true;
	}
	/* TCP was refused without RST: by ICMP, which only filters send for TCP */
	if (from && from->icmp) {
		char addr[WD_ADDR_STRLEN];

		wd_addr_format(&from->icmp_from, addr);
		wd_case_answer(c, WD_CAUSE_FILTER_DENIED, WD_CONFIDENCE_CERTAIN,
		               "a filter beyond this node, at %s, answered with ICMP instead of %s",
		               addr, c->backend_name);
		wd_case_next(c, "look at the firewall rules of %s", addr);
		return true;
	}
	if (icmp_explains(f)) {
		const char *place = wd_case_netns(c, c->in->icmp_netns);

		wd_case_answer(c, WD_CAUSE_FILTER_DENIED, WD_CONFIDENCE_CERTAIN,
		               "a filter in %s answered with ICMP instead of %s", place,
		               c->backend_name);
		wd_case_next(c,
		             "in %s: iptables-legacy-save -c; iptables-nft-save -c; nft list "
		             "ruleset",
		             place);
		return true;
	}
	if (!wd_case_nothing_dropped(c) || c->facts->backend.local) {
		wd_case_answer(c, WD_CAUSE_FILTER_DENIED, WD_CONFIDENCE_POSSIBLE,
		               "a filter answered with ICMP instead of %s; where it sits cannot be "
		               "said for sure",
		               c->backend_name);
		wd_case_next(c,
		             "on this node first: iptables-legacy-save -c; iptables-nft-save -c; "
		             "nft list ruleset");
		return true;
	}
	wd_case_answer(c, WD_CAUSE_FILTER_DENIED, WD_CONFIDENCE_LIKELY,
	               "a filter beyond this node answered with ICMP instead of %s: no drop on "
	               "this node",
	               c->backend_name);
	wd_case_next(c, "look at firewalls and NetworkPolicy on the way and on the target's node");
	return true;
}

/* " on eth0", or nothing when the device is not known. */
static const char *on_device(struct wd_case *c, const char *device)
{
	return device[0] ? wd_arena_printf(c->arena, " on %s", device) : "";
}

bool wd_rule_unreachable(struct wd_case *c)
{
	const struct wd_facts *x = c->facts;
	const struct wd_flow_sight *from;
	const char *device = "";
	bool no_route = x->node_route.kind == WD_ROUTE_NONE ||
	                x->node_route.kind == WD_ROUTE_REJECT;

	if (c->flow->outcome != WD_OUTCOME_UNREACHABLE)
		return false;
	if (no_route) {
		wd_case_evidence(c, "route", "this node's main routing table %s %s",
		                 x->node_route.kind == WD_ROUTE_NONE ? "has no route to"
		                                                     : "rejects",
		                 c->backend);
		wd_case_answer(c, WD_CAUSE_BACKEND_UNREACHABLE, WD_CONFIDENCE_CERTAIN,
		               "this node has no usable route to %s", c->backend);
		wd_case_next(c, "on the node: ip route; is the route of that pod CIDR or network "
		                "there?");
		return true;
	}
	if (x->neigh.state == WD_NEIGH_INCOMPLETE) {
		char addr[WD_ADDR_STRLEN];

		wd_addr_format(&x->neigh.addr, addr);
		wd_case_evidence(c, "neighbour", "%s%s does not answer", addr,
		                 on_device(c, x->neigh.device));
		wd_case_answer(c, WD_CAUSE_BACKEND_UNREACHABLE, WD_CONFIDENCE_CERTAIN,
		               "the next hop %s%s does not answer", addr,
		               on_device(c, x->neigh.device));
		wd_case_next(c, "is %s up, and on this network?", addr);
		return true;
	}
	from = wd_where_refused_from(c, &device);
	if (from && from->icmp) {
		char addr[WD_ADDR_STRLEN];

		came_from_beyond(c, from, device);
		wd_addr_format(&from->icmp_from, addr);
		wd_case_answer(c, WD_CAUSE_BACKEND_UNREACHABLE, WD_CONFIDENCE_CERTAIN,
		               "%s, a router or firewall beyond this node, says that %s is "
		               "unreachable (%s)",
		               addr, c->backend, wd_errno_name(c->arena, c->flow->err));
		wd_case_next(c, "has %s a route to %s, and does a rule there reject it?", addr,
		             c->backend);
		return true;
	}
	if (icmp_explains(c->flow) && icmp_prohibits(&c->flow->icmp_sent)) {
		const char *place = wd_case_netns(c, c->in->icmp_netns);

		wd_case_answer(c, WD_CAUSE_FILTER_DENIED, WD_CONFIDENCE_LIKELY,
		               "a filter in %s answered that %s is prohibited (%s)", place,
		               c->backend, wd_errno_name(c->arena, c->flow->err));
		wd_case_next(c,
		             "in %s: iptables-legacy-save -c; iptables-nft-save -c; nft list "
		             "ruleset; and ip rule, ip route show table all type prohibit",
		             place);
		return true;
	}
	if (icmp_explains(c->flow)) {
		const char *place = wd_case_netns(c, c->in->icmp_netns);

		wd_case_answer(c, WD_CAUSE_BACKEND_UNREACHABLE, WD_CONFIDENCE_LIKELY,
		               "%s itself says that %s is unreachable (%s)", place, c->backend,
		               wd_errno_name(c->arena, c->flow->err));
		wd_case_next(c,
		             "in %s: ip route get the address; ip neigh; and its filter rules: "
		             "one may reject in this way",
		             place);
		return true;
	}
	wd_case_answer(c, WD_CAUSE_BACKEND_UNREACHABLE, WD_CONFIDENCE_LIKELY,
	               "%s was reported unreachable (%s)%s", c->backend_name,
	               wd_errno_name(c->arena, c->flow->err),
	               x->node_route.kind == WD_ROUTE_UNICAST && wd_case_nothing_dropped(c)
	                       ? "; this node has a route and dropped nothing, so a router or a "
	                         "filter beyond it says so"
	                       : "");
	wd_case_next(c, "tcpdump icmp or icmp6 on the uplink shows who sends it");
	return true;
}

bool wd_case_accept_queue(struct wd_case *c)
{
	const struct wd_facts *x = c->facts;
	const struct wd_flow *f = c->flow;
	bool dropped = c->drop && c->drop_class == WD_DROP_ACCEPT_QUEUE;
	bool grew = x->backend.overflows_known && f->overflows_known &&
	            x->backend.overflows > f->overflows;
	bool queue = x->backend.local && x->backend.listener == WD_LISTENER_PRESENT &&
	             x->backend.queue_known && x->backend.queue > 0;
	bool overflowed = x->backend.overflows_known && x->backend.overflows > 0;
	/* the kernel's own test, of this very client */
	bool full = f->listen_full.count > 0;

	if (!dropped && !full && !(queue && overflowed))
		return false;
	if (queue)
		wd_case_evidence(c, "socket", "%u connections wait for accept(2) on port %u",
		                 x->backend.queue, backend_port(c));
	if (overflowed)
		wd_case_evidence(c, "counter", "ListenOverflows of %s is %llu%s",
		                 wd_case_backend_place(c), (unsigned long long)x->backend.overflows,
		                 grew ? ", and grew during this attempt" : "");
	wd_case_answer(c, WD_CAUSE_BACKEND_ACCEPT_QUEUE_FULL,
	               (dropped || full) && (grew || queue) ? WD_CONFIDENCE_CERTAIN
	               : dropped || full || grew            ? WD_CONFIDENCE_LIKELY
	                                                    : WD_CONFIDENCE_POSSIBLE,
	               "%s listens, but does not accept: its accept queue is full and the kernel "
	               "ignores further SYNs",
	               c->backend_name);
	wd_case_next(c, "why does the server not call accept(2)? then: its backlog, and "
	                "net.core.somaxconn");
	return true;
}

static bool state_of_the_way(struct wd_case *c)
{
	const struct wd_facts *x = c->facts;
	char addr[WD_ADDR_STRLEN];

	if (x->neigh.state == WD_NEIGH_INCOMPLETE && !x->backend.local) {
		wd_addr_format(&x->neigh.addr, addr);
		wd_case_evidence(c, "neighbour", "%s%s does not answer", addr,
		                 on_device(c, x->neigh.device));
		wd_case_answer(c, WD_CAUSE_BACKEND_UNREACHABLE, WD_CONFIDENCE_POSSIBLE,
		               "the next hop %s%s does not answer neighbour discovery", addr,
		               on_device(c, x->neigh.device));
		wd_case_next(c, "is %s up, and on this network?", addr);
		return true;
	}
	if (x->node_route.kind == WD_ROUTE_REJECT && !x->backend.local) {
		wd_case_evidence(c, "route", "this node's main routing table rejects %s",
		                 c->backend);
		wd_case_answer(c, WD_CAUSE_BACKEND_UNREACHABLE, WD_CONFIDENCE_POSSIBLE,
		               "this node's route to %s is unreachable, prohibit or blackhole",
		               c->backend);
		wd_case_next(c, "on the node: ip route; who added that route?");
		return true;
	}
	return false;
}

/* Somebody did answer, with an ICMP error, and that was dropped here. */
static bool icmp_was_dropped(struct wd_case *c)
{
	const struct wd_flow *f = c->flow;

	for (unsigned int i = 0; i < f->n_drops; i++) {
		const struct wd_event_drop *d = &f->drops[i].d;

		if (!d->icmp_error)
			continue;
		wd_case_answer(c, WD_CAUSE_UNKNOWN, WD_CONFIDENCE_POSSIBLE,
		               "an ICMP error (type %u code %u) came back about it, and %s dropped "
		               "that answer: %s",
		               d->icmp_type, d->icmp_code, wd_case_place(c, i),
		               d->reason ? d->reason : "no reason given");
		wd_case_next(c, "let ICMP errors pass there, and see what they say");
		return true;
	}
	return false;
}

bool wd_rule_unanswered(struct wd_case *c)
{
	const struct wd_flow *f = c->flow;
	const struct wd_facts *x = c->facts;

	if (f->outcome == WD_OUTCOME_ANSWERED_LATE) {
		if (wd_case_accept_queue(c))
			return true;
		wd_case_next(c,
		             "one late answer is chance; if it comes again, look for loss on the "
		             "way (ip -s link, ethtool -S) and for a busy target");
		wd_case_answer(
			c, WD_CAUSE_UNKNOWN, WD_CONFIDENCE_POSSIBLE, "answered, but late: %s%s",
			f->syn_sent > 1 ? "the first SYN or its "
					  "answer was lost"
					: "after more than a second",
			wd_case_nothing_dropped(c) ? ", though not dropped on this node" : "");
		return true;
	}
	if (f->outcome != WD_OUTCOME_UNANSWERED && f->outcome != WD_OUTCOME_DROPPED)
		return false;
	if (wd_where_answer_lost(c))
		return true;
	if (f->synack_retrans) {
		wd_case_evidence(c, "event",
		                 "%u times a listener on this node repeated its SYN-ACK",
		                 f->synack_retrans);
		wd_case_answer(
			c, WD_CAUSE_UNKNOWN, WD_CONFIDENCE_POSSIBLE,
			"the SYN arrives at %s and is answered, but the answer does not come "
			"back to the client",
			c->backend_name);
		wd_case_next(c, "look at the way back: routes and filters from the backend to the "
		                "client");
		return true;
	}
	if (wd_case_accept_queue(c))
		return true;
	if (c->drop) {
		wd_case_kernel_drop(c);
		return true;
	}
	if (wd_where_got_there(c) || icmp_was_dropped(c) || state_of_the_way(c) ||
	    wd_where_vanished(c))
		return true;
	if (!wd_case_absence_counts(c)) {
		wd_case_next(c, "%s",
		             c->in->sees_drops
		                     ? "try again with a narrower target, so that less is lost"
		                     : "whydrop probes says why drops are not seen here");
		wd_case_answer(c, WD_CAUSE_UNKNOWN, WD_CONFIDENCE_POSSIBLE,
		               "no answer; whether this node dropped it cannot be said, since %s",
		               c->in->sees_drops ? "events were lost" : "drops are not seen here");
		return true;
	}
	if (x->backend.local) {
		wd_case_answer(c, WD_CAUSE_UNKNOWN, WD_CONFIDENCE_POSSIBLE,
		               "no answer from %s, which is on this node%s", c->backend_name,
		               f->n_drops ? "" : ", and no drop was seen");
		wd_case_next(c,
		             "is %s up? tcpdump in its network namespace shows whether the SYN "
		             "arrives",
		             c->backend_name);
		return true;
	}
	if (!x->backend.local_known) {
		wd_case_answer(c, WD_CAUSE_UNKNOWN, WD_CONFIDENCE_POSSIBLE,
		               "no answer%s; whether %s is on this node could not be found out",
		               f->n_drops ? "" : " and no drop on this node", c->backend);
		wd_case_next(c, "where is %s? on the node: ip route get the address", c->backend);
		return true;
	}
	wd_case_answer(c, WD_CAUSE_UPSTREAM_SILENT, WD_CONFIDENCE_POSSIBLE,
	               "nothing comes back from %s%s: look beyond this node", c->backend,
	               f->n_drops ? "" : ", and this node drops nothing");
	wd_case_next(c, "check what lies beyond: network security groups, firewall, route table, "
	                "authorized IP ranges, and the target itself");
	if (x->node_route.kind == WD_ROUTE_UNICAST && x->node_route.device[0])
		wd_case_next(c, "it should leave by %s: tcpdump -ni %s shows whether it does",
		             x->node_route.device, x->node_route.device);
	return true;
}
