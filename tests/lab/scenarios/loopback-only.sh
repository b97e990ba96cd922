# shellcheck shell=bash disable=SC2034
# The classic: the server runs, but listens on 127.0.0.1 inside its pod.
variants() { echo v4 v6 | tr ' ' '\n'; }
use "$VARIANT"
TITLE="the server in payments/api listens on the loopback address only"
DST=${POD_IP[api]} DPORT=8443
CLIENT_SAYS=ECONNREFUSED
CAUSE=backend-not-listening OUTCOME=refused MIN_CONFIDENCE=likely
[ "$VARIANT" != v4 ] || DEMO=2
LOOPBACK=127.0.0.1
[ "$IP_VERSION" = 4 ] || LOOPBACK=::1
setup() {
	serve api "$LOOPBACK" 8443
}
