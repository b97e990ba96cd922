/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Readers of the smaller files of /proc/PID and /proc/PID/net. Pure: (text, length) in,
 * numbers out; texts need not be terminated, and whole lines only are believed.
 */
#ifndef WD_NODE_PROCNET_H
#define WD_NODE_PROCNET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "model/facts.h"
#include "node/lines.h"

/* A counter of /proc/PID/net/netstat: group "TcpExt", name "ListenOverflows" (kernel:
 * net/ipv4/proc.c). Columns move between kernels, so the heading line decides.
 * -ENOENT when there is no such column, -EINVAL when its value is not a number. */
int wd_procnet_counter(const char *text, size_t n, const char *group, const char *name,
                       uint64_t *ret);

/* The next address of /proc/PID/net/if_inet6 (kernel: if6_seq_show in
 * net/ipv6/addrconf.c), without those that lost duplicate address detection (the kernel
 * does not use them). Takes it off rest; false at the end. */
bool wd_procnet_inet6_next(struct wd_span *rest, struct wd_addr *ret);

/* State of an IPv4 neighbour in /proc/net/arp (kernel: arp_seq_show in net/ipv4/arp.c).
 * No flag: INCOMPLETE or FAILED, which the file does not tell apart; proxy entries do
 * not count. complete: the text is the whole file; else "none" becomes unknown. */
enum wd_neigh wd_procnet_arp(const char *text, size_t n, bool complete, const struct wd_addr *addr,
                             const char *device);

/* Start of a process in clock ticks (sysconf(_SC_CLK_TCK)) since boot, from
 * /proc/PID/stat, field 22. The command name in it is the process's own choice. -EINVAL. */
int wd_procnet_start_ticks(const char *text, size_t n, uint64_t *ret);

/* PF_KTHREAD in field 9 of /proc/PID/stat (kernel: include/linux/sched.h). */
bool wd_procnet_is_kthread(const char *text, size_t n);

/* Inode out of a link text like "net:[4026531840]"; 0: it is none. */
uint32_t wd_procnet_ns_inode(const char *link, size_t n);

#endif
