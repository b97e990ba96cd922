/* SPDX-License-Identifier: Apache-2.0 */
#include "probe/kernel.h"

#include <errno.h>
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

/* Fills slots by value from a kernel enum; the prefixes are cut off. */
static void read_enum(const struct btf *btf, const char *name, char **slots, uint32_t n_slots,
                      const char *const *prefixes)
{
	int id = btf__find_by_name_kind(btf, name, BTF_KIND_ENUM);
	const struct btf_type *t = id > 0 ? btf__type_by_id(btf, (uint32_t)id) : NULL;
	const struct btf_enum *e;

	if (!t)
		return;
	e = btf_enum(t);
	for (int i = 0; i < btf_vlen(t); i++) {
		const char *s = btf__name_by_offset(btf, e[i].name_off);

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
static int prototype_params(const struct btf *btf, const char *typedef_name)
{
	int id = btf__find_by_name_kind(btf, typedef_name, BTF_KIND_TYPEDEF);
	const struct btf_type *t;

	if (id <= 0)
		return -1;
	t = btf__type_by_id(btf, (uint32_t)id);
	t = t ? btf__type_by_id(btf, t->type) : NULL;
	if (!t || !btf_is_ptr(t))
		return -1;
	t = btf__type_by_id(btf, t->type);
	return t && btf_is_func_proto(t) ? btf_vlen(t) - 1 : -1;
}

int wd_kernel_read(struct wd_kernel *ret)
{
	static const char *const drop_prefixes[] = {"SKB_DROP_REASON_", "SKB_", NULL};
	static const char *const reset_prefixes[] = {"SK_RST_REASON_", NULL};
	struct btf *btf = btf__load_vmlinux_btf();

	memset(ret, 0, sizeof(*ret));
	if (!btf)
		return errno == ENOENT || errno == ESRCH ? -ENOENT : -errno;
	read_enum(btf, "skb_drop_reason", ret->drop_reason, WD_REASON_SLOTS, drop_prefixes);
	read_enum(btf, "sk_rst_reason", ret->reset_reason, 64, reset_prefixes);
	ret->kfree_has_reason = prototype_params(btf, "btf_trace_kfree_skb") >= 3;
	ret->reset_has_reason = prototype_params(btf, "btf_trace_tcp_send_reset") >= 3;
	btf__free(btf);
	return 0;
}

void wd_kernel_release(struct wd_kernel *k)
{
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
