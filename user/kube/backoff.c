/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/backoff.h"

void wd_backoff_init(struct wd_backoff *b, unsigned int first_ms, unsigned int max_ms,
                     uint64_t seed)
{
	*b = (struct wd_backoff){.first_ms = first_ms, .max_ms = max_ms, .random = seed};
}

/* splitmix64 (Steele, Lea, Flood 2014). */
unsigned int wd_backoff_random(struct wd_backoff *b, unsigned int n)
{
	uint64_t z = b->random += 0x9e3779b97f4a7c15ull;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return (unsigned int)((z ^ z >> 31) % n);
}

unsigned int wd_backoff_next(struct wd_backoff *b)
{
	uint64_t ms = b->first_ms;

	for (unsigned int i = 0; i < b->tries && ms < b->max_ms; i++)
		ms *= 2;
	if (b->tries < 64)
		b->tries++;
	/* at the cap there is chance too */
	if (ms > b->max_ms / 2)
		ms = b->max_ms / 2;
	ms += wd_backoff_random(b, (unsigned int)ms + 1);
	return (unsigned int)ms;
}

void wd_backoff_reset(struct wd_backoff *b)
{
	b->tries = 0;
}
