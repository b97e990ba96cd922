# shellcheck shell=bash disable=SC2034
# The client gives up on its own a moment after connect(), with the SYN-ACK still
# on its way: the answer then meets no socket (NO_SOCKET) and draws a RST. Nothing
# failed. A veth is too fast for that, so a token bucket makes the answers late.
TITLE="the client closes its socket while the SYN-ACK is still on its way"
DST=$SERVER DPORT=80 FINDINGS=0
CLIENT_ARGS=(--close early --count 200)
setup() {
	serve upstream "$SERVER" 80 --mode mix
	in_netns upstream tc qdisc add dev eth0 root tbf rate 2mbit burst 1600 limit 100000
	undo in_netns upstream tc qdisc del dev eth0 root
	# Use the burst up, so that the first answer waits, too.
	in_netns upstream "$PEER" connect "$NODE" 9 --udp --send 1400 --timeout 100 || true
}
