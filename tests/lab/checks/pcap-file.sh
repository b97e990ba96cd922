#!/usr/bin/env bash
# --pcap: which files it writes to, which not, and what is left of one when the disk is full or
# whydrop is killed.
. "$LAB_SOURCE/check.sh"
. "$LAB_SOURCE/capture.sh"

use v4
refused cart "${POD_IP[api]}"

# refuses STATUS TEXT ARGUMENTS…: nothing is traced, and stderr says why
refuses() {
	local want=$1 text=$2 status
	shift 2
	traced trace "${POD_IP[api]}" --host-root "$HOST_ROOT" "$@" -- true >"$WORK/out" 2>"$WORK/err"
	status=$?
	[ $status = "$want" ] && grep -qF -- "$text" "$WORK/err" && status='' ||
		status="status $status, not $want: $(head -c 300 "$WORK/err")"
	verdict "refused: $text" "$status"
}
ln -s "$WORK/elsewhere" "$WORK/link"
mkfifo "$WORK/fifo"
refuses 3 "$WORK/link: is a symbolic link" --pcap "$WORK/link"
refuses 3 "$WORK/fifo: is a FIFO that nobody reads" --pcap "$WORK/fifo"
refuses 3 "$WORK/no/file: No such file or directory" --pcap "$WORK/no/file"
refuses 3 "$WORK: Is a directory" --pcap "$WORK"
refuses 2 "--pcap -: the findings go to standard output" --pcap -
[ ! -e "$WORK/elsewhere" ] && problem='' || problem="a symbolic link was followed"
verdict "symbolic links are not followed" "$problem"

trace_refused() {
	traced trace "${POD_IP[api]}" --host-root "$HOST_ROOT" -o json --pcap "$1" -- "${COMMAND[@]}" \
		2>"$WORK/err" >"$WORK/out"
}

# What was there before is gone, and nobody else may read what comes.
(umask 000 && trace_refused "$WORK/again.pcapng" && trace_refused "$WORK/again.pcapng")
[ "$(stat -c %a "$WORK/again.pcapng")" = 600 ] && problem='' || problem="mode $(stat -c %a "$WORK/again.pcapng"); "
problem+=$(complaints "$WORK/again.pcapng")
verdict "a file is replaced, and private" "$problem"

# Into a pipe, as for a live view.
trace_refused >(cat >"$WORK/piped.pcapng")
poll 5 test -s "$WORK/piped.pcapng"
sleep 0.2
verdict "a pipe" "$(complaints "$WORK/piped.pcapng")"

# A full disk costs packets, but not the trace.
mkdir -p "$WORK/small"
mount -t tmpfs -o size=4k small "$WORK/small"
traced trace "${POD_IP[api]}" --host-root "$HOST_ROOT" -o json --pcap "$WORK/small/a.pcapng" -- \
	bash -c 'for i in {1..12}; do "$@"; done' - "${COMMAND[@]}" >"$WORK/out" 2>"$WORK/err"
problem=$(complaints "$WORK/small/a.pcapng")
[ "$(grep -c 'no more packets are written' "$WORK/err")" = 1 ] || problem+="not one complaint; "
findings=$(jq -rs 'map(select(.type == "finding" and .final)) | length' "$WORK/out" 2>&1)
[ "$findings" = 12 ] || problem+="$findings findings, not 12; "
verdict "a full disk" "$problem"
umount "$WORK/small"

some_written() {
	[ "$(stat -c %s "$WORK/killed.pcapng")" -gt 2000 ]
}

# Killed at any time, the file ends with a whole block.
start killed trace "${POD_IP[api]}" --host-root "$HOST_ROOT" -o json --pcap "$WORK/killed.pcapng"
poll 5 grep -q '"type":"start"' "$WORK/killed.out"
poll 5 provoke "$WORK/killed.out"
(for _ in {1..50}; do "${COMMAND[@]}"; done) 2>/dev/null &
many=$!
poll 5 some_written
stop KILL
wait "$many"
verdict "killed" "$(complaints "$WORK/killed.pcapng")"
