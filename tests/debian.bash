# shellcheck shell=bash
# SPDX-License-Identifier: ISC
# The scenarios of tests/scenarios, for tests: `load debian` after `load lib`.
setup_file() {
	"$TESTS/lab/debian" >/dev/null # the first time this takes a minute or two, and the network
}

# scenario NAME [ARGUMENT]...: run it as a user would in a directory of his own, beneath which the tests are; say what guests said.
scenario() {
	need_kvm
	need ssh
	local status=0
	cd "$T" || return
	ln -s "$TESTS" tests
	clean timeout -k 9 "$((BATS_TEST_TIMEOUT - 20))" "tests/scenarios/$1" "${@:2}" </dev/null || status=$?
	((status == 0)) || tail -n 40 -- console* || :
	return "$status"
}
