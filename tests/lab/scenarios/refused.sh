# shellcheck shell=bash disable=SC2034
# Nobody listens. The RST (or port unreachable) comes from three different places:
# the pod's own stack, where the NO_SOCKET drop can be seen, the node's, and from
# beyond. Behind a ClusterIP the answer's address is not the one the client used.
variants() {
	local where
	for where in pod upstream node from-node udp udp-upstream cluster-ip cluster-ip-from-node; do
		echo "$where-v4"
		echo "$where-v6"
	done
	echo hostport-v4
}
use "$VARIANT"
DST=${POD_IP[api]} DPORT=8443 WHERE="in the pod payments/api"
CLIENT_SAYS=ECONNREFUSED
CAUSE=backend-not-listening OUTCOME=refused MIN_CONFIDENCE=likely
case $VARIANT in
pod-v4) DEMO=1 ;;
upstream-*) DST=$SERVER WHERE="on a server beyond the node" ;;
node-*) DST=$NODE WHERE="on the node" ;;
from-node-*) FROM=node ;;
udp-upstream-*) PROTO=udp DST=$SERVER CLIENT_ARGS=(--send 10 --expect 10) ;;
udp-*) PROTO=udp CLIENT_ARGS=(--send 10 --expect 10) ;;
cluster-ip-from-node-*) DST=$CLUSTER DPORT=443 FROM=node ;;
cluster-ip-*) DST=$CLUSTER DPORT=443 ;;
hostport-*) FROM=upstream DST=$NODE DPORT=8080 ;;
esac
case $VARIANT in
cluster-ip-*) EXPECT=".backend.ip == \"${POD_IP[api]}\" and .backend.port == 9999 and
	.backend.pod.name == \"${POD_NAME[api]}\"" ;;
hostport-*) EXPECT=".backend.ip == \"${POD_IP[web]}\" and .backend.port == 80" ;;
pod-*) EXPECT=".backend.pod.name == \"${POD_NAME[api]}\"" ;;
esac
TITLE="nothing listens on port $DPORT $WHERE"
setup() {
	[[ $VARIANT != cluster-ip-* ]] || cluster_ip 443 "${POD_IP[api]}" 9999
}
