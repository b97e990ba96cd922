# shellcheck shell=bash disable=SC2034
# connect() fails at once, in the client's own namespace: no packet ever exists, so
# no drop event either; only the call's result tells.
variants() {
	local kind
	for kind in no-default unreachable prohibit blackhole from-node; do
		echo "$kind-v4"
		echo "$kind-v6"
	done
}
use "$VARIANT"
DST=$SERVER DPORT=80
CAUSE=no-route OUTCOME=failed MIN_CONFIDENCE=likely
EXPECT='.drop == null'
case $VARIANT in
no-default-*) TITLE="the pod has no default route" CLIENT_SAYS=ENETUNREACH ;;
unreachable-*) TITLE="an unreachable route in the pod" CLIENT_SAYS=EHOSTUNREACH ;;
prohibit-*) TITLE="a prohibit route in the pod" CLIENT_SAYS=EACCES ;;
blackhole-*) TITLE="a blackhole route in the pod" CLIENT_SAYS=EINVAL ;;
from-node-*) FROM=node TITLE="an unreachable route on the node" CLIENT_SAYS=EHOSTUNREACH ;;
esac
[ "$VARIANT" != no-default-v4 ] || DEMO=7
setup() {
	serve upstream "$SERVER" 80
	case $VARIANT in
	no-default-v4) route cart del default via "${POD_CIDR4%.0/24}.1" dev eth0 ;;
	no-default-v6) route cart del default via "${POD_CIDR6%/64}1" dev eth0 metric 1024 ;;
	from-node-*) route node add unreachable "$DST" ;;
	*) route cart add "${VARIANT%-v*}" "$DST" ;;
	esac
}
