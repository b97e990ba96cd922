# shellcheck shell=bash disable=SC2034
# Every local port towards one peer is taken. `client`: connect() itself says
# EADDRNOTAVAIL. `masquerade`: the node finds no port for its SNAT, and drops.
variants() { echo client-v4 client-v6 masquerade-v4 | tr ' ' '\n'; }
use "$VARIANT"
TITLE="no source port is left (${VARIANT%-v*})"
DST=$SERVER DPORT=80
CAUSE=snat-ports-exhausted
case $VARIANT in
client-*) CLIENT_SAYS=EADDRNOTAVAIL OUTCOME=failed MIN_CONFIDENCE=likely ;;
masquerade-*) CLIENT_SAYS=TIMEOUT CLIENT_ARGS=(--timeout 1300) OUTCOME=unanswered MIN_SECONDS=1 ;;
esac
setup() {
	serve upstream "$SERVER" 80 --mode hold
	case $VARIANT in
	client-*)
		sysctl_set cart net.ipv4.ip_local_port_range "40000 40001"
		background cart fill "$DST" 80 --count 2
		;;
	masquerade-*)
		rule iptables-nft nat POSTROUTING -p tcp -s "$POD_CIDR4" ! -o cni0 -j MASQUERADE \
			--to-ports 40000-40001
		background web fill "$DST" 80 --count 2
		;;
	esac
}
