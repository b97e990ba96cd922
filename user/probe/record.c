/* SPDX-License-Identifier: Apache-2.0 */
#include "probe/record.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

_Static_assert((int)WD_ABI_TR_SYN_RETRANS == (int)WD_CONN_SYN_RETRANS, "trigger");
_Static_assert((int)WD_ABI_TR_DROP == (int)WD_CONN_DROP, "trigger");
_Static_assert((int)WD_ABI_TR_ESTABLISHED == (int)WD_CONN_ESTABLISHED, "trigger");
_Static_assert((int)WD_ABI_TR_STALL == (int)WD_CONN_STALL, "trigger");
_Static_assert((int)WD_ABI_TR_CLOSED == (int)WD_CONN_CLOSED, "trigger");
_Static_assert((int)WD_ABI_SIGHT_DROP == (int)WD_SIGHT_DROP, "sight");
_Static_assert((int)WD_ABI_SIGHT_IN == (int)WD_SIGHT_IN, "sight");
_Static_assert((int)WD_ABI_SIGHT_OUT == (int)WD_SIGHT_OUT, "sight");
_Static_assert((int)WD_ABI_SIGHT_XDP == (int)WD_SIGHT_XDP, "sight");
_Static_assert((int)WD_ABI_LISTEN_SYN == (int)WD_LISTEN_ACCEPT_SYN, "listen");
_Static_assert((int)WD_ABI_LISTEN_ACK == (int)WD_LISTEN_ACCEPT_ACK, "listen");
_Static_assert((int)WD_ABI_TR_DESTROYED == (int)WD_CONN_DESTROYED, "trigger");

static struct wd_tuple tuple_of(const struct wd_abi_tuple *a)
{
	struct wd_tuple t;

	memset(&t, 0, sizeof(t));
	memcpy(t.saddr.b, a->saddr, 16);
	memcpy(t.daddr.b, a->daddr, 16);
	t.sport = a->sport;
	t.dport = a->dport;
	t.proto = a->proto;
	return t;
}

static void owner_of(const struct wd_abi_owner *a, struct wd_owner *o)
{
	o->cgroup = a->cgroup;
	o->pid = a->pid;
	o->netns = a->netns;
	memcpy(o->comm, a->comm, sizeof(o->comm));
	o->comm[sizeof(o->comm) - 1] = '\0';
}

static int parse_conn(const struct wd_abi_conn *r, const struct wd_record_names *names,
                      struct wd_event *e)
{
	struct wd_event_conn *c = &e->conn;

	if (r->trigger >= WD_CONN_TRIGGER_MAX)
		return -EPROTO;
	e->kind = WD_EVENT_CONN;
	e->tuple = tuple_of(&r->tuple);
	memset(c, 0, sizeof(*c));
	owner_of(&r->owner, &c->owner);
	c->sock = r->sock;
	c->start_ns = r->start_ns;
	c->trigger = (enum wd_conn_trigger)r->trigger;
	c->old_state = r->old_state;
	c->new_state = r->new_state;
	c->server = r->flags & WD_ABI_CONN_SERVER;
	c->rst_received = r->flags & WD_ABI_CONN_RST_RX;
	c->rst_sent = r->flags & WD_ABI_CONN_RST_TX;
	c->error_unread = c->trigger == WD_CONN_DESTROYED && r->err != 0;
	c->err = (int)(r->err & 0xffff);
	c->syn_sent = r->syn_sent;
	c->retransmits = r->retransmits;
	c->seg_len = r->seg_len;
	c->mss = r->mss;
	c->pmtu = r->pmtu;
	c->bytes_acked = r->bytes_acked;
	c->bytes_received = r->bytes_received;
	c->rst_reason = wd_kernel_reset_reason(names->kernel, r->rst_reason);
	if (c->server)
		e->tuple = wd_tuple_reverse(&e->tuple);
	return 0;
}

static const char *function_of(const struct wd_record_names *names, uint64_t addr)
{
	return names->ksyms ? wd_ksyms_name(names->ksyms, addr) : NULL;
}

/*
 * Where a packet was, from what it carries: a local one has no input device; a received
 * one has a route that leads to ip_forward or ip_local_deliver, or none yet. FORWARD and
 * POSTROUTING differ in the device, which is the output device only behind ip_output().
 *
 * Exceptions: a bridge that passes frames to netfilter has already put its output port
 * there in FORWARD, and a filter that rejects in OUTPUT puts loopback there.
 */
