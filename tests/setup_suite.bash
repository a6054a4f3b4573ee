# shellcheck shell=bash
# SPDX-License-Identifier: ISC
# Once for a run of bats: what is tested is in front of PATH, and nothing of the user's surroundings is left.
setup_suite() {
	local root
	root=$(cd "$BATS_TEST_DIRNAME/.." && pwd)
	export BIN=${BIN:-$root/build/${B:-release}}
	[ -x "$BIN/lab/kvmprobe" ] || {
		echo "nothing built in $BIN: make, or make check" >&2
		return 1
	}
	export PATH=$BIN:$BIN/tools:$BIN/lab:$PATH:/usr/sbin:/sbin
	export LC_ALL=C
	export KVM_REAL=${KVM_REAL:-$(kvmprobe >/dev/null && echo yes || echo no)}
	unset VM_WIRES DISPLAY NOTIFY_SOCKET
	umask 022
}
