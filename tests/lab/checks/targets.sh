#!/usr/bin/env bash
# Each form of a target catches what it should, and nothing beside it.
. "$LAB_SOURCE/check.sh"

# finds COUNT ADDRESS TARGET…: the client goes to ADDRESS and is refused
finds() {
	local count=$1 address=$2 got
	shift 2
	refused cart "$address"
	traced trace --host-root "$HOST_ROOT" -o json "$@" -- "${COMMAND[@]}" >"$WORK/out" 2>"$WORK/err"
	# Somebody else on this machine may fail under `all`: count our own only.
	got=$(jq -rs --arg ip "$address" \
		'map(select(.type == "finding" and .final and .target.ip == $ip)) | length' "$WORK/out" 2>&1)
	[ "$got" = "$count" ] && got='' || got="$got findings, not $count; $(head -c 300 "$WORK/err")"
	verdict "$* $([ "$count" = 0 ] && echo 'is not' || echo is) $address:$REFUSED_PORT" "$got"
}

v4=${POD_IP4[api]} v6=${POD_IP6[api]}
finds 1 "$v4" "$v4"
finds 1 "$v4" "$v4:$REFUSED_PORT"
finds 1 "$v4" "$POD_CIDR4"
finds 1 "$v4" "$POD_CIDR4:$REFUSED_PORT"
finds 1 "$v4" 10.0.0.0/8
finds 1 "$v4" all
finds 1 "$v4" "$SERVER4:80" "$v4:$REFUSED_PORT"
finds 0 "$v4" "$v4:1"
finds 0 "$v4" "${POD_IP4[web]}"
finds 0 "$v4" "$v6"
finds 1 "$v6" "$v6"
finds 1 "$v6" "[$v6]:$REFUSED_PORT"
finds 1 "$v6" "$POD_CIDR6"
finds 1 "$v6" all
finds 0 "$v6" "[$v6]:1"
finds 0 "$v6" "${POD_IP6[web]}"
finds 0 "$v6" 0.0.0.0/0
