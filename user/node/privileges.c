/* SPDX-License-Identifier: Apache-2.0 */
#include "node/privileges.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "node/lines.h"
#include "node/procfs.h"

/* New in 5.8; older headers lack them. */
#ifndef CAP_PERFMON
#define CAP_PERFMON 38
#endif
#ifndef CAP_BPF
#define CAP_BPF 39
#endif

/* include/linux/proc_ns.h: PROC_USER_INIT_INO */
#define USER_NS_INITIAL "user:[4026531837]"

#define STATUS_MAX (64u << 10)

#define BIT(cap) (1ull << (cap))

static const struct {
	uint64_t any_of; /* one of these is enough */
	bool required;
	struct wd_privilege text;
} table[] = {
	{BIT(CAP_BPF) | BIT(CAP_SYS_ADMIN),
         true,
         {"CAP_BPF", "no program can be loaded into the kernel: nothing is seen"}},
	{BIT(CAP_PERFMON) | BIT(CAP_SYS_ADMIN),
         true,
         {"CAP_PERFMON", "no program can be attached to a tracepoint: nothing is seen"}},
	{BIT(CAP_NET_ADMIN),
         false,
         {"CAP_NET_ADMIN", "conntrack cannot be asked where NAT sent a connection, nor nft and "
                           "ipset for their rules"}},
	/* the tools ask ip_tables and ip_set by getsockopt(2) of a raw socket */
	{BIT(CAP_NET_RAW),
         false,
         {"CAP_NET_RAW", "iptables-legacy-save reads no rules, and no iptables-save those that "
                         "match an ipset"}},
	{BIT(CAP_SYS_PTRACE),
         false,
         {"CAP_SYS_PTRACE", "network namespaces of other users' processes stay hidden: no pod "
                            "names, no listening sockets, no routes of pods"}},
	{BIT(CAP_DAC_READ_SEARCH) | BIT(CAP_DAC_OVERRIDE),
         false,
         {"CAP_DAC_READ_SEARCH", "files of the node that belong to root cannot be read: CNI "
                                 "results, pod directories"}},
	{BIT(CAP_SYSLOG) | BIT(CAP_SYS_ADMIN),
         false,
         {"CAP_SYSLOG", "the kernel hides its addresses: the functions that drop packets have "
                        "no names"}},
};

static void add(struct wd_privileges *p, bool required, const struct wd_privilege *what)
{
	if (required && p->n_required < WD_PRIVILEGES_MAX)
		p->required[p->n_required++] = *what;
	else if (!required && p->n_optional < WD_PRIVILEGES_MAX)
		p->optional[p->n_optional++] = *what;
}

int wd_privileges_missing_of(uint64_t effective, bool initial_user_ns, struct wd_privileges *ret)
{
	static const struct wd_privilege user_ns = {
		"the initial user namespace",
		"capabilities of a container's own user namespace do not count for BPF",
	};

	memset(ret, 0, sizeof(*ret));
	if (!initial_user_ns)
		add(ret, true, &user_ns);
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (!(effective & table[i].any_of))
			add(ret, table[i].required, &table[i].text);
	return (int)ret->n_required;
}

int wd_privileges_parse(const char *text, size_t n, uint64_t *ret)
{
	struct wd_span rest = wd_span(text, n), line, w[2];

	while (wd_span_line(&rest, &line))
		if (wd_span_words(line, w, 2) == 2 && wd_span_is(&w[0], "CapEff:"))
			return wd_span_number(&w[1], 16, UINT64_MAX, ret) ? 0 : -EINVAL;
	return -EINVAL;
}

int wd_privileges_missing(struct wd_privileges *ret)
{
	struct wd_buf buf wd_cleanup(wd_buf_release);
	char link[64] = "";
	uint64_t effective;
	int r;

	wd_buf_init(&buf, STATUS_MAX);
	r = wd_procfs_read(AT_FDCWD, "/proc/self/status", &buf);
	if (r)
		return r < 0 ? r : -EFBIG;
	r = wd_privileges_parse(buf.data, buf.len, &effective);
	if (r)
		return r;
	/* A kernel without user namespaces has no such link. */
	if (readlink("/proc/self/ns/user", link, sizeof(link) - 1) < 0)
		link[0] = '\0';
	return wd_privileges_missing_of(effective, !link[0] || !strcmp(link, USER_NS_INITIAL), ret);
}
