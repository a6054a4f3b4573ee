# SPDX-License-Identifier: ISC
# Firmware: SeaBIOS with boot sectors of our own wherever KVM runs anything, GRUB and Linux in the lab.
load lib
load firmware

@test "SeaBIOS boots a disk, and shows its text on the serial port" {
	sector_disk "$T/disk" hello
	run -0 bios sh -c 'exec "$@" 3<>"$0"' "$T/disk" -w blk,fd=3
	grep -x 'sector: drive 80: hello.' "$T/log"
	grep -x 'Booting from 0000:7c00' "$T/log"
	[[ $output = *'SeaBIOS (version '* ]]
	tr -d '\r\n' <<<"$output" | grep 'sector: drive 80' # the last bytes wait for the BIOS's clock
}
