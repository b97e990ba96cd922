/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pods of other nodes, fetched singly by their address when a finding needs them: few at once, few
 * waiting, each answer kept for a while, and the least used forgotten.
 */
#ifndef WD_KUBE_WANTS_H
#define WD_KUBE_WANTS_H

#include "kube/client.h"
#include "model/store.h"

#define WD_WANTS_LANES 4
#define WD_WANTS_QUEUE 256
#define WD_WANTS_MAX   4096
/* Of one address: its owner, and those that had it before and are not yet deleted. */
#define WD_WANTS_PODS 8

enum wd_want {
	WD_WANT_FOUND,   /* the store has what there is */
	WD_WANT_NONE,    /* no pod has it, said the API lately */
	WD_WANT_PENDING, /* asked; look again */
	WD_WANT_FAILED,  /* the API did not answer; to be asked again soon */
};

struct wd_wants;

int wd_wants_new(struct wd_client *client, struct wd_store *store, struct wd_wants **ret);
void wd_wants_free(struct wd_wants *w);
/* enum wd_want; -EINVAL: no pod can have such an address; -ENOBUFS: too many wait. */
int wd_wants_ask(struct wd_wants *w, const struct wd_addr *ip);

#endif
