/* SPDX-License-Identifier: Apache-2.0 */
/* What this process holds of the node's memory. */
#ifndef WD_CMD_MEMORY_H
#define WD_CMD_MEMORY_H

/* Once, before anything large is allocated: what is large gets pages of its own, which go back to
 * the kernel as soon as it is freed. */
void wd_memory_start(void);
/*
 * Gives back what only the start or a sync needed: free pages of the heap, and the program's own
 * pages that were read from its file (code, constants, the embedded BPF object). Those that are
 * needed again come back from the page cache, 16 at a time: some thirty faults of about a
 * microsecond, while connections are judged. To be called every few seconds at most.
 */
void wd_memory_trim(void);

#endif
