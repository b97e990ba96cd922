/* SPDX-License-Identifier: Apache-2.0 */
#include "probe/hooks_clsact.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/random.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/cleanup.h"
#include "probe/hooks_filter.h"

#define OWNER_LEN 16 /* hexadecimal digits */
#define PREFIX    "whydrop:"
#define MADE      ":q" /* a whydrop made the qdisc */
#define RETRIES   5

struct wd_clsact {
	struct wd_netlink *netlink;
	char owner[OWNER_LEN + 1];
	int life; /* the socket that says that we live; -1 not yet needed */
};

int wd_clsact_new(struct wd_netlink *n, struct wd_clsact **ret)
{
	struct wd_clsact *c = calloc(1, sizeof(*c));
	uint64_t id;

	if (!c)
		return -ENOMEM;
	c->netlink = n;
	c->life = -1;
	if (getrandom(&id, sizeof(id), 0) != sizeof(id)) {
		free(c);
		return -EIO;
	}
	snprintf(c->owner, sizeof(c->owner), "%016llx", (unsigned long long)id);
	*ret = c;
	return 0;
}

void wd_clsact_free(struct wd_clsact *c)
{
	if (!c)
		return;
	if (c->life >= 0)
		close(c->life);
	free(c);
}

/* ---- owners ------------------------------------------------------------------------- */

static socklen_t life_address(const char *owner, struct sockaddr_un *a)
{
	memset(a, 0, sizeof(*a));
	a->sun_family = AF_UNIX;
	/* abstract: the first byte is NUL, and the name ends with the length */
	snprintf(a->sun_path + 1, sizeof(a->sun_path) - 1, "whydrop-hooks-%s", owner);
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + strlen(a->sun_path + 1));
}

static int show_life(struct wd_clsact *c)
{
	WD_AUTO_FD int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct sockaddr_un a;
	socklen_t len = life_address(c->owner, &a);

	if (c->life >= 0)
		return 0;
	if (fd < 0 || bind(fd, (struct sockaddr *)&a, len) < 0)
		return -errno;
	c->life = wd_take_fd(fd);
	return 0;
}

/* In doubt it lives. */
static bool lives(const char *owner)
{
	WD_AUTO_FD int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct sockaddr_un a;
	socklen_t len = life_address(owner, &a);

	return fd < 0 || connect(fd, (struct sockaddr *)&a, len) == 0 || errno != ECONNREFUSED;
}

/* Whose filter it is: false when no whydrop's. */
static bool owner_of(const struct wd_filter *f, char owner[OWNER_LEN + 1], bool *made)
{
	size_t n = strlen(PREFIX);
	const char *rest;

	if (strcmp(f->kind, "bpf") != 0 || f->chain || !f->handle ||
	    strncmp(f->name, PREFIX, n) != 0 ||
	    strspn(f->name + n, "0123456789abcdef") != OWNER_LEN)
		return false;
	rest = f->name + n + OWNER_LEN;
	if (rest[0] && strcmp(rest, MADE) != 0)
		return false;
	memcpy(owner, f->name + n, OWNER_LEN);
	owner[OWNER_LEN] = '\0';
	*made |= rest[0] != '\0';
	return true;
}

enum whose {
	OURS,
	DEAD,
};

/* Deletes filters: our own, or dead owners'. *made: one of any whydrop, also of those that
 * stay, says that a whydrop made the qdisc. */
static unsigned int delete_filters(struct wd_clsact *c, uint32_t ifindex, enum whose whose,
                                   bool *made)
{
	unsigned int deleted = 0;
	struct wd_filters l;
	char owner[OWNER_LEN + 1];

	for (int i = 0; i < WD_DIRECTION_MAX; i++) {
		enum wd_direction d = (enum wd_direction)i;

		if (wd_filters_list(c->netlink, ifindex, d, &l) < 0)
			continue;
		for (unsigned int k = 0; k < l.n; k++) {
			bool ours;

			if (!owner_of(&l.f[k], owner, made))
				continue;
			ours = strcmp(owner, c->owner) == 0;
			if (whose == OURS ? !ours : ours || lives(owner))
				continue;
			deleted += wd_filter_delete(c->netlink, ifindex, d, &l.f[k]) == 0;
		}
	}
	return deleted;
}

