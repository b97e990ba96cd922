/* SPDX-License-Identifier: Apache-2.0 */
#include "output/phrase.h"

static void put_endpoint(struct wd_page *p, const struct wd_addr *ip, uint16_t port)
{
	char text[WD_ENDPOINT_STRLEN];

	wd_page_own(p, wd_endpoint_format(ip, port, text));
}

static void put_pod(struct wd_page *p, const struct wd_pod_ref *pod)
{
	if (pod->ns[0]) {
		wd_page_name(p, pod->ns);
		wd_page_own(p, "/");
	}
	wd_page_name(p, pod->name);
}

static bool has_text(const char *s)
{
	return s && s[0];
}

bool wd_phrase_client_is_address(const struct wd_finding *f)
{
	return !f->client.pod.name[0] && !(f->client.host_known && f->client.host) &&
	       !has_text(f->client.netns);
}

void wd_phrase_client(struct wd_page *p, const struct wd_finding *f, bool with_port)
{
	if (f->client.pod.name[0]) {
		put_pod(p, &f->client.pod);
	} else if (f->client.host_known && f->client.host) {
		wd_page_own(p, "node");
	} else if (has_text(f->client.netns)) {
		wd_page_own(p, "netns" WD_PAGE_NBSP);
		wd_page_name(p, f->client.netns);
	} else if (!wd_addr_is_any(&f->client.ip)) {
		put_endpoint(p, &f->client.ip, with_port ? f->client.port : 0);
	} else {
		wd_page_own(p, "unknown" WD_PAGE_NBSP "client");
	}
}

void wd_phrase_target(struct wd_page *p, const struct wd_finding *f)
{
	const char *proto = wd_proto_name(f->proto);

	wd_page_own(p, "->" WD_PAGE_NBSP);
	if (f->target.api_server) {
		wd_page_own(p, "API" WD_PAGE_NBSP "server" WD_PAGE_NBSP);
	} else if (has_text(f->target.service)) {
		wd_page_name(p, f->target.service_ns);
		wd_page_own(p, "/");
		wd_page_name(p, f->target.service);
		if (has_text(f->target.service_port)) {
			wd_page_own(p, ":");
			wd_page_name(p, f->target.service_port);
		}
		wd_page_own(p, WD_PAGE_NBSP);
	}
	if (wd_addr_is_any(&f->target.ip) && !f->target.port)
		wd_page_own(p, "unknown" WD_PAGE_NBSP "target");
	else
		put_endpoint(p, &f->target.ip, f->target.port);
	if (proto && f->proto != WD_PROTO_TCP) {
		wd_page_own(p, "/");
		wd_page_own(p, proto);
	}
}

void wd_phrase_backend(struct wd_page *p, const struct wd_finding *f)
{
	bool same = f->backend.port == f->target.port &&
	            wd_addr_equal(&f->backend.ip, &f->target.ip);

	if (!f->backend.known)
		return;
	if (!same) {
		wd_page_own(p, WD_PAGE_CHUNK "=>" WD_PAGE_NBSP);
		put_endpoint(p, &f->backend.ip, f->backend.port);
	}
	if (f->backend.pod.name[0]) {
		wd_page_own(p, " (");
		put_pod(p, &f->backend.pod);
		wd_page_own(p, ")");
	}
}

void wd_phrase_headline(struct wd_page *p, enum wd_cause cause, enum wd_confidence confidence)
{
	wd_page_colour(p, WD_PAGE_BOLD);
	wd_page_own(p, wd_cause_headline(cause));
	wd_page_colour(p, WD_PAGE_PLAIN);
	/* How sure one is of not knowing would only confuse. */
	if (cause == WD_CAUSE_UNKNOWN)
		return;
	wd_page_own(p, " ");
	if (confidence == WD_CONFIDENCE_CERTAIN)
		wd_page_colour(p, WD_PAGE_RED);
	else if (confidence == WD_CONFIDENCE_LIKELY)
		wd_page_colour(p, WD_PAGE_YELLOW);
	wd_page_own(p, "(");
	wd_page_own(p, confidence == WD_CONFIDENCE_POSSIBLE ? "only" WD_PAGE_NBSP "possible"
	                                                    : wd_confidence_id(confidence));
	wd_page_own(p, ")");
	if (confidence != WD_CONFIDENCE_POSSIBLE)
		wd_page_colour(p, WD_PAGE_PLAIN);
}

