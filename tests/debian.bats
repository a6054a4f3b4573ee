# SPDX-License-Identifier: ISC
# The scenarios of tests/scenarios, as README shows them: complete Debian systems. `make scenarios` runs them;
# scenario.bats has a short form of the first.
load lib
load debian

# lab: -m 8G

@test "README shows every scenario as it is, and they are short" {
	local script n=0 shown
	shown=$(grep -c '^```shell$' "$TESTS/../README.md")
	for script in "$TESTS"/scenarios/*; do
		awk -v script="$script" '
			BEGIN { while ((getline line < script) > 0) want = want line "\n" }
			/^```$/ { if (inside && got == want) found = 1; inside = 0 }
			inside { got = got $0 "\n" }
			/^```shell$/ { inside = 1; got = "" }
			END { exit !found }' "$TESTS/../README.md" || {
			echo "README does not show $script"
			return 1
		}
		[ "$(grep -vc '^#' "$script")" -le 25 ]
		n=$((n + 1))
	done
	[ "$n" -eq "$shown" ]
}

@test "the image is as an installer leaves it, and its kernel beside it the one that is on it" {
	local debian root link
	debian=$("$TESTS/lab/debian")
	vm-img check -q -f qcow2 "$debian/disk.qcow2"
	vm-img convert -f qcow2 -O raw "$debian/disk.qcow2" "$T/disk"
	[ "$(sfdisk -q -l -o Start,Type "$T/disk" | tail -n 1 | tr -s ' ')" = ' 2048 Linux' ]
	root="$T/disk?offset=$((2048 * 512))"
	/sbin/e2fsck -fn "$root"
	link=$(/sbin/debugfs -R 'stat /vmlinuz' "$root" 2>/dev/null | sed -n 's/^Fast link dest: "\(.*\)"/\1/p')
	/sbin/debugfs -R "cat $link" "$root" 2>/dev/null | cmp - "$debian/vmlinuz"
}

# bats test_tags=kvm,long
@test "user-mode network: a complete Debian comes up with no unit failed, ssh in, a gigabyte each way, and the power button" {
	run -0 scenario user
	[ "${lines[0]}" = running ]
}

# bats test_tags=lab,long
@test "private bridge: two complete Debians, one of them QEMU's, with DHCP and NAT, reached from outside through the first" {
	need qemu-system-x86_64 nft
	run -0 scenario bridge
	[[ ${lines[0]} = running && ${lines[1]} = two ]]
	[ "$(grep -c ' 0% packet loss' <<<"$output")" -eq 2 ]
	[ "$(grep ^bound <<<"$output")" = $'bound\t192.168.122.11\tone\nbound\t192.168.122.12\ttwo' ]
	[ ! -e /sys/class/net/br0 ]
	[ -z "$(nft list ruleset)" ]
}
