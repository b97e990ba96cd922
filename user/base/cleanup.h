/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Scope-bound release, so that every early return of a function is right.
 *
 * A file descriptor variable starts at -1, a pointer at NULL. Handing one over
 * goes through wd_take_fd() / wd_take_ptr(), which leave the empty value behind.
 */
#ifndef WD_BASE_CLEANUP_H
#define WD_BASE_CLEANUP_H

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define wd_cleanup(fn) __attribute__((cleanup(fn)))

static inline void wd_cleanup_free(void *p)
{
	free(*(void **)p);
}

static inline void wd_cleanup_fd(const int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static inline void wd_cleanup_file(FILE **f)
{
	if (*f)
		fclose(*f);
}

static inline void wd_cleanup_dir(DIR **d)
{
	if (*d)
		closedir(*d);
}

#define WD_AUTO_FREE wd_cleanup(wd_cleanup_free)
#define WD_AUTO_FD   wd_cleanup(wd_cleanup_fd)
#define WD_AUTO_FILE wd_cleanup(wd_cleanup_file)
#define WD_AUTO_DIR  wd_cleanup(wd_cleanup_dir)

#define wd_take_ptr(p)                   \
	({                               \
		typeof(p) __taken = (p); \
		(p) = NULL;              \
		__taken;                 \
	})

#define wd_take_fd(fd)              \
	({                          \
		int __taken = (fd); \
		(fd) = -1;          \
		__taken;            \
	})

#endif
