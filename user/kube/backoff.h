/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How long to wait before the next try: twice as long each time, up to a cap, and by chance up to
 * twice that again, so that thousands of agents do not come back at once (client-go's reflector:
 * 0.8 s to 30 s, factor 2, jitter 1). Pure.
 */
#ifndef WD_KUBE_BACKOFF_H
#define WD_KUBE_BACKOFF_H

#include <stdint.h>

struct wd_backoff {
	unsigned int first_ms, max_ms;
	unsigned int tries; /* in a row */
	uint64_t random;    /* state; seed it */
};

void wd_backoff_init(struct wd_backoff *b, unsigned int first_ms, unsigned int max_ms,
                     uint64_t seed);
/* Never above max_ms. */
unsigned int wd_backoff_next(struct wd_backoff *b);
void wd_backoff_reset(struct wd_backoff *b);
/* A number below n, n > 0, of the same source. */
unsigned int wd_backoff_random(struct wd_backoff *b, unsigned int n);

#endif
