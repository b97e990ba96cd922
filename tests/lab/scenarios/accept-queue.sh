# shellcheck shell=bash disable=SC2034
# The server never accepts, and its queue is full: further SYNs are freed without a
# drop event (consume_skb), only ListenOverflows of that namespace counts them. Any
# other confident answer would send the user the wrong way.
variants() { echo v4 v6 | tr ' ' '\n'; }
use "$VARIANT"
TITLE="the server in payments/api has stopped accepting, its queue is full"
DST=${POD_IP[api]} DPORT=8443 MIN_SECONDS=1
CLIENT_ARGS=(--timeout 1300) CLIENT_SAYS=TIMEOUT
CAUSE="backend-accept-queue-full backend-silent unknown" OUTCOME=unanswered
EXPECT='.cause == "backend-accept-queue-full" or .confidence == "possible"'
setup() {
	serve api "$DST" 8443 --mode no-accept --backlog 1
	background web fill "$DST" 8443 --count 2
}
