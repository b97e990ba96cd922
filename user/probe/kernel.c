/* SPDX-License-Identifier: Apache-2.0 */
#include "probe/kernel.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/btf.h>

#include "base/cleanup.h"

/* include/net/dropreason-core.h says what each means; these are part of ordinary life. */
static const char *const ignored[] = {
	"NOT_DROPPED_YET",
	"CONSUMED",
	"QUEUE_PURGE", /* one for each cleanly closed connection */
	"SOCKET_CLOSE",
	"UNIX_DISCONNECT",
	"UNIX_SKIP_OOB",
	"OTHERHOST",         /* a copy: promiscuous device, flooded bridge port */
	"PACKET_SOCK_ERROR", /* a copy: tcpdump */
	"TAP_FILTER",
	"TCP_OLD_DATA", /* duplicate of what has arrived */
	"TCP_OFOMERGE",
	"TCP_OLD_ACK",
	"TCP_RESET",         /* the RST itself, after it did its work */
	"TCP_CLOSE",         /* latecomer of a connection that is over */
	"TCP_ABORT_ON_DATA", /* same; the RST that answers it is seen elsewhere */
	"TCP_RFC7323_PAWS_ACK",
	"TCP_RFC7323_TW_PAWS",
};

bool wd_drop_reason_ignored(const char *name)
{
	for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++)
		if (strcmp(ignored[i], name) == 0)
			return true;
	return false;
}

/* ---- types by name ---------------------------------------------------------------- */

struct name_index {
	uint32_t hash;
	uint32_t id;
};

/* FNV-1a */
static uint32_t hash_name(const char *s)
{
	uint32_t h = 2166136261u;

	for (; *s; s++)
		h = (h ^ (uint8_t)*s) * 16777619u;
	return h;
}

/* One pass over all types instead of one for each name that is looked up. */
static int index_types(struct wd_kernel *k)
{
	uint32_t n = btf__type_cnt(k->btf);

	k->index = calloc(n, sizeof(*k->index));
	if (!k->index)
		return -ENOMEM;
	for (uint32_t id = 1; id < n; id++) {
		const struct btf_type *t = btf__type_by_id(k->btf, id);
		const char *name;

		if (!btf_is_func(t) && !btf_is_typedef(t) && !btf_is_enum(t) && !btf_is_struct(t))
			continue;
		name = btf__name_by_offset(k->btf, t->name_off);
		if (name && name[0])
			k->index[k->n_index++] = (struct name_index){hash_name(name), id};
	}
	return 0;
}

static const struct btf_type *find_type(const struct wd_kernel *k, const char *name,
                                        unsigned int kind, int *ret_id)
{
	uint32_t hash = hash_name(name);

	for (uint32_t i = 0; i < k->n_index; i++) {
		const struct btf_type *t;

		if (k->index[i].hash != hash)
			continue;
		t = btf__type_by_id(k->btf, k->index[i].id);
		if (btf_kind(t) != kind ||
		    strcmp(btf__name_by_offset(k->btf, t->name_off), name) != 0)
			continue;
		if (ret_id)
			*ret_id = (int)k->index[i].id;
		return t;
	}
	return NULL;
}

int wd_kernel_function(const struct wd_kernel *k, const char *name)
{
	int id = 0;

	find_type(k, name, BTF_KIND_FUNC, &id);
	return id;
}

bool wd_kernel_tracepoint(const struct wd_kernel *k, const char *name)
{
	char type[64];

	snprintf(type, sizeof(type), "btf_trace_%s", name);
	return find_type(k, type, BTF_KIND_TYPEDEF, NULL);
}

/* ---- names and prototypes ------------------------------------------------------------ */

/* Fills slots by value from a kernel enum; the prefixes are cut off. */
static void read_enum(const struct wd_kernel *k, const char *name, char **slots, uint32_t n_slots,
                      const char *const *prefixes)
{
	const struct btf_type *t = find_type(k, name, BTF_KIND_ENUM, NULL);
	const struct btf_enum *e;

	if (!t)
		return;
	e = btf_enum(t);
	for (int i = 0; i < btf_vlen(t); i++) {
		const char *s = btf__name_by_offset(k->btf, e[i].name_off);

		if (!s || e[i].val < 0 || (uint32_t)e[i].val >= n_slots || slots[e[i].val])
			continue;
		for (const char *const *p = prefixes; *p; p++) {
			if (strncmp(s, *p, strlen(*p)) == 0) {
				s += strlen(*p);
				break;
			}
		}
		slots[e[i].val] = strdup(s);
	}
}

/* Parameters of a tracepoint's prototype, without the leading void *; -1 unknown. */
static int prototype_params(const struct wd_kernel *k, const char *typedef_name)
{
	const struct btf_type *t = find_type(k, typedef_name, BTF_KIND_TYPEDEF, NULL);

	t = t ? btf__type_by_id(k->btf, t->type) : NULL;
	if (!t || !btf_is_ptr(t))
		return -1;
	t = btf__type_by_id(k->btf, t->type);
	return t && btf_is_func_proto(t) ? btf_vlen(t) - 1 : -1;
}

int wd_kernel_read(struct wd_kernel *ret)
{
	static const char *const drop_prefixes[] = {"SKB_DROP_REASON_", "SKB_", NULL};
	static const char *const reset_prefixes[] = {"SK_RST_REASON_", NULL};
	int r;

	memset(ret, 0, sizeof(*ret));
	ret->btf = btf__load_vmlinux_btf();
	if (!ret->btf)
		return errno == ENOENT || errno == ESRCH ? -ENOENT : -errno;
	r = index_types(ret);
	if (r < 0) {
		wd_kernel_release(ret);
		return r;
	}
	read_enum(ret, "skb_drop_reason", ret->drop_reason, WD_REASON_SLOTS, drop_prefixes);
	read_enum(ret, "sk_rst_reason", ret->reset_reason, 64, reset_prefixes);
	ret->kfree_has_reason = prototype_params(ret, "btf_trace_kfree_skb") >= 3;
	ret->reset_has_reason = prototype_params(ret, "btf_trace_tcp_send_reset") >= 3;
	ret->allocates_anywhere = find_type(ret, "bpf_mem_alloc", BTF_KIND_STRUCT, NULL);
	return 0;
}

void wd_kernel_forget_types(struct wd_kernel *k)
{
	free(k->index);
	k->index = NULL;
	k->n_index = 0;
	btf__free(k->btf);
	k->btf = NULL;
}

void wd_kernel_release(struct wd_kernel *k)
{
	wd_kernel_forget_types(k);
	for (unsigned int i = 0; i < WD_REASON_SLOTS; i++)
		free(k->drop_reason[i]);
	for (unsigned int i = 0; i < 64; i++)
		free(k->reset_reason[i]);
	memset(k, 0, sizeof(*k));
}

const char *wd_kernel_drop_reason(const struct wd_kernel *k, uint32_t reason)
{
	return reason < WD_REASON_SLOTS ? k->drop_reason[reason] : NULL;
}

const char *wd_kernel_reset_reason(const struct wd_kernel *k, int32_t reason)
{
	return reason >= 0 && reason < 64 ? k->reset_reason[reason] : NULL;
}
