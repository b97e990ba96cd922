/* SPDX-License-Identifier: Apache-2.0 */
/* Pieces of a finding's text that a full answer and a short line have in common. */
#ifndef WD_OUTPUT_PHRASE_H
#define WD_OUTPUT_PHRASE_H

#include "output/output.h"
#include "output/page.h"

/* "shop/cart-0", "node", "netns cni-1", else the address ("unknown client" without one). */
void wd_phrase_client(struct wd_page *p, const struct wd_finding *f, bool with_port);
/* Whether wd_phrase_client() has to say the address itself. */
bool wd_phrase_client_is_address(const struct wd_finding *f);
/* The same with its program, without what differs between attempts: "shop/cart-0 (curl)". */
void wd_phrase_who(struct wd_page *p, const struct wd_finding *f);
/* "-> 10.0.0.1:443", "-> 10.0.0.10:53/udp". */
void wd_phrase_target(struct wd_page *p, const struct wd_finding *f);
/* A chunk "=> 10.244.0.20:8443 (payments/api-1)"; only the pod where it is the target itself. */
void wd_phrase_backend(struct wd_page *p, const struct wd_finding *f);
/* "FILTER DENIED (certain)". */
void wd_phrase_headline(struct wd_page *p, enum wd_cause cause, enum wd_confidence confidence);
/* "unanswered", "answered late"; "" for none. */
const char *wd_phrase_outcome_word(enum wd_outcome o);
/* Whether wd_phrase_outcome() has anything to say. */
bool wd_phrase_has_outcome(const struct wd_finding *f);
/* "unanswered, 3 SYN in 3.1 s, error ETIMEDOUT". */
void wd_phrase_outcome(struct wd_page *p, const struct wd_finding *f);
/* Who, whom, what, in one line and without what differs from one attempt to the next:
 * "shop/cart-0 (curl) -> 10.0.0.1:443, FILTER DENIED (certain), unanswered, NETFILTER_DROP". */
void wd_phrase_subject(struct wd_page *p, const struct wd_finding *f);

#endif
