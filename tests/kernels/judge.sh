# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Holds what a VM brought back against the lab's own measure (../lab/judge.jq), and what
# deviates against the table `expected`. One line a scenario: "ok NAME", "FAIL NAME: why",
# or "degraded NAME: why" for what the table allows.

JUDGE_LIB=$HERE/../lab/judge.jq

# complaints DIR [SED]: everything that is wrong with one scenario; SED changes what is wanted
complaints() {
	local word=nothing want FINDINGS NEVER PROTO DST DPORT FROM client_ip namespace pod CAUSE OUTCOME \
		MIN_CONFIDENCE MAX_CONFIDENCE EXPECT CLIENT_SAYS START
	if [ -s "$1/why" ]; then
		cat "$1/why"
		[ ! -s "$1/setup" ] || tail -n 3 "$1/setup" | sed 's/^/setup: /'
		return
	fi
	[ -s "$1/want" ] || { echo "the VM did not get so far" && return; }
	. "$1/want"
	for want in CAUSE OUTCOME MIN_CONFIDENCE MAX_CONFIDENCE EXPECT FINDINGS; do
		[ -z "${2:-}" ] || printf -v "$want" %s "$(sed "$2" <<<"$want=${!want}" | sed "1s/^$want=//")"
	done
	[ ! -s "$1/word" ] || word=$(<"$1/word")
	[ "$word" = "$CLIENT_SAYS" ] || echo "the client said $word, not $CLIENT_SAYS"
	{
		grep -q '"type":"start"' "$1/stdout" || printf '%s\n' "$START"
		cat "$1/stdout"
		grep -q '"type":"end"' "$1/stdout" || echo '{"v":1,"type":"end"}'
	} | jq -rs --arg findings "$FINDINGS" --arg never "$NEVER" --arg proto "$PROTO" --arg ip "$DST" \
		--arg port "$DPORT" --arg from "$FROM" --arg client_ip "$client_ip" \
		--arg namespace "$namespace" --arg pod "$pod" --arg cause "$CAUSE" --arg outcome "$OUTCOME" \
		--arg min "$MIN_CONFIDENCE" --arg max "$MAX_CONFIDENCE" --arg expect "$EXPECT" \
		'$ARGS.named as $want | '"def expected: $EXPECT; $(<"$JUDGE_LIB")" 2>&1 || true
}

# change COLUMN SCENARIO: the sed commands of every line of the table that matches
change() {
	local kernel scenario commands
	grep -v '^#' "$HERE/expected" | while IFS=$'\t' read -r kernel scenario commands _; do
		# shellcheck disable=SC2053
		[[ $1 != $kernel || $2 != $scenario ]] || echo "$commands"
	done
}

# judge_lab COLUMN KEEP NAME…: with a stated degradation, the lab's own demand must fail and the
# changed one hold: the table can neither rot nor hide more than it says.
judge_lab() {
	local column=$1 keep=$2 name text changed sed_commands
	shift 2
	for name; do
		text=$(complaints "$keep/lab/$name" | awk 'NR > 1 { printf "; " } { printf "%s", $0 }')
		sed_commands=$(change "$column" "$name")
		if [[ $text = 'skip: '* ]]; then
			echo "skip $name: ${text#skip: }"
		elif [ -z "$sed_commands" ]; then
			if [ -z "$text" ]; then echo "ok $name"; else echo "FAIL $name: $text"; fi
		fi
		[ -n "$sed_commands" ] && [[ $text != 'skip: '* ]] || continue
		changed=$(complaints "$keep/lab/$name" "$sed_commands" | tr '\n' ';')
		if [ -z "$text" ]; then
			echo "FAIL $name: no longer deviates on $column, as tests/kernels/expected says it does"
		elif [ -n "$changed" ]; then
			echo "FAIL $name: more than the stated degradation: $changed"
		else
			echo "degraded $name: $text"
		fi
	done
}

