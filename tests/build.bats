# SPDX-License-Identifier: ISC
# make install, uninstall and help.
load lib

@test "install honours DESTDIR and PREFIX, uninstall takes back exactly that" {
	cd "$TESTS/.."
	mkdir -p "$T/dest/opt/x/bin"
	: >"$T/dest/opt/x/bin/other"
	run -0 make -s B="${BIN##*/}" install DESTDIR="$T/dest" PREFIX=/opt/x
	run -0 "$T/dest/opt/x/bin/kvm-run" --version
	[ -x "$T/dest/opt/x/bin/vm-slirp" ]
	[ -x "$T/dest/opt/x/share/kvm-utils/qemu-ifup-nat" ]
	[ -x "$T/dest/opt/x/share/kvm-utils/examples/vm.init" ]
	[ -f "$T/dest/opt/x/share/man/man7/vm-wires.7" ]
	run -0 make -s B="${BIN##*/}" uninstall DESTDIR="$T/dest" PREFIX=/opt/x
	run -0 find "$T/dest" ! -type d
	[ "$output" = "$T/dest/opt/x/bin/other" ]
}

@test "help lists every target that people call" {
	cd "$TESTS/.."
	run -0 make -s help
	for target in check asan lint fuzz mutate bench demo install uninstall clean; do
		[[ $output = *$'\n'"$target "* ]]
	done
}