static enum wd_hook hook_of(const struct wd_abi_drop *r, const char *input)
{
	bool moved = r->key.ifindex && r->key.ifindex != r->skb_iif && !r->bridge_port;

	if (r->key.kind & WD_ABI_DROP_LOCAL)
		return r->key.ifindex && !r->loopback ? WD_HOOK_POSTROUTING : WD_HOOK_OUTPUT;
	/* a bridged frame has the bridge's own route, which leads nowhere */
	if (!r->dst_input && r->bridge_port)
		return r->key.ifindex != r->skb_iif ? WD_HOOK_FORWARD : WD_HOOK_UNKNOWN;
	if (!r->dst_input)
		return WD_HOOK_PREROUTING;
	if (!input)
		return WD_HOOK_UNKNOWN;
	if (strcmp(input, "ip_forward") == 0 || strcmp(input, "ip6_forward") == 0)
		return moved ? WD_HOOK_POSTROUTING : WD_HOOK_FORWARD;
	if (strcmp(input, "ip_local_deliver") == 0 || strcmp(input, "ip6_input") == 0)
		return WD_HOOK_INPUT;
	return WD_HOOK_UNKNOWN;
}

static int parse_drop(const struct wd_abi_drop *r, const struct wd_record_names *names,
                      struct wd_event *e)
{
	struct wd_event_drop *d = &e->drop;

	e->kind = WD_EVENT_DROP;
	e->tuple = tuple_of(&r->key.tuple);
	memset(d, 0, sizeof(*d));
	d->reason = wd_kernel_drop_reason(names->kernel, r->key.reason);
	d->function = function_of(names, r->key.location);
	d->count = 1;
	d->first_ns = d->last_ns = r->hdr.ts_ns;
	d->hook = hook_of(r, function_of(names, r->dst_input));
	d->netns = r->key.netns;
	memcpy(d->device, r->device, sizeof(d->device));
	d->device[sizeof(d->device) - 1] = '\0';
	d->pkt_len = r->len < UINT16_MAX ? (uint16_t)r->len : UINT16_MAX;
	d->tcp_flags = r->key.tcp_flags;
	d->local = r->key.kind & WD_ABI_DROP_LOCAL;
	d->icmp_error = r->key.kind & WD_ABI_DROP_ICMP;
	d->icmp_type = r->key.icmp_type;
	d->icmp_code = r->key.icmp_code;
	d->has_ct = r->ct_orig.proto != 0;
	if (d->has_ct) {
		d->ct_orig = tuple_of(&r->ct_orig);
		d->ct_reply = tuple_of(&r->ct_reply);
	}
	return 0;
}

static void device_of(char to[16], const char from[WD_IFNAME_LEN])
{
	memcpy(to, from, 16);
	to[15] = '\0';
}

static int parse_packet(const struct wd_abi_packet *r, struct wd_event *e)
{
	struct wd_event_packet *p = &e->packet;

	if (r->sight == WD_ABI_SIGHT_DROP || r->sight >= WD_ABI_SIGHT_MAX)
		return -EPROTO;
	e->kind = WD_EVENT_PACKET;
	e->tuple = tuple_of(&r->tuple);
	p->sight = (enum wd_sight)r->sight;
	p->ifindex = r->ifindex;
	p->seq = r->seq;
	p->ack = r->ack;
	p->len = r->len;
	p->tcp_flags = r->tcp_flags;
	p->ttl = r->ttl;
	p->icmp_error = r->flags & WD_ABI_PACKET_ICMP;
	p->icmp_type = r->icmp_type;
	p->icmp_code = r->icmp_code;
	memcpy(p->icmp_from.b, r->icmp_from, 16);
	p->dns = r->flags & WD_ABI_PACKET_DNS;
	p->dns_id = r->dns_id;
	p->dns_flags = r->dns_flags;
	p->has_ct = r->ct_orig.proto != 0;
	if (p->has_ct) {
		p->ct_orig = tuple_of(&r->ct_orig);
		p->ct_reply = tuple_of(&r->ct_reply);
	}
	return 0;
}

static int parse_snap(const struct wd_abi_snap *r, const struct wd_record_names *names,
                      struct wd_event *e)
{
	struct wd_event_snap *s = &e->snap;

