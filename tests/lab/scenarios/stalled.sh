# shellcheck shell=bash disable=SC2034
# The handshake succeeds, then the way vanishes: data is sent again and again, and
# never acknowledged. Nothing is dropped in this kernel.
variants() { echo v4 v6 masquerade-v4 | tr ' ' '\n'; }
use "$VARIANT"
TITLE="the server vanishes after the handshake"
DST=$SERVER DPORT=80 MIN_SECONDS=4
CLIENT_ARGS=(--send 1000 --expect 2 --io-timeout 3000
	--mark "${WORK:-}/connected" --await "${WORK:-}/broken")
CLIENT_SAYS=NO-ANSWER
CAUSE=connection-stalled OUTCOME=stalled
NEVER="mtu-exceeded filter-denied"
[ "$VARIANT" != v4 ] || DEMO=12
vanish() {
	ip -n upstream "-$IP_VERSION" route add table 77 default dev void0
	ip -n upstream "-$IP_VERSION" rule add pref 0 iif eth0 to "$SERVER" lookup 77
	ip -n upstream "-$IP_VERSION" rule del pref 0 lookup local
	ip -n upstream "-$IP_VERSION" rule add pref 5 lookup local
}
restore() {
	ip -n upstream "-$IP_VERSION" rule add pref 0 lookup local
	ip -n upstream "-$IP_VERSION" rule del pref 5
	ip -n upstream "-$IP_VERSION" rule del pref 0 iif eth0 to "$SERVER"
	ip -n upstream "-$IP_VERSION" route flush table 77
}
setup() {
	serve upstream "$SERVER" 80 --mode answer --read 1000
	[[ $VARIANT != masquerade-* ]] || masquerade
	# Else the socket that the packets are still looked up for would be their end.
	sysctl_set upstream net.ipv4.tcp_early_demux 0
	undo restore
	between vanish
}