static void sweep_device(uint32_t ifindex, void *ctx)
{
	struct wd_clsact *c = ctx;
	bool made = false;

	if (delete_filters(c, ifindex, DEAD, &made) && made)
		wd_qdisc_delete_empty(c->netlink, ifindex);
}

void wd_clsact_sweep(struct wd_clsact *c)
{
	wd_qdisc_each(c->netlink, sweep_device, c);
}

/* ---- attach ------------------------------------------------------------------------- */

/* *made: by us just now. */
static int ensure_qdisc(struct wd_clsact *c, uint32_t ifindex, bool *made, char *why, size_t size)
{
	char kind[16];
	int r;

	for (int tries = 0; tries < RETRIES; tries++) {
		r = wd_qdisc_kind(c->netlink, ifindex, kind);
		if (r < 0)
			break;
		if (strcmp(kind, "clsact") == 0)
			return 0;
		if (kind[0]) {
			snprintf(why, size, "a qdisc of kind %s is in the place of clsact", kind);
			return -EBUSY;
		}
		r = wd_qdisc_add(c->netlink, ifindex);
		if (r == 0)
			*made = true;
		if (r != -EEXIST)
			break;
	}
	if (r < 0)
		snprintf(why, size, "%s", c->netlink->said);
	return r;
}

static int attach_direction(struct wd_clsact *c, uint32_t ifindex, enum wd_direction d, int prog_fd,
                            const char *name, char *why, size_t size)
{
	struct wd_filter_place at;
	struct wd_filters l;
	int r = -EEXIST;

	for (int tries = 0; r == -EEXIST && tries < RETRIES; tries++) {
		r = wd_filters_list(c->netlink, ifindex, d, &l);
		if (r == 0)
			r = wd_filter_place(&l, &at);
		if (r == 0)
			r = wd_filter_add(c->netlink, ifindex, d, &at, prog_fd, name);
	}
	if (r < 0)
		snprintf(why, size, "%s", c->netlink->said);
	return r;
}

int wd_clsact_attach(struct wd_clsact *c, uint32_t ifindex, int in_fd, int out_fd, char *why,
                     size_t size)
{
	char name[sizeof(PREFIX) + OWNER_LEN + sizeof(MADE)];
	bool made = false;
	int r = show_life(c);

	if (r < 0)
		return r;
	/* a whydrop that made the qdisc may leave before us: then it is ours to delete */
	delete_filters(c, ifindex, DEAD, &made);
	r = ensure_qdisc(c, ifindex, &made, why, size);
	if (r < 0)
		return r;
	snprintf(name, sizeof(name), PREFIX "%s%s", c->owner, made ? MADE : "");
	r = attach_direction(c, ifindex, WD_DIRECTION_IN, in_fd, name, why, size);
	if (r == 0)
		r = attach_direction(c, ifindex, WD_DIRECTION_OUT, out_fd, name, why, size);
	if (r < 0) {
		delete_filters(c, ifindex, OURS, &made);
		if (made)
			wd_qdisc_delete_empty(c->netlink, ifindex);
	}
	return r;
}

void wd_clsact_detach(struct wd_clsact *c, uint32_t ifindex)
{
	bool made = false;

	delete_filters(c, ifindex, OURS, &made);
	if (made)
		wd_qdisc_delete_empty(c->netlink, ifindex);
}

int wd_clsact_attached(struct wd_clsact *c, uint32_t ifindex)
{
	char owner[OWNER_LEN + 1];
	struct wd_filters l;

	for (int i = 0; i < WD_DIRECTION_MAX; i++) {
		bool found = false, made;
		int r = wd_filters_list(c->netlink, ifindex, (enum wd_direction)i, &l);

		if (r == -ENODEV || r == -ENOENT || r == -EINVAL)
			return 0; /* no device, or no qdisc */
		if (r < 0)
			return r;
		for (unsigned int k = 0; k < l.n && !found; k++)
			found = owner_of(&l.f[k], owner, &made) && strcmp(owner, c->owner) == 0;
		if (!found)
			return 0;
	}
	return 1;
}
