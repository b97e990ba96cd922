/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Services and endpoints as kube-proxy wrote them into this node's kernel: readers of
 * iptables-save (legacy and nft flavour, with or without counters, both families), of
 * `nft -j list ruleset` and of /proc/net/ip_vs. Pure: bytes in, objects out.
 *
 * One struct wd_kubeproxy collects any number of dumps; the objects are made at the end, since
 * rules come in no useful order. Chains of different dumps never mix; what several dumps say of
 * one Service is joined.
 *
 * What rules cannot tell: headless Services and names without address, selectors, pods behind
 * endpoints, endpoints that are not ready or (policy Local) elsewhere, target ports of a Service
 * without endpoints (0), and whether an address that only DROP rules or nftables' maps name is
 * an external IP or a load balancer's: with a node port it counts as the latter. IPVS names
 * nobody: its Services have ns "" and the address as name.
 *
 * What cannot be understood is counted, never fatal; the first is remembered. Sources: Kubernetes
 * pkg/proxy/{iptables,nftables,ipvs}/proxier.go, 1.20 to 1.36; Linux
 * net/netfilter/ipvs/ip_vs_ctl.c.
 */
#ifndef WD_NODE_KUBEPROXY_H
#define WD_NODE_KUBEPROXY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/cluster.h"

struct wd_kubeproxy;
struct wd_store;

enum wd_kubeproxy_source {
	WD_KUBEPROXY_LEGACY,  /* iptables-legacy-save */
	WD_KUBEPROXY_LEGACY6, /* ip6tables-legacy-save */
	WD_KUBEPROXY_NFT,     /* iptables-nft-save */
	WD_KUBEPROXY_NFT6,    /* ip6tables-nft-save */
	WD_KUBEPROXY_TABLES,  /* nft -j list ruleset */
	WD_KUBEPROXY_IPVS,    /* /proc/net/ip_vs */
	WD_KUBEPROXY_MAX,
};

/* Limits. What is beyond is left out, and `cut` says so. */
#define WD_KUBEPROXY_LINE_MAX  (64u << 10)
#define WD_KUBEPROXY_ITEMS_MAX (1u << 21) /* chains, jumps, addresses, each */
#define WD_KUBEPROXY_PORTS_MAX 512        /* of one Service */
#define WD_KUBEPROXY_STEPS_MAX (8u << 20) /* jumps and endpoints of all Services together */

struct wd_kubeproxy_report {
	uint64_t rules;              /* of kube-proxy, that were read */
	uint64_t refused;            /* of them, those that could not be understood */
	char first[192];             /* where and what the first of these was; raw text */
	bool cut;                    /* a limit was reached */
	bool seen[WD_KUBEPROXY_MAX]; /* the source holds rules of kube-proxy */
	/* Of an iptables-save: the rules of everybody; whether the kubelet or kube-proxy left their
	 * mark (KUBE-IPTABLES-HINT, KUBE-KUBELET-CANARY, KUBE-PROXY-CANARY). Both back ends of
	 * iptables may be in use. */
	uint64_t all[WD_KUBEPROXY_MAX];
	bool marked[WD_KUBEPROXY_MAX];
};

/* -ENOMEM. */
int wd_kubeproxy_new(struct wd_kubeproxy **ret);
void wd_kubeproxy_free(struct wd_kubeproxy *k);
const struct wd_kubeproxy_report *wd_kubeproxy_report(const struct wd_kubeproxy *k);

/*
 * One iptables-save: begin, its bytes in pieces of any size, end. -ENOMEM; end also -EPROTO: the
 * dump is not whole (a table without COMMIT, half a line).
 */
void wd_kubeproxy_iptables_begin(struct wd_kubeproxy *k, enum wd_kubeproxy_source source);
int wd_kubeproxy_iptables(struct wd_kubeproxy *k, const char *text, size_t n);
int wd_kubeproxy_iptables_end(struct wd_kubeproxy *k);

/* One element of the array "nftables" (node/elements.h cuts a document into them). -ENOMEM. */
int wd_kubeproxy_nft_element(struct wd_kubeproxy *k, const char *json, size_t n);

/* The whole text of /proc/net/ip_vs. -ENOMEM. */
int wd_kubeproxy_ipvs(struct wd_kubeproxy *k, const char *text, size_t n);

/*
 * Makes the objects of all that was read: each Service, then its slices, one a family and set of
 * endpoints (named "<service>-kube-proxy-ipv4", further ones with a number). An object lives
 * during the call. Ends with what `each` returns if negative; -ENOMEM.
 */
int wd_kubeproxy_each(struct wd_kubeproxy *k, int (*each)(const struct wd_object *o, void *ctx),
                      void *ctx);
/* The same into a store, by wd_store_put(). What it refuses as unnamed is left out. */
int wd_kubeproxy_put(struct wd_kubeproxy *k, struct wd_store *s);

#endif
