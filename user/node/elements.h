/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cuts the document that `nft -j` writes, {"nftables":[…]}, into the elements of its array while
 * it comes in, so that a rule set of any size is never held as a whole. What an element holds is
 * not looked at. Pure.
 */
#ifndef WD_NODE_ELEMENTS_H
#define WD_NODE_ELEMENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/* A set is one element; one of 50 000 pairs of addresses has some 5 MiB. */
#define WD_ELEMENTS_SIZE_MAX (64u << 20)

struct wd_elements {
	int (*each)(const char *json, size_t n, void *ctx);
	void *ctx;
	unsigned int depth;
	bool string, escape, begun, done;
	bool inside;      /* an element; its start may be in `kept` */
	bool too_long;    /* this one is left out */
	uint64_t skipped; /* how many were */
	struct wd_buf kept;
};

/* each: one element, valid during the call; a negative result ends the feeding. */
void wd_elements_init(struct wd_elements *e, int (*each)(const char *json, size_t n, void *ctx),
                      void *ctx);
void wd_elements_release(struct wd_elements *e);
/* Pieces of any size. -EPROTO: no such document; -ENOMEM; or what `each` returned. */
int wd_elements_feed(struct wd_elements *e, const char *p, size_t n);
/* -EPROTO: the document is not whole. */
int wd_elements_end(const struct wd_elements *e);

#endif
