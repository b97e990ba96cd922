# shellcheck shell=bash disable=SC2034
# The last hop is dead: ARP or neighbour discovery stays unanswered, and after its
# three tries the kernel frees the packets that waited (NEIGH_FAILED) and says host
# unreachable. The client is the node itself, a pod behind the node, or a pod whose
# target should be on the same bridge.
variants() {
	local who
	for who in from-node pod dead-pod; do
		echo "$who-v4"
		echo "$who-v6"
	done
}
use "$VARIANT"
DST=$DEAD_NEIGHBOUR DPORT=443 MIN_SECONDS=4
TITLE="an address on the node's own link that nobody has"
CLIENT_ARGS=(--timeout 5000) CLIENT_SAYS=EHOSTUNREACH
CAUSE=backend-unreachable OUTCOME=unreachable MIN_CONFIDENCE=likely
case $VARIANT in
from-node-*) FROM=node ;;
dead-pod-*) DST=$DEAD_POD TITLE="the address of a pod that is gone"
	CAUSE="backend-gone backend-unreachable" ;;
pod-v4) DEMO=8 ;;
esac
