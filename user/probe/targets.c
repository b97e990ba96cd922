/* SPDX-License-Identifier: Apache-2.0 */
#include "probe/targets.h"

#include <errno.h>
#include <string.h>

#include <bpf/bpf.h>

static int add_port(struct wd_abi_net *net, uint16_t port)
{
	if (!port) {
		net->any = 1;
		return 0;
	}
	for (unsigned int i = 0; i < net->n; i++)
		if (net->port[i] == port)
			return 0;
	if (net->n == WD_NET_PORTS)
		return -ENOSPC;
	net->port[net->n++] = port;
	return 0;
}

int wd_targets_ports(const struct wd_targets *t, const struct wd_prefix *p, struct wd_abi_net *ret)
{
	struct wd_abi_net net = {0};
	int r = 0;

	for (size_t i = 0; i < t->n; i++) {
		const struct wd_target *x = &t->t[i];

		if (x->prefix.bits <= p->bits && wd_prefix_contains(&x->prefix, &p->addr) &&
		    add_port(&net, x->port) < 0)
			r = -ENOSPC;
	}
	if (r < 0 && !net.any)
		return r;
	*ret = net;
	return 0;
}

static int install_host(int fd, const struct wd_target *t)
{
	struct wd_abi_host_key k = {0};
	uint8_t one = 1;

	memcpy(k.addr, t->prefix.addr.b, 16);
	k.port = t->port;
	return bpf_map_update_elem(fd, &k, &one, BPF_ANY) < 0 ? -errno : 0;
}

static int install_net(int fd, const struct wd_targets *all, const struct wd_target *t)
{
	struct wd_abi_net_key k = {.bits = t->prefix.bits};
	struct wd_abi_net net;
	int r = wd_targets_ports(all, &t->prefix, &net);

	if (r < 0)
		return r;
	memcpy(k.addr, t->prefix.addr.b, 16);
	return bpf_map_update_elem(fd, &k, &net, BPF_ANY) < 0 ? -errno : 0;
}

static struct wd_abi_host_key host_key(const struct wd_host_key *h)
{
	struct wd_abi_host_key k = {.port = h->port, .proto = h->proto};

	memcpy(k.addr, h->ip.b, 16);
	return k;
}

static bool is_fixed(const struct wd_targets *fixed, const struct wd_host_key *h)
{
	for (size_t i = 0; i < fixed->n && !h->proto; i++)
		if (fixed->t[i].prefix.bits == 128 && fixed->t[i].port == h->port &&
		    wd_addr_equal(&fixed->t[i].prefix.addr, &h->ip))
			return true;
	return false;
}

int wd_targets_change(const struct wd_targets *fixed, const struct wd_hosts *was,
                      const struct wd_hosts *now, int hosts_fd)
{
	uint8_t one = 1;

	for (uint32_t i = 0; i < wd_hosts_count(now); i++) {
		const struct wd_host_key *h = wd_hosts_at(now, i);
		struct wd_abi_host_key k = host_key(h);

		if (was && wd_hosts_has(was, h))
			continue;
		if (bpf_map_update_elem(hosts_fd, &k, &one, BPF_ANY) < 0)
			return -errno;
	}
	for (uint32_t i = 0; i < wd_hosts_count(was); i++) {
		const struct wd_host_key *h = wd_hosts_at(was, i);
		struct wd_abi_host_key k = host_key(h);

		if ((!now || !wd_hosts_has(now, h)) && !is_fixed(fixed, h))
			bpf_map_delete_elem(hosts_fd, &k); /* gone is what it shall be */
	}
	return 0;
}

uint32_t wd_targets_flags(const struct wd_targets *t)
{
	uint32_t match = t->all ? WD_MATCH_ALL : 0;

	for (size_t i = 0; i < t->n; i++)
		match |= t->t[i].prefix.bits != 128 ? WD_MATCH_NETS
		         : t->t[i].port             ? WD_MATCH_HOSTS | WD_MATCH_HOST_PORT
		                                    : WD_MATCH_HOSTS | WD_MATCH_HOST_ANY;
	for (uint32_t i = 0; i < wd_hosts_count(t->hosts); i++) {
		const struct wd_host_key *h = wd_hosts_at(t->hosts, i);

		match |= WD_MATCH_HOSTS | (h->proto  ? WD_MATCH_HOST_PROTO
		                           : h->port ? WD_MATCH_HOST_PORT
		                                     : WD_MATCH_HOST_ANY);
	}
	return match;
}

int wd_targets_install(const struct wd_targets *t, int hosts_fd, int nets_fd, uint32_t *ret_match)
{
	int r = 0;

	for (size_t i = 0; i < t->n && r >= 0; i++)
		r = t->t[i].prefix.bits == 128 ? install_host(hosts_fd, &t->t[i])
		                               : install_net(nets_fd, t, &t->t[i]);
	if (r >= 0)
		r = wd_targets_change(t, NULL, t->hosts, hosts_fd);
	if (r < 0)
		return r;
	*ret_match = wd_targets_flags(t);
	return 0;
}