# judge_ways KEEP: files WAY (every point that has it) and, where that differed, WAY.POINT
judge_ways() {
	local file name problem want
	want=$(jq -s -f "$HERE/guest/ways.jq" "$1/ways/default" 2>&1)
	[ "$(jq length <<<"$want" 2>/dev/null)" = 5 ] ||
		echo "FAIL default: finds $(jq -c 'map({target, cause})' <<<"$want" 2>&1), not five failures"
	for file in "$1"/ways/*.err; do
		name=$(basename "$file" .err)
		[ "$name" != default ] || continue
		problem=$(diff <(echo "$want") <(jq -s -f "$HERE/guest/ways.jq" "$1/ways/$name" 2>&1) |
			head -n 12 | tr -s '\n ' ' ') || true # a difference is told below
		problem+=$(unused "$1" "$name")
		if [ -z "$problem" ]; then echo "ok $name"; else echo "FAIL $name: $problem $(head -c 300 "$file")"; fi
	done
}

# unused KEEP NAME: the points that were told to take a way and did not
unused() {
	jq -rs --arg w "${2%%.*}" --arg p "$(cut -s -d. -f2- <<<"$2")" --slurpfile offered "$1/probes.json" '
		($offered | map(select(.type == "probe" and (.ways | any(.way == $w and .works)) and ($p == "" or .point == $p)) | .point))
			as $want
		| (map(select(.type == "start"))[0].probes // [] | map(select(.way == $w) | .point)) as $got
		| $want - $got | map("\(.) does not use it; ") | add // ""' "$1/ways/$2" 2>&1
}

# judge_probes KEEP: what the trace of all scenarios attached is what `whydrop probes` says it would:
# each point by the first way that works, and none missing that has one.
judge_probes() {
	jq -rn --slurpfile told "$1/probes.json" --slurpfile start "$1/start.json" '
		($start[0].probes | map({key: .point, value: (.way // "none")}) | from_entries) as $used
		| if $told == [] or $used == {} then "FAIL probes: no output" else $told[]
		| if .type == "hook" or .attached == "on-demand" then
			if .way or (.lost // "") != "" then "ok \(.point)" else "FAIL \(.point): neither there nor explained" end
		  elif .not_needed then "ok \(.point)"
		  elif ($used[.point] // "none") == (.way // "none") then "ok \(.point)"
		  else "FAIL \(.point): attached by \($used[.point] // "none"), not by \(.way // "none")" end end' 2>&1 ||
		echo "FAIL probes: $(head -c 300 "$1/probes.err")"
}

# judge_lockdown KEEP: with less to see whydrop says less, and says so. A forwarded packet's drop is
# not seen (port 81), an ICMP error during connect neither (82, 192.0.2.1): no cause is guessed.
judge_lockdown() {
	if [ -s "$1/lockdown/refused" ]; then
		echo "FAIL lockdown: $(head -c 200 "$1/lockdown/refused")"
		return
	fi
	jq -rs '[.[] | select(.type == "finding" and .final)
			| [.target.port, .cause, .confidence, .outcome, any(.completeness.missing_probes[]; . == "kfree_skb")]]
		| sort as $told
		| if $told == [
			[53, "backend-not-listening", "certain", "refused", true],
			[81, "unknown", "possible", "unanswered", true],
			[83, "filter-denied", "likely", "unanswered", true],
			[8443, "backend-not-listening", "certain", "refused", true]]
		  then "ok lockdown" else "FAIL lockdown: \($told)" end' "$1/lockdown/trace" 2>&1 ||
		echo "FAIL lockdown: $(head -c 300 "$1/lockdown/trace.err")"
	jq -rs '[.[] | select((.lost // .not_needed // "") == "" and .way == null) | .point]
		| if . == [] then "ok lockdown: probes" else "FAIL lockdown: unexplained: \(.)" end' "$1/lockdown/probes.json" 2>&1
}

# judge_console RUN: warnings that whydrop provoked
judge_console() {
	local found
	found=$(grep -hE 'WARNING: |BUG: |Oops|Call Trace|RCU.*stall|soft lockup|trace type BPF program' \
		"$1/console" "$1/keep/dmesg" 2>/dev/null | sed 's/^\[[ 0-9.]*\] //' | sort -u | head -n 5 |
		tr '\n' ';') || true # none is what we want
	if [ -z "$found" ]; then echo "ok kernel log"; else echo "FAIL kernel log: $found"; fi
}
