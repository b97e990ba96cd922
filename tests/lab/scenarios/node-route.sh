# shellcheck shell=bash disable=SC2034
# The pod's packet reaches the node, and the node has no way on: ICMP net, host or
# administratively unreachable comes back, or, for a blackhole route, nothing.
variants() {
	local kind
	for kind in no-default unreachable prohibit blackhole; do
		echo "$kind-v4"
		echo "$kind-v6"
	done
}
use "$VARIANT"
TITLE="the node has no route for the pod's packet (${VARIANT%-v*})"
DST=$SERVER DPORT=80
CLIENT_ARGS=(--timeout 1300)
CAUSE=backend-unreachable OUTCOME=unreachable MIN_CONFIDENCE=likely
case $VARIANT in
no-default-*) CLIENT_SAYS=ENETUNREACH ;;
prohibit-v6) CLIENT_SAYS=EACCES ;;
unreachable-v6) CLIENT_SAYS=ENETUNREACH ;; # "no route", says an IPv6 router
unreachable-* | prohibit-*) CLIENT_SAYS=EHOSTUNREACH ;;
# Nothing but the node's route table can tell this from a silent upstream.
blackhole-*) CLIENT_SAYS=TIMEOUT OUTCOME=unanswered MIN_CONFIDENCE=possible MIN_SECONDS=1 ;;
esac
setup() {
	serve upstream "$SERVER" 80
	case $VARIANT in
	no-default-v4) route node del default via "$ROUTER" dev eth0 ;;
	no-default-v6) route node del default via "$ROUTER" dev eth0 metric 1024 ;;
	*) route node add "${VARIANT%-v*}" "$DST" ;;
	esac
}
