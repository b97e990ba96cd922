#!/usr/bin/env bash
# A process name full of control bytes reaches neither terminal nor JSON as such.
#
# A process chooses its own name, and whydrop is run by root on a terminal.
. "$LAB_SOURCE/check.sh"

evil=$LAB/$'ev\e[2Jil\a\n\x9b"\\'
cp "$PEER" "$evil"
COMMAND=(nsenter --net="$(netns_path cart)" -- "$evil" connect "${POD_IP[api]}" "$REFUSED_PORT")

traced trace "${POD_IP[api]}" --host-root "$HOST_ROOT" -- "${COMMAND[@]}" >"$WORK/text" 2>"$WORK/err"
problem=$(no_control "$WORK/text")
grep -q il "$WORK/text" || problem+="the name is missing; "
verdict "text" "$problem"

traced trace "${POD_IP[api]}" --host-root "$HOST_ROOT" -o json -- "${COMMAND[@]}" >"$WORK/json" 2>"$WORK/err"
problem=$(no_control "$WORK/json")
iconv -f UTF-8 -t UTF-8 "$WORK/json" >/dev/null 2>&1 || problem+="not UTF-8; "
[ "$(jq -s 'map(select(.type == "finding" and .final)) | length' "$WORK/json" 2>&1)" = 1 ] ||
	problem+="not one finding in JSON; "
verdict "JSON" "$problem"