const char *wd_phrase_outcome_word(enum wd_outcome o)
{
	switch (o) {
	case WD_OUTCOME_NONE:
		return "";
	case WD_OUTCOME_ANSWERED_LATE:
		return "answered late";
	case WD_OUTCOME_ANSWERED_ERROR:
		return "answered with an error";
	default:
		return wd_outcome_id(o);
	}
}

static void put_attempts(struct wd_page *p, const struct wd_finding *f)
{
	const char *unit = f->proto == WD_PROTO_UDP ? "datagram" : "packet";

	wd_page_u64(p, f->attempts);
	wd_page_own(p, WD_PAGE_NBSP);
	if (f->proto == WD_PROTO_TCP) {
		wd_page_own(p, "SYN");
		return;
	}
	wd_page_own(p, unit);
	if (f->attempts != 1)
		wd_page_own(p, "s");
}

bool wd_phrase_has_outcome(const struct wd_finding *f)
{
	return f->outcome != WD_OUTCOME_NONE || f->attempts || f->elapsed_ms || f->err;
}

void wd_phrase_outcome(struct wd_page *p, const struct wd_finding *f)
{
	const char *word = wd_phrase_outcome_word(f->outcome);
	/* Silence lasts; everything else happens at a moment. */
	bool lasts = f->outcome == WD_OUTCOME_UNANSWERED || f->outcome == WD_OUTCOME_STALLED ||
	             f->outcome == WD_OUTCOME_DROPPED || f->outcome == WD_OUTCOME_NONE;
	/* One SYN is what every connection sends. */
	bool attempts = f->attempts > 1 || (f->attempts && lasts);

	wd_page_own(p, word);
	if (attempts) {
		wd_page_own(p, word[0] ? ", " : "");
		put_attempts(p, f);
	}
	/* 0 is both "at once" and "not known": neither is claimed. */
	if (f->elapsed_ms) {
		wd_page_own(p, word[0] || attempts ? " " : "");
		wd_page_own(p, attempts ? "in" : lasts ? "for" : "after");
		wd_page_own(p, WD_PAGE_NBSP);
		wd_page_span(p, f->elapsed_ms);
	}
	if (f->err) {
		const char *name = strerrorname_np(f->err);

		wd_page_own(p, word[0] || attempts || f->elapsed_ms ? ", " : "");
		wd_page_own(p, "error" WD_PAGE_NBSP);
		if (name)
			wd_page_own(p, name);
		else
			wd_page_u64(p, (unsigned int)f->err);
	}
}

void wd_phrase_who(struct wd_page *p, const struct wd_finding *f)
{
	wd_phrase_client(p, f, false);
	if (has_text(f->client.comm)) {
		wd_page_own(p, " (");
		wd_page_name(p, f->client.comm);
		wd_page_own(p, ")");
	}
}

void wd_phrase_subject(struct wd_page *p, const struct wd_finding *f)
{
	const char *word = wd_phrase_outcome_word(f->outcome);

	wd_phrase_who(p, f);
	wd_page_own(p, WD_PAGE_CHUNK);
	wd_phrase_target(p, f);
	wd_phrase_backend(p, f);
	wd_page_own(p, "," WD_PAGE_CHUNK);
	wd_phrase_headline(p, f->cause, f->confidence);
	if (word[0]) {
		wd_page_own(p, ", ");
		wd_page_own(p, word);
	}
	if (f->drop.known && has_text(f->drop.reason)) {
		wd_page_own(p, ", ");
		wd_page_name(p, f->drop.reason);
	}
}
