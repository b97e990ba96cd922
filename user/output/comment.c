/* SPDX-License-Identifier: Apache-2.0 */
#include "output/comment.h"

#include "output/page.h"
#include "output/phrase.h"

static const struct wd_text_style plain; /* no colours, no wrapping */

static bool has_text(const char *s)
{
	return s && s[0];
}

static void line(struct wd_page *p)
{
	wd_page_line(p, 0, 0);
}

/* "NETFILTER_DROP in nf_hook_slow", either of which may be unknown. */
static void put_place(struct wd_page *p, const char *reason, const char *function)
{
	if (has_text(reason))
		wd_page_name(p, reason);
	if (has_text(function)) {
		wd_page_own(p, has_text(reason) ? " in " : "in ");
		wd_page_name(p, function);
	}
}

void wd_comment_packet(struct wd_buf *b, const struct wd_comment_packet *c)
{
	struct wd_page p;

	wd_page_begin(&p, b, &plain);
	line(&p);
	switch (c->sight) {
	case WD_SIGHT_DROP:
		wd_page_own(&p, "dropped here");
		if (has_text(c->reason) || has_text(c->function)) {
			wd_page_own(&p, ": ");
			put_place(&p, c->reason, c->function);
		}
		break;
	case WD_SIGHT_OUT:
		wd_page_own(&p, "sent");
		break;
	default:
		wd_page_own(&p, "received");
		break;
	}
	if (has_text(c->device)) {
		wd_page_own(&p, ", device ");
		wd_page_name(&p, c->device);
	}
	if (c->sight == WD_SIGHT_XDP)
		wd_page_own(&p, ", seen by its driver (XDP)");
	wd_page_break(&p);
	wd_page_end(&p);
}

static void put_answer(struct wd_page *p, const struct wd_finding *f)
{
	line(p);
	wd_phrase_headline(p, f->cause, f->confidence);
	if (!f->final)
		wd_page_own(p, ", so far");
	if (wd_phrase_has_outcome(f)) {
		wd_page_own(p, ": ");
		wd_phrase_outcome(p, f);
	}
	wd_page_break(p);
}

/* "shop/cart-0 (curl) 10.244.0.5:41234 -> 10.0.0.1:443 => 10.244.0.20:8443 (payments/api-1)" */
static void put_ends(struct wd_page *p, const struct wd_finding *f)
{
	char from[WD_ENDPOINT_STRLEN];

	line(p);
	wd_phrase_who(p, f);
	if (!wd_addr_is_any(&f->client.ip) || f->client.port) {
		wd_page_own(p, " ");
		wd_page_own(p, wd_endpoint_format(&f->client.ip, f->client.port, from));
	}
	wd_page_own(p, " ");
	wd_phrase_target(p, f);
	wd_phrase_backend(p, f);
	wd_page_break(p);
}

static void put_labelled(struct wd_page *p, const char *label, const char *text)
{
	if (!has_text(text))
		return;
	line(p);
	wd_page_own(p, label);
	wd_page_put(p, text);
	wd_page_break(p);
}

static void put_item(struct wd_page *p, const char *name, const char *text)
{
	if (!has_text(text))
		return;
	wd_page_own(p, name);
	wd_page_name(p, text);
}

static void put_drop(struct wd_page *p, const struct wd_finding *f)
{
	if (!f->drop.known)
		return;
	line(p);
	wd_page_own(p, "drop: ");
	put_place(p, f->drop.reason, f->drop.function);
	put_item(p, ", hook ", f->drop.hook);
	put_item(p, ", device ", f->drop.device);
	put_item(p, ", netns ", f->drop.netns);
	if (f->drop.count) {
		wd_page_own(p, ", packets: ");
		wd_page_u64(p, f->drop.count);
	}
	wd_page_break(p);
}

void wd_comment_finding(struct wd_buf *b, const struct wd_finding *f)
{
	struct wd_page p;

	wd_page_begin(&p, b, &plain);
	put_answer(&p, f);
	put_ends(&p, f);
	put_labelled(&p, "", f->summary);
	put_labelled(&p, "where: ", f->where);
	put_drop(&p, f);
	wd_buf_printf(b, "whydrop finding %016llx, cause %s", (unsigned long long)f->id,
	              wd_cause_id(f->cause));
	wd_page_end(&p);
}
