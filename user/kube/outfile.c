/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/outfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "kube/split.h"

#define FLUSH_AT (256u << 10)
/* What one call may append: an item and what stands around it. */
#define BUF_MAX (FLUSH_AT + 2 * WD_SPLIT_VALUE_MAX)

int wd_outfile_open(struct wd_outfile *f, int dir, const char *name)
{
	struct stat st;

	*f = (struct wd_outfile){.dir = dir, .fd = -1};
	if (strlen(name) > 200)
		return -ENAMETOOLONG;
	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && !S_ISREG(st.st_mode))
		return S_ISLNK(st.st_mode) ? -ELOOP : -EEXIST;
	snprintf(f->name, sizeof(f->name), "%s", name);
	snprintf(f->temp, sizeof(f->temp), ".%s.%d.tmp", name, (int)getpid());
	/* left by a process that died and had this number */
	unlinkat(dir, f->temp, 0);
	f->fd = openat(dir, f->temp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (f->fd < 0)
		return -errno;
	wd_buf_init(&f->buf, BUF_MAX);
	return 0;
}

static int write_all(struct wd_outfile *f)
{
	size_t done = 0;

	if (!f->error)
		f->error = f->buf.err;
	while (!f->error && done < f->buf.len) {
		ssize_t n = write(f->fd, f->buf.data + done, f->buf.len - done);

		if (n >= 0)
			done += (size_t)n;
		else if (errno != EINTR)
			f->error = -errno;
	}
	wd_buf_reset(&f->buf);
	return f->error;
}

int wd_outfile_flush(struct wd_outfile *f)
{
	return f->error || f->buf.err || f->buf.len >= FLUSH_AT ? write_all(f) : 0;
}

int wd_outfile_commit(struct wd_outfile *f)
{
	int r = write_all(f);

	if (!r && fsync(f->fd))
		r = -errno;
	/* some file systems tell of a failed write only here */
	if (close(wd_take_fd(f->fd)) && !r)
		r = -errno;
	if (!r && renameat(f->dir, f->temp, f->dir, f->name))
		r = -errno;
	if (r)
		unlinkat(f->dir, f->temp, 0);
	wd_buf_release(&f->buf);
	return r;
}

void wd_outfile_abort(struct wd_outfile *f)
{
	if (f->fd < 0)
		return;
	close(wd_take_fd(f->fd));
	unlinkat(f->dir, f->temp, 0);
	wd_buf_release(&f->buf);
}
