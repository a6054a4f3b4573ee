# shellcheck shell=bash
# SPDX-License-Identifier: ISC
# What the tests of vm-vnc's front share (`load vnc` after lib). Each test has a network of its own, `net`.

# front [OPTION...]: the front alone, on display 1 of loopback; its lines in $T/front.log, its control lines through fd 8.
front() {
	[[ ${pids[net]-} ]] || netns net
	spawn_in net -R front vnc-front -R 9 -v -l :1 "$@"
}

# rfb [ARG...] <<script: run a script of Python with the functions of rfb.py, in $T, in that network.
rfb() {
	{
		echo 'from rfb import *'
		cat
	} >"$T/script.py"
	in_ns net env -C "$T" PYTHONPATH="$TESTS" PYTHONDONTWRITEBYTECODE=1 timeout 50 /usr/bin/python3 script.py "$@"
}

# authority: in $T, ca.pem of an authority; certificate NAME ALTERNATIVES [DAYS]: NAME.pem and NAME.key of it.
authority() {
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$T/${1:-ca}.key" -out "$T/${1:-ca}.pem" \
		-subj "/CN=${1:-ca}" -days 2 2>/dev/null
}
certificate() {
	openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$T/$1.key" -out "$T/$1.csr" -subj "/CN=$1" 2>/dev/null
	openssl x509 -req -in "$T/$1.csr" -CA "$T/${3:-ca}.pem" -CAkey "$T/${3:-ca}.key" -out "$T/$1.pem" -days 2 \
		-extfile <(echo "subjectAltName=$2") 2>/dev/null
}

# users: in $T/users, bob, and eve who may only look.
users() {
	echo "bob:$(openssl passwd -6 'a long password')" >"$T/users"
	echo "eve:$(openssl passwd -6 'another one'):view" >>"$T/users"
}

# let_in LINE...: these, and no others, were let in, in this order: how, name, view or full.
let_in() {
	printf '%s\n' "$@" >"$T/want"
	sed -n 's/^admitted\t[0-9]*\t//p' "$T/front.log" | tr '\t' ' ' >"$T/got"
	diff "$T/want" "$T/got"
}
