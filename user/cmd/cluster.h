/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is known of the cluster, kept up to date on the event loop: the Kubernetes API if it
 * answers, what it said last if it does not, and the node's own rules and files in any case.
 * None of them is needed for the others, and nothing here waits.
 */
#ifndef WD_CMD_CLUSTER_H
#define WD_CMD_CLUSTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/who.h"

struct event_base;
struct wd_cluster;

struct wd_cluster_options {
	struct event_base *loop;
	const char *host_root;
	const char *node;       /* name of this node */
	const char *kubeconfig; /* NULL: wherever it is found */
	const char *state;      /* file of the last known state; NULL none */
	const char *snapshot;   /* directory that stands for the API; NULL none */
	bool no_api;
};

/* Complains about what the user named and cannot be used: -EINVAL then. -ENOMEM. */
int wd_cluster_new(const struct wd_cluster_options *o, struct wd_cluster **ret);
void wd_cluster_start(struct wd_cluster *c, uint64_t now_ns);
void wd_cluster_free(struct wd_cluster *c);
/* Once a second, CLOCK_MONOTONIC. */
void wd_cluster_tick(struct wd_cluster *c, uint64_t now_ns);

const struct wd_stores *wd_cluster_stores(const struct wd_cluster *c);
/* Every source has said what it can say at first, or that it cannot. */
bool wd_cluster_settled(const struct wd_cluster *c);
/* Grows when something changed that targets follow. */
uint64_t wd_cluster_generation(const struct wd_cluster *c);
/* Something happened for which the node's rules should be known as they are now: asks for them if
 * they are older than that, as far as the CPU budget allows. */
void wd_cluster_refresh(struct wd_cluster *c, uint64_t max_age_ns, uint64_t now_ns);
/* The pod of a flow may be on another node: asks the API for it. True: the answer is still to come.
 */
bool wd_cluster_want_pod(struct wd_cluster *c, const struct wd_addr *ip);

/* This node's addresses, and its name servers. */
size_t wd_cluster_node_ips(const struct wd_cluster *c, const struct wd_addr **ret);
size_t wd_cluster_resolvers(const struct wd_cluster *c, const struct wd_addr **ret);

/* whydrop's own way to the API server, in one sentence, when it failed since `since_ns` and has not
 * been answered after that; NULL: it did not. Lives until the next call. */
const char *wd_cluster_api_trouble(struct wd_cluster *c, uint64_t since_ns, uint64_t now_ns);
/* For the start: "https://10.0.0.1:443", or why there is none; never NULL. *ret_there: which. */
const char *wd_cluster_api_words(const struct wd_cluster *c, bool *ret_there);

#endif
