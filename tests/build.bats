# SPDX-License-Identifier: ISC
# make install, uninstall and help; and that tests leave nothing behind.
load lib

@test "install honours DESTDIR and PREFIX, uninstall takes back exactly that" {
	cd "$TESTS/.."
	mkdir -p "$T/dest/opt/x/bin"
	: >"$T/dest/opt/x/bin/other"
	(umask 077 && make -s B="${BIN##*/}" install QEMU_IMG=1 DESTDIR="$T/dest" PREFIX=/opt/x)
	# Everybody can read it all, whatever the umask; nothing is set-user-ID or has capabilities.
	run -0 find "$T/dest/opt/x/share" "$T/dest/opt/x/bin" ! -type l ! -perm -a+r -o -perm /7000
	[ ! "$output" ]
	run -0 getcap -r "$T/dest"
	[ ! "$output" ]
	run -0 "$T/dest/opt/x/bin/kvm-run" --version
	[ -x "$T/dest/opt/x/bin/vm-slirp" ]
	[ -x "$T/dest/opt/x/share/kvm-utils/qemu-ifup-nat" ]
	[ -x "$T/dest/opt/x/share/kvm-utils/examples/vm.init" ]
	[ -f "$T/dest/opt/x/share/man/man7/vm-wires.7" ]
	run -0 "$T/dest/opt/x/bin/qemu-img" --version
	[[ $output = 'qemu-img version '* ]]
	run -0 "$T/dest/opt/x/share/kvm-utils/qemu-img" --version
	run -0 make -s B="${BIN##*/}" uninstall DESTDIR="$T/dest" PREFIX=/opt/x
	run -0 find "$T/dest" ! -type d
	[ "$output" = "$T/dest/opt/x/bin/other" ]
	[ ! -e "$T/dest/opt/x/share/kvm-utils" ]
	# Another's qemu-img is neither replaced, unless that is asked for, nor removed.
	echo >"$T/dest/opt/x/bin/qemu-img"
	run -0 make -s B="${BIN##*/}" install DESTDIR="$T/dest" PREFIX=/opt/x
	run -0 make -s B="${BIN##*/}" uninstall DESTDIR="$T/dest" PREFIX=/opt/x
	[ -f "$T/dest/opt/x/bin/qemu-img" ]
}

@test "the Debian packages hold what is installed, which runs, and lintian has nothing to say" {
	need lintian dpkg-shlibdeps
	local deb
	B=${BIN##*/} run -0 "$TESTS/../.ci/deb" 9.9 "$T/out"
	[[ $output != *[EW]:\ * ]]
	cd "$T"
	for deb in out/*.deb; do
		dpkg-deb -x "$deb" root
	done
	run -0 root/usr/bin/kvm-run --version
	run -0 root/usr/bin/vm-vnc --version
	[ -f root/usr/share/man/man8/vm-nat.8.gz ]
	[ -x root/usr/share/kvm-utils/examples/vm.init ]
	run ! sh -c 'for deb; do dpkg-deb -c "$deb"; done | grep "^...[sS]\|^......[sS]"' sh out/*.deb
	[ "$(dpkg-deb -f out/kvm-utils_9.9_*.deb Version)" = 9.9 ]
	dpkg-deb -f out/kvm-utils-vnc_*.deb Depends | grep -q libvncserver
	run ! sh -c 'dpkg-deb -f out/kvm-utils_*.deb Depends | grep vnc'
}

@test "help lists every target that people call" {
	cd "$TESTS/.."
	run -0 make -s help
	for target in check asan lint fuzz mutate coverage bench demo install uninstall dist deb clean; do
		[[ $output = *$'\n'"$target "* ]]
	done
}

@test "what a test leaves running is killed, also when it keeps bats's pipe, or is waited for beyond the time limit" {
	local at=@ # a line that begins with it and goes on with test is one of this file's
	mkdir "$T/inner"
	cat >"$T/inner/x.bats" <<-EOF
		load $TESTS/lib
		${at}test leaves {
			(trap '' TERM; exec -a left-$$ sleep 1000) &
		}
		${at}test waits {
			run sh -c 'trap "" TERM; while :; do sleep 1000; done'
		}
	EOF
	run -1 env -u BATS_TEST_TMPDIR BATS_TEST_TIMEOUT=1 timeout 60 bats --tap "$T/inner"
	[[ $output = *'ok 1 leaves'*'not ok 2 waits'*'# timeout after 1s'* ]]
	run -1 pgrep -f "^left-$$ "
}

@test "each known fault changes its file, and its tests are there" {
	cd "$TESTS/.."
	run -0 tests/mutate -n
	[ ! "$output" ]
}
