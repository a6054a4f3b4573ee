# SPDX-License-Identifier: ISC
# The scenario of tests/scenarios that has a screen: complete, as README shows it. In a file of its own for the sake of its machine:
# with a processor less, browser and guest would keep each other from what vm-vnc has time limits for.
load lib
load debian

# lab: -c 2 -m 6G

# worker: in $T, a program that works the guest as somebody before a browser would: it sees what vm-vnc has, pixel for pixel, and
# types a name where the guest asks for one, which the guest then has on its screen, and the browser, too.
worker() {
	cat >"$T/browser" <<-'EOS'
		#!/bin/sh
		HOME=$PWD TMPDIR=$PWD PATIENCE=300 PYTHONDONTWRITEBYTECODE=1 exec /usr/bin/python3 tests/browser.py "$1" <<'EOF'
		def run(*command):
		    return subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout
		def same():
		    run("vm-vnc", "-C", "vnc.sock", "-G", "shown.ppm")
		    return b.shows("shown.ppm")
		def screen():
		    debian = run("tests/lab/debian").decode().strip()
		    return run("ssh", "-F", debian + "/ssh_config", "-p", "2222", "127.0.0.1", "cat /dev/vcs1")
		b.until(same)
		for c in "root":
		    b.key(c, "Key" + c.upper(), c)
		b.key("Enter", "Enter", "\r")
		b.until(lambda: b"debian login: root" in screen())
		b.until(same)
		EOF
	EOS
	chmod +x "$T/browser"
}

# bats test_tags=lab,long
@test "a PC with a screen: SeaBIOS starts a complete Debian from its disk; in a browser, pinned, in huge pages" {
	need chromium
	worker
	BROWSER=./browser run -0 scenario screen 1
	grep -x running <<<"$output"
	[ "$(grep ^vcpu <<<"$output" | cut -f 5)" = 0 ]
	grep -x 'HugePages_Free: *0' <<<"$output"
	grep -x 'HugePages_Total: *0' /proc/meminfo
}
