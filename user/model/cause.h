/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The stable names of an answer: causes, outcomes, confidence.
 *
 * One table each, from which enum, text and completeness tests come. Ids are a
 * contract with other programs: never renamed, renumbered or reused.
 */
#ifndef WD_MODEL_CAUSE_H
#define WD_MODEL_CAUSE_H

/* X(enumerator, id, headline) */
#define WD_CAUSES(X)                                                                   \
	X(UNKNOWN, "unknown", "CAUSE UNKNOWN")                                         \
	X(BACKEND_NOT_LISTENING, "backend-not-listening", "BACKEND NOT LISTENING")     \
	X(BACKEND_UNREACHABLE, "backend-unreachable", "BACKEND UNREACHABLE")           \
	X(BACKEND_ACCEPT_QUEUE_FULL, "backend-accept-queue-full", "ACCEPT QUEUE FULL") \
	X(BACKEND_SILENT, "backend-silent", "BACKEND SILENT")                          \
	X(UPSTREAM_SILENT, "upstream-silent", "NO ANSWER FROM BEYOND THE NODE")        \
	X(FILTER_DENIED, "filter-denied", "FILTER DENIED")                             \
	X(NO_ROUTE, "no-route", "NO ROUTE")                                            \
	X(REVERSE_PATH_FILTER, "reverse-path-filter", "REVERSE PATH FILTER")           \
	X(MTU_EXCEEDED, "mtu-exceeded", "MTU EXCEEDED")                                \
	X(CONNECTION_STALLED, "connection-stalled", "CONNECTION STALLED")              \
	X(CONNECTION_RESET, "connection-reset", "CONNECTION RESET")                    \
	X(SNAT_PORTS_EXHAUSTED, "snat-ports-exhausted", "SOURCE PORTS EXHAUSTED")      \
	X(KERNEL_DROP, "kernel-drop", "KERNEL DROP")

#define X(e, id, headline) WD_CAUSE_##e,
enum wd_cause {
	WD_CAUSES(X) WD_CAUSE_MAX,
};
#undef X

/* What the client met. X(enumerator, id) */
#define WD_OUTCOMES(X)                    \
	X(NONE, "none")                   \
	X(UNANSWERED, "unanswered")       \
	X(ANSWERED_LATE, "answered-late") \
	X(REFUSED, "refused")             \
	X(RESET, "reset")                 \
	X(UNREACHABLE, "unreachable")     \
	X(DROPPED, "dropped")             \
	X(STALLED, "stalled")             \
	X(FAILED, "failed")               \
	X(ANSWERED_ERROR, "answered-error")

#define X(e, id) WD_OUTCOME_##e,
enum wd_outcome {
	WD_OUTCOMES(X) WD_OUTCOME_MAX,
};
#undef X

/* How sure an answer is: DESIGN of evidence in docs/ARCHITECTURE.md. */
enum wd_confidence {
	WD_CONFIDENCE_POSSIBLE, /* deduced from state alone */
	WD_CONFIDENCE_LIKELY,   /* one witness, nothing against it */
	WD_CONFIDENCE_CERTAIN,  /* two independent witnesses agree */
	WD_CONFIDENCE_MAX,
};

const char *wd_cause_id(enum wd_cause c);
const char *wd_cause_headline(enum wd_cause c);
const char *wd_outcome_id(enum wd_outcome o);
const char *wd_confidence_id(enum wd_confidence c);

#endif
