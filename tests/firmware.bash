# shellcheck shell=bash
# SPDX-License-Identifier: ISC
# Firmware and boot sectors for tests; `load firmware` after `load lib`.
SEABIOS=/usr/share/seabios

# sector_disk FILE TEXT: a disk whose boot sector says "sector: drive NN: TEXT"; see guests/sector.S.
sector_disk() {
	cp "$BIN/guests/sector" "$1"
	printf %s "$2" | dd of="$1" bs=512 seek=1 conv=notrunc status=none
	truncate -s 1M "$1"
}

# bios OPTION...: run SeaBIOS with 64 MiB; its log is in $T/log, the console's output is $output. With fds of its own:
# bios sh -c 'exec "$@" -w blk,fd=3 3<>disk' sh
bios() {
	local command=()
	if [[ $1 = sh ]]; then
		command=("${@:1:4}")
		shift 4
	fi
	# shellcheck disable=SC2016 # expands there
	clean timeout -k 1 50 "${command[@]}" sh -c 'exec "$@" 5>"$0"' "$T/log" \
		kvm-run -F "$SEABIOS/bios-256k.bin" -m 64 -w con,fd=5,as=debug "$@" </dev/null
}
