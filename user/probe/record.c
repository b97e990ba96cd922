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

static const size_t sizes[WD_ABI_TYPE_MAX] = {
	[WD_ABI_CONN] = sizeof(struct wd_abi_conn),
	[WD_ABI_CONNECT] = sizeof(struct wd_abi_connect),
	[WD_ABI_DROP] = sizeof(struct wd_abi_drop),
	[WD_ABI_RESET] = sizeof(struct wd_abi_reset),
	[WD_ABI_SYNACK] = sizeof(struct wd_abi_synack),
	[WD_ABI_SOCK_ERROR] = sizeof(struct wd_abi_sock_error),
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
