# shellcheck shell=bash disable=SC2034
# For checks that read what --pcap wrote, with tshark as an independent witness.

command -v tshark >/dev/null || {
	verdict "tshark" "is not installed; tests/deps test installs it"
	exit
}
# a check that runs out of time leaves no rule to the next
trap undo_all EXIT
MARK=lab-payload-that-nobody-may-keep

# dissect FILE ARGUMENTS…: tshark, whose every word on stderr is a complaint
dissect() {
	local file=$1
	shift
	tshark -n -r "$file" "$@" 2>>"$WORK/tshark.err"
}

# complaints FILE: prints what is wrong with a capture file, whatever is in it
complaints() {
	local file=$1 found at
	: >"$WORK/tshark.err"
	dissect "$file" -q -z expert >"$WORK/expert"
	! grep -qE '^Errors|Malformed' "$WORK/expert" || echo "expert: $(head -c 300 "$WORK/expert"); "
	dissect "$file" -T fields -e frame.time_epoch -e frame.comment >"$WORK/comments"
	found=$(grep -vm 1 'whydrop finding' "$WORK/comments")
	[ -z "$found" ] || echo "no comment: $found; "
	read -r at _ <"$WORK/comments" && at=${at%.*}
	((at > EPOCHSECONDS - 60 && at <= EPOCHSECONDS)) || echo "no packet of the last minute: '$at'; "
	found=$(grep -v '^Running as user "root"' "$WORK/tshark.err")
	[ -z "$found" ] || echo "tshark says: $found; "
	found=$(capinfos "$file" 2>&1 >"$WORK/capinfos") || found+="capinfos fails; "
	[ -z "$found" ] || echo "capinfos: $found; "
	grep -q '^Capture application: *whydrop' "$WORK/capinfos" || echo "whydrop is not named; "
	! grep -qaF "${MARK:0:12}" "$file" || echo "payload is in the file; "
}

# has FILE WHAT FILTER: a packet that the display filter selects
has() {
	[ -n "$(dissect "$1" -Y "$3")" ] || echo "no packet: $2 ($3); "
}

# kept NAME COMMAND…: runs whydrop around the command; the file is $FILE
kept() {
	local name=$1
	shift
	FILE=$WORK/$name.pcapng
	traced trace "${TARGETS[@]}" --host-root "$HOST_ROOT" -o json --pcap "$FILE" -- \
		nsenter --net="$(netns_path cart)" -- "$@" >"$WORK/$name.out" 2>"$WORK/$name.err"
	PROBLEM=$(complaints "$FILE")
}

# look VERSION: every kind of packet, in one IP version
look() {
	local version=$1 src dst icmp unreachable udp head=20 api=${POD_NAME[api]}
	use "$version"
	src=ip.src dst=ip.dst icmp=icmp unreachable='icmp.type == 3'
	[ "$IP_VERSION" = 4 ] || src=ipv6.src dst=ipv6.dst icmp=icmpv6 unreachable='icmpv6.type == 1' head=40
	local there="$src == ${POD_IP[cart]} && $dst == $SERVER"
	local denied='frame.comment contains "FILTER DENIED" && frame.comment contains "NETFILTER_DROP"'
	denied+=" && frame.comment contains \"${POD_NAME[cart]}\" && frame.comment contains \"$SERVER\""
	TARGETS=("$SERVER" "${POD_IP[api]}")
	udp=(bash -c "printf $MARK >/dev/udp/$SERVER/53; sleep 1.5")

	block iptables-nft forward drop tcp "$SERVER" 80
	kept "drop-$version" "$PEER" connect "$SERVER" 80 --timeout 2500
	PROBLEM+=$(has "$FILE" "SYN that is dropped" "$there && tcp.dstport == 80 && tcp.flags == 2 && $denied &&
		frame.comment contains \"dropped here\" && frame.interface_name == \"cni0\"")
	verdict "$version: a SYN that a rule drops" "$PROBLEM"
	undo_all

	kept "refused-$version" "$PEER" connect "${POD_IP[api]}" "$REFUSED_PORT"
	PROBLEM+=$(has "$FILE" "SYN that is refused" "$src == ${POD_IP[cart]} && $dst == ${POD_IP[api]} &&
		tcp.dstport == $REFUSED_PORT && tcp.flags == 2 &&
		frame.comment contains \"BACKEND NOT LISTENING\" && frame.comment contains \"$api\"")
	if "$WHYDROP" trace --help | grep -q -- --packets; then
		PROBLEM+=$(has "$FILE" "RST that refuses" "$src == ${POD_IP[api]} && tcp.flags.reset == 1 &&
			frame.comment contains \"BACKEND NOT LISTENING\" && frame.packet_flags_direction != 0")
	fi
	verdict "$version: a connection that is refused" "$PROBLEM"

	block iptables-nft forward drop udp "$SERVER" 53
	kept "udp-$version" "${udp[@]}"
	PROBLEM+=$(has "$FILE" "datagram" "$there && udp.dstport == 53 && $denied &&
		frame.cap_len == $((head + 8)) && frame.len == $((head + 8 + ${#MARK}))")
	verdict "$version: a datagram that a rule drops" "$PROBLEM"
	undo_all

	# The ICMP error quotes the datagram, payload and all, and is dropped in its turn.
	block nft forward reject udp "$SERVER" 53
	rule iptables-nft filter OUTPUT -p "${icmp/icmpv6/ipv6-icmp}" -d "${POD_IP[cart]}" -j DROP
	kept "quote-$version" "${udp[@]}"
	PROBLEM+=$(has "$FILE" "ICMP error" "$unreachable && udp.dstport == 53 &&
		frame.cap_len == $((2 * (head + 8))) && frame.len > frame.cap_len &&
		frame.comment contains \"dropped here\"")
	verdict "$version: an ICMP error that a rule drops" "$PROBLEM"
	undo_all

	# A connection that stalls: its segments carry data, and are dropped.
	serve upstream "$SERVER" 80
	rule iptables-nft filter FORWARD -d "$SERVER" -p tcp --dport 80 --tcp-flags PSH PSH -j DROP
	kept "stall-$version" bash -c "exec 3<>/dev/tcp/$SERVER/80; printf $MARK >&3; sleep 4"
	PROBLEM+=$(has "$FILE" "segment with data" "$there && tcp.flags.push == 1 && tcp.len == ${#MARK} &&
		frame.cap_len < frame.len")
	verdict "$version: a segment that a rule drops" "$PROBLEM"
	undo_all
}
