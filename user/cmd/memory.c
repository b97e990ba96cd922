/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/memory.h"

#include <link.h>
#include <malloc.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

/*
 * glibc's own first threshold, but fixed. It otherwise grows to the largest block that was freed,
 * which is the kernel's BTF (5 MB): every table below would then lie in the heap, be zeroed page by
 * page, and leave holes when it grows.
 */
#define OWN_PAGES (128 << 10)

void wd_memory_start(void)
{
	mallopt(M_MMAP_THRESHOLD, OWN_PAGES);
	mallopt(M_TRIM_THRESHOLD, OWN_PAGES);
}

/* Whole pages of what the file holds and nobody writes: nothing in them can be lost. */
static int forget_pages(struct dl_phdr_info *info, size_t size, void *ctx)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);

	(void)size;
	(void)ctx;
	for (unsigned int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *p = &info->dlpi_phdr[i];
		uintptr_t from = info->dlpi_addr + p->p_vaddr, to = from + p->p_filesz;

		from = (from + page - 1) & ~(page - 1);
		to &= ~(page - 1);
		if (p->p_type == PT_LOAD && !(p->p_flags & PF_W) && from < to)
			madvise((void *)from, to - from, MADV_DONTNEED);
	}
	return 0;
}

void wd_memory_trim(void)
{
	malloc_trim(0);
	dl_iterate_phdr(forget_pages, NULL);
}
