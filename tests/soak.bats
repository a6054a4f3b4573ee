# SPDX-License-Identifier: ISC
# The short form of `make soak`: what much work leaves behind.
load lib

# soak PART: it ran, and nothing in its table grew.
soak() {
	need_access /dev/kvm /dev/net/tun
	run -0 clean timeout 100 "$TESTS/soak" -s "$1"
	[ "$(grep -c $'\tok$' <<<"$output")" -ge 6 ]
	echo "$output"
}

@test "guests at once" {
	need nft
	soak guests
}

@test "starts and ends, one after the other" {
	soak starts
}

@test "DHCP clients, and others after them at the same addresses" {
	need perfdhcp
	soak dhcp
}

@test "viewers that come and go" {
	soak vnc
}

@test "connections through a user-mode network" {
	soak slirp
}