	if (r->sight >= WD_ABI_SIGHT_MAX || r->caplen > sizeof(s->data))
		return -EPROTO;
	e->kind = WD_EVENT_SNAP;
	e->tuple = tuple_of(&r->tuple);
	s->sight = (enum wd_sight)r->sight;
	s->ifindex = r->ifindex;
	s->netns = r->netns;
	device_of(s->device, r->device);
	if (s->sight == WD_SIGHT_DROP) {
		s->reason = wd_kernel_drop_reason(names->kernel, r->reason);
		s->function = function_of(names, r->location);
	}
	s->caplen = r->caplen;
	s->len = r->len > r->caplen ? r->len : r->caplen;
	memcpy(s->data, r->data, r->caplen);
	s->has_ct = r->ct_orig.proto != 0;
	if (s->has_ct)
		s->ct_orig = tuple_of(&r->ct_orig);
	return 0;
}

static int parse_icmp(const struct wd_abi_icmp *r, struct wd_event *e)
{
	e->kind = WD_EVENT_ICMP_SENT;
	e->tuple = tuple_of(&r->tuple);
	e->icmp.netns = r->netns;
	e->icmp.type = r->type;
	e->icmp.code = r->code;
	e->icmp.info = r->info;
	e->icmp.has_ct = r->ct_orig.proto != 0;
	if (e->icmp.has_ct)
		e->icmp.ct_orig = tuple_of(&r->ct_orig);
	return 0;
}

static int parse_listen(const struct wd_abi_listen *r, struct wd_event *e)
{
	if (r->kind < WD_ABI_LISTEN_SYN || r->kind > WD_ABI_LISTEN_ACK)
		return -EPROTO;
	e->kind = WD_EVENT_LISTEN_FULL;
	e->tuple = tuple_of(&r->tuple);
	e->listen.netns = r->netns;
	e->listen.backlog = r->backlog;
	e->listen.max = r->max;
	e->listen.kind = (enum wd_listen_full)r->kind;
	return 0;
}

/* NF_INET_* (include/uapi/linux/netfilter.h), the order of the hooks for IPv4, IPv6 and
 * bridges alike */
static enum wd_hook hook_of_number(uint8_t n)
{
	static const enum wd_hook hooks[] = {WD_HOOK_PREROUTING, WD_HOOK_INPUT, WD_HOOK_FORWARD,
	                                     WD_HOOK_OUTPUT, WD_HOOK_POSTROUTING};

	return n < sizeof(hooks) / sizeof(hooks[0]) ? hooks[n] : WD_HOOK_UNKNOWN;
}

/* NFPROTO_* */
static const char *netfilter_family(uint8_t pf)
{
	switch (pf) {
	case 1:
		return "inet";
	case 2:
		return "ip";
	case 3:
		return "arp";
	case 5:
		return "netdev";
	case 7:
		return "bridge";
	case 10:
		return "ip6";
	}
	return NULL;
}

static const char *chain_of_hook(enum wd_hook h)
{
	static const char *const chains[WD_HOOK_MAX] = {
		NULL, "PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING",
	};

	return chains[h];
}

static const char *name_of(const struct wd_record_names *names, const char s[WD_CHAIN_NAME_LEN])
{
	char name[WD_CHAIN_NAME_LEN];

	memcpy(name, s, sizeof(name));
	name[sizeof(name) - 1] = '\0';
	return names->strings ? wd_intern(names->strings, name) : NULL;
}

static int parse_verdict(const struct wd_abi_verdict *r, const struct wd_record_names *names,
                         struct wd_event *e)
{
	struct wd_event_verdict *v = &e->verdict;

	if (r->by > WD_ABI_BY_NFT)
		return -EPROTO;
	e->kind = WD_EVENT_VERDICT;
	e->tuple = tuple_of(&r->tuple);
	v->by = r->by == WD_ABI_BY_NFT      ? WD_BY_NFT
	        : r->by == WD_ABI_BY_XTABLE ? WD_BY_XTABLE
	                                    : WD_BY_OTHER;
	v->hook = r->pf == 3 || r->pf == 5 ? WD_HOOK_UNKNOWN : hook_of_number(r->hook);
	v->netns = r->netns;
	v->function = function_of(names, r->location);
	v->family = netfilter_family(r->pf);
	v->table = name_of(names, r->table);
	v->chain = name_of(names, r->chain);
	/* a table of iptables-legacy has the chain of its hook, by the same name */
	if (v->by == WD_BY_XTABLE)
		v->chain = chain_of_hook(v->hook);
	v->has_ct = r->ct_orig.proto != 0;
	if (v->has_ct)
		v->ct_orig = tuple_of(&r->ct_orig);
	return 0;
}

