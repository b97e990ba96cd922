/* SPDX-License-Identifier: Apache-2.0 */
#include "output/interfaces.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/event.h"
#include "output/pcapng.h"

struct wd_interface {
	uint32_t netns, ifindex;
	char name[16];
};

void wd_interfaces_release(struct wd_interfaces *s)
{
	free(s->all);
	*s = (struct wd_interfaces){0};
}

static int grow(struct wd_interfaces *s)
{
	unsigned int n = s->alloc ? s->alloc * 2 : 16;
	struct wd_interface *more;

	if (s->n < s->alloc)
		return 0;
	more = realloc(s->all, n * sizeof(*more));
	if (!more)
		return -ENOMEM;
	s->all = more;
	s->alloc = n;
	return 0;
}

static int describe(struct wd_buf *b, const struct wd_interface *i, bool last)
{
	struct wd_pcapng_interface block = {
		.name = i->name,
		.snaplen = sizeof(((struct wd_event_snap *)0)->data),
	};
	char number[16], description[64] = "";

	if (i->netns)
		snprintf(description, sizeof(description), "in network namespace %u", i->netns);
	if (!i->name[0]) {
		snprintf(number, sizeof(number), "if%u", i->ifindex);
		block.name = i->ifindex ? number : "no-device";
	}
	if (last) {
		block.name = "others";
		snprintf(description, sizeof(description), "more than %u devices: see comments",
		         WD_INTERFACES_MAX);
	}
	block.description = description;
	wd_pcapng_interface(b, &block);
	return b->err;
}

int wd_interfaces_number(struct wd_interfaces *s, struct wd_buf *b, uint32_t netns,
                         uint32_t ifindex, const char *name, uint32_t *ret)
{
	struct wd_interface i = {.netns = netns, .ifindex = ifindex};
	int r;

	snprintf(i.name, sizeof(i.name), "%s", name);
	for (unsigned int n = 0; n < s->n; n++) {
		const struct wd_interface *other = &s->all[n];

		if (other->netns == netns && other->ifindex == ifindex &&
		    strcmp(other->name, i.name) == 0) {
			*ret = n;
			return 0;
		}
	}
	if (s->n > WD_INTERFACES_MAX) {
		*ret = WD_INTERFACES_MAX;
		return 0;
	}
	r = grow(s);
	if (r == 0)
		r = describe(b, &i, s->n == WD_INTERFACES_MAX);
	if (r < 0)
		return r;
	*ret = s->n;
	s->all[s->n++] = i;
	return 0;
}
