/* SPDX-License-Identifier: Apache-2.0 */
/* What the two halves of the reader of nftables share. Used by kubeproxy_nft*.c only. */
#ifndef WD_NODE_KUBEPROXY_NFT_H
#define WD_NODE_KUBEPROXY_NFT_H

#include "node/jsonscan.h"
#include "node/kubeproxy_graph.h"

/* Chains of the two families. */
#define WD_KP_NFT_SPACE(v6) (WD_KUBEPROXY_MAX + (unsigned int)(v6))

/* What of an element matters. */
struct wd_kp_nft_element {
	struct wd_span family, table, name, chain;
	struct wd_jsonscan elem, expr; /* p NULL: not there */
};

struct wd_kp_nft_verdict {
	bool drop;
	struct wd_span target; /* of goto or jump; p NULL: none */
};

/* "<prefix><hash>-": kube-proxy has chains like "service-endpoints-check", too. */
bool wd_kp_nft_is_chain(const struct wd_span *s, const char *prefix);
/* One that leads to endpoints. */
bool wd_kp_nft_is_service(const struct wd_span *s);

/* What comes next, consumed whatever it is; false: it is something else. */
bool wd_kp_nft_addr(struct wd_jsonscan *c, struct wd_addr *ret);
bool wd_kp_nft_port(struct wd_jsonscan *c, uint16_t *ret);
/* {"target":"…"} */
bool wd_kp_nft_target(struct wd_jsonscan c, struct wd_span *ret);
/* {"goto":{"target":"…"}}, {"drop":null} */
bool wd_kp_nft_verdict(struct wd_jsonscan c, struct wd_kp_nft_verdict *ret);

void wd_kp_nft_refuse(struct wd_kubeproxy *kp, const char *what, const struct wd_span *name,
                      const char *p, const char *end);
/* One rule of table kube-proxy. */
void wd_kp_nft_rule(struct wd_kubeproxy *kp, const struct wd_kp_nft_element *e, bool v6);

#endif
