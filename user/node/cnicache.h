/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One file of libcni's result cache: what a CNI plugin gave to a pod's sandbox. Pure.
 *
 * Source: containernetworking/cni libcni/api.go, struct cachedInfo ("cniCacheV1"), the
 * result in it as in pkg/types/100 (ips[]), 020 (ip4, ip6).
 */
#ifndef WD_NODE_CNICACHE_H
#define WD_NODE_CNICACHE_H

#include <stddef.h>

#include "base/addr.h"
#include "model/facts.h"

/* A larger file is not read; real ones have 2 to 16 KiB. */
#define WD_CNICACHE_FILE_MAX  (256 * 1024)
#define WD_CNICACHE_ADDRS_MAX 8

struct wd_cnicache {
	struct wd_pod_ref pod;
	char device[16]; /* host side of its device; "" unknown */
	char mount[64];  /* name below /run/netns of its sandbox; "" other or unknown */
	struct wd_addr addrs[WD_CNICACHE_ADDRS_MAX]; /* without loopback */
	unsigned int n_addrs;
};

/* -EINVAL: no JSON of this kind, or half of one; -ENOENT: it is no pod's, or neither
 * sandbox nor address is known. ret is untouched on failure. */
int wd_cnicache_parse(const char *text, size_t n, struct wd_cnicache *ret);

/* For readers of other stores: notes the sandbox's path, if it is a plain name below
 * /run/netns, resp. an address, with or without prefix length, if it is one that counts. */
void wd_cnicache_mount(struct wd_cnicache *c, const char *path);
void wd_cnicache_addr(struct wd_cnicache *c, const char *text);

#endif
