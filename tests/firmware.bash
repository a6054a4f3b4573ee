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

# bios [COMMAND... --] OPTION...: run SeaBIOS with 64 MiB, by COMMAND if there is one, for $patience seconds at most; its log
# is in $T/log. With fds of its own: bios sh -c 'exec "$@" 3<>"$0"' "$T/disk" -- -w blk,fd=3
bios() {
	local command=()
	if [[ " $* " = *' -- '* ]]; then
		while [[ $1 != -- ]]; do
			command+=("$1")
			shift
		done
		shift
	fi
	# shellcheck disable=SC2016 # expands there
	clean timeout -k 1 "${patience:-50}" "${command[@]}" sh -c 'exec "$@" 5>"$0"' "$T/log" \
		kvm-run -F "$SEABIOS/bios-256k.bin" -m 64 -w con,fd=5,as=debug "$@" </dev/null
}