static const size_t sizes[WD_ABI_TYPE_MAX] = {
	[WD_ABI_CONN] = sizeof(struct wd_abi_conn),
	[WD_ABI_CONNECT] = sizeof(struct wd_abi_connect),
	[WD_ABI_DROP] = sizeof(struct wd_abi_drop),
	[WD_ABI_RESET] = sizeof(struct wd_abi_reset),
	[WD_ABI_SYNACK] = sizeof(struct wd_abi_synack),
	[WD_ABI_SOCK_ERROR] = sizeof(struct wd_abi_sock_error),
	[WD_ABI_PACKET] = sizeof(struct wd_abi_packet),
	[WD_ABI_SNAP] = sizeof(struct wd_abi_snap),
	[WD_ABI_ICMP] = sizeof(struct wd_abi_icmp),
	[WD_ABI_LISTEN] = sizeof(struct wd_abi_listen),
	[WD_ABI_VERDICT] = sizeof(struct wd_abi_verdict),
};

int wd_record_parse(const void *data, size_t size, const struct wd_record_names *names,
                    struct wd_event *ret)
{
	union {
		struct wd_abi_hdr hdr;
		struct wd_abi_conn conn;
		struct wd_abi_connect connect;
		struct wd_abi_drop drop;
		struct wd_abi_reset reset;
		struct wd_abi_synack synack;
		struct wd_abi_sock_error sock_error;
		struct wd_abi_packet packet;
		struct wd_abi_snap snap;
		struct wd_abi_icmp icmp;
		struct wd_abi_listen listen;
		struct wd_abi_verdict verdict;
	} r;

	if (size < sizeof(r.hdr))
		return -EMSGSIZE;
	memcpy(&r.hdr, data, sizeof(r.hdr));
	if (r.hdr.abi != WD_ABI || r.hdr.type >= WD_ABI_TYPE_MAX || !sizes[r.hdr.type])
		return -EPROTO;
	if (size != sizes[r.hdr.type] || r.hdr.size != size)
		return -EMSGSIZE;
	memcpy(&r, data, size);
	memset(ret, 0, sizeof(*ret));
	ret->ts_ns = r.hdr.ts_ns;
	switch (r.hdr.type) {
	case WD_ABI_CONN:
		return parse_conn(&r.conn, names, ret);
	case WD_ABI_DROP:
		return parse_drop(&r.drop, names, ret);
	case WD_ABI_PACKET:
		return parse_packet(&r.packet, ret);
	case WD_ABI_SNAP:
		return parse_snap(&r.snap, names, ret);
	case WD_ABI_ICMP:
		return parse_icmp(&r.icmp, ret);
	case WD_ABI_LISTEN:
		return parse_listen(&r.listen, ret);
	case WD_ABI_VERDICT:
		return parse_verdict(&r.verdict, names, ret);
	case WD_ABI_CONNECT:
		ret->kind = WD_EVENT_CONNECT;
		ret->tuple = tuple_of(&r.connect.tuple);
		ret->connect.sock = r.connect.sock;
		ret->connect.err = (int)(r.connect.err & 0xffff);
		owner_of(&r.connect.owner, &ret->connect.owner);
		return 0;
	case WD_ABI_RESET:
		ret->kind = WD_EVENT_RESET_SENT;
		ret->tuple = tuple_of(&r.reset.tuple);
		ret->reset.netns = r.reset.netns;
		ret->reset.reason = wd_kernel_reset_reason(names->kernel, r.reset.reason);
		ret->reset.no_socket = r.reset.no_socket;
		ret->reset.tcp_state = r.reset.state;
		return 0;
	case WD_ABI_SYNACK:
		ret->kind = WD_EVENT_SYNACK_RETRANS;
		ret->tuple = tuple_of(&r.synack.tuple);
		ret->reset.netns = r.synack.netns;
		ret->reset.reason = NULL;
		return 0;
	case WD_ABI_SOCK_ERROR:
		ret->kind = WD_EVENT_SOCK_ERROR;
		ret->tuple = tuple_of(&r.sock_error.tuple);
		ret->sock_error.sock = r.sock_error.sock;
		ret->sock_error.err = (int)(r.sock_error.err & 0xffff);
		owner_of(&r.sock_error.owner, &ret->sock_error.owner);
		return 0;
	}
	return -EPROTO;
}
