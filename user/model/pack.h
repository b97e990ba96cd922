/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Deep copies of cluster objects: one allocation for the object and all its arrays, strings as
 * atoms. One walk over the fields of each kind serves measuring, copying and letting go, so that
 * the three cannot differ.
 */
#ifndef WD_MODEL_PACK_H
#define WD_MODEL_PACK_H

#include "base/atoms.h"
#include "model/cluster.h"

/*
 * A copy of o behind `head` bytes of the caller's own, which are zeroed; the block is no longer
 * than its kind needs, so it must not be copied as a struct wd_object. NULL: no memory.
 */
void *wd_pack(struct wd_atoms *atoms, size_t head, const struct wd_object *o);
/* block: what wd_pack() returned, with the same head. */
void wd_unpack(struct wd_atoms *atoms, size_t head, void *block);

#endif
