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

int wd_targets_install(const struct wd_targets *t, int hosts_fd, int nets_fd, uint32_t *ret_match)
{
	uint32_t match = t->all ? WD_MATCH_ALL : 0;
	int r = 0;

	for (size_t i = 0; i < t->n && r >= 0; i++) {
		if (t->t[i].prefix.bits == 128) {
			r = install_host(hosts_fd, &t->t[i]);
			match |= WD_MATCH_HOSTS |
			         (t->t[i].port ? WD_MATCH_HOST_PORT : WD_MATCH_HOST_ANY);
		} else {
			r = install_net(nets_fd, t, &t->t[i]);
			match |= WD_MATCH_NETS;
		}
	}
	if (r < 0)
		return r;
	*ret_match = match;
	return 0;
}
