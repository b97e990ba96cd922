# shellcheck shell=bash disable=SC2034
# Nothing is broken: not one finding. The paths are those that the other scenarios
# break, so that no finding there can come from the path itself.
variants() {
	local path
	for path in pod-to-upstream pod-to-pod node-to-pod node-to-upstream udp cluster-ip \
		cluster-ip-from-node masquerade big idle; do
		echo "$path-v4"
		echo "$path-v6"
	done
	echo hostport-v4
}
use "$VARIANT"
TITLE="nothing is broken (${VARIANT%-v*})"
DST=$SERVER DPORT=80 FINDINGS=0
SERVE_IN=upstream SERVE_AT=$SERVER SERVE_PORT=80 SERVE_ARGS=(--mode answer)
CLIENT_ARGS=(--send 10 --expect 2)
in_api() {
	SERVE_IN=api SERVE_AT=${POD_IP[api]} SERVE_PORT=8443
}
case $VARIANT in
pod-to-pod-*) in_api && DST=$SERVE_AT DPORT=8443 ;;
node-to-pod-*) in_api && DST=$SERVE_AT DPORT=8443 FROM=node ;;
node-to-upstream-*) FROM=node ;;
udp-*) PROTO=udp SERVE_ARGS=(--udp) CLIENT_ARGS=(--send 10 --expect 10) ;;
cluster-ip-from-node-*) in_api && DST=$CLUSTER DPORT=443 FROM=node ;;
cluster-ip-*) in_api && DST=$CLUSTER DPORT=443 ;;
big-*) SERVE_ARGS=(--mode answer --read 2000000 --answer 2000000)
	CLIENT_ARGS=(--send 2000000 --expect 2000000 --close half) ;;
# A connection that rests longer than any retransmission timeout.
idle-*) CLIENT_ARGS+=(--hold 2500) MIN_SECONDS=3 ;;
# The hostPort of portmap: a client beyond the node, DNATed by the node to a pod.
hostport-*) FROM=upstream DST=$NODE DPORT=8080 SERVE_IN=web SERVE_AT=${POD_IP[web]} ;;
esac
setup() {
	serve "$SERVE_IN" "$SERVE_AT" "$SERVE_PORT" "${SERVE_ARGS[@]}"
	case $VARIANT in
	cluster-ip-*) cluster_ip "$DPORT" "$SERVE_AT" "$SERVE_PORT" ;;
	masquerade-*) masquerade ;;
	esac
}
